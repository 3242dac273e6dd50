// <suggest-box>: a text field with a list of suggestions, as the ARIA combobox pattern has it.
// The server renders the options; this opens, moves and closes. Nothing is chosen beforehand, so
// Enter submits the form until someone moves to an option.
//
// Fires "choose" with detail {value, typed}: `typed` is true for the row that offers what stands
// in the field. htmx must load the options on "suggest". With data-fill the chosen value goes into the
// field instead: "one" replaces the text, "many" the last of several tags separated by commas.

class SuggestBox extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("[role=combobox]");
    this.list = this.querySelector("[role=listbox]");
    this.input.removeAttribute("list"); // the browser's own list is for pages without script
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("input", () => this.onInput());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("htmx:configRequest", (event) => this.onAsk(event));
    this.list.addEventListener("htmx:beforeSwap", (event) => this.onAnswer(event));
    this.list.addEventListener("htmx:afterSwap", () => this.show());
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // focus stays
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]:not([aria-disabled])");
      if (option) this.choose(option);
    });
  }

  // The text that suggestions are for.
  get wantedText() {
    return this.dataset.fill === "many" ? this.input.value.slice(this.start) : this.input.value;
  }

  // Where the last tag begins: after the last comma outside quotes.
  get start() {
    let quoted = false;
    let start = 0;
    [...this.input.value].reduce((place, char) => {
      if (char === '"') quoted = !quoted;
      else if (!quoted && ",，、".includes(char)) start = place + 1;
      return place + char.length;
    }, 0);
    return start;
  }

  // Put the chosen value into the field, and the next tag after it.
  fill(value, typed) {
    if (this.dataset.fill === "one") this.input.value = value;
    else if (!typed) {
      const before = this.input.value.slice(0, this.start);
      const name = /[",，、]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
      this.input.value = `${before}${before ? " " : ""}${name}, `;
    }
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  get open() {
    return !this.list.hidden;
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]:not([aria-disabled])")];
  }

  get active() {
    return this.list.querySelector("[aria-selected=true]");
  }

  onKey(event) {
    if (event.isComposing || event.keyCode === 229) return;
    switch (event.key) {
      case "ArrowDown":
        event.preventDefault();
        if (event.altKey && this.active) this.close();
        else if (event.altKey) this.ask(null);
        else if (this.open) this.move(1);
        else this.ask(1);
        break;
      case "ArrowUp":
        event.preventDefault();
        if (event.altKey) this.close();
        else if (this.open) this.move(-1);
        else this.ask(-1);
        break;
      case "ArrowLeft":
      case "ArrowRight":
      case "Home":
      case "End":
        this.activate(null);
        break;
      case "Enter":
        if (!this.active) {
          this.close();
          return;
        }
        event.preventDefault();
        this.choose(this.active);
        break;
      case "Escape":
        if (this.open) this.close();
        else if (this.input.value) this.empty();
        else return;
        event.preventDefault();
        break;
      case "Tab":
        this.close();
    }
  }

  // As a person would, so that the browser's undo brings the text back.
  empty() {
    this.input.select();
    document.execCommand("delete");
  }

  onInput() {
    this.activate(null);
    this.goTo = null;
    this.asked = false;
    this.left = false;
    if (!this.wantedText.trim()) this.close();
  }

  // Load options although nothing was typed, then move to the first (1) or the last (-1).
  ask(goTo) {
    this.goTo = goTo;
    this.asked = true;
    this.left = false;
    htmx.trigger(this.input, "suggest");
  }

  onAsk(event) {
    if (!this.asked && !this.wantedText.trim()) {
      event.preventDefault();
      return;
    }
    delete event.detail.parameters[this.input.name];
    event.detail.parameters.q = this.wantedText.trim();
    event.detail.parameters.list = this.list.id;
  }

  // An answer to what no longer stands in the field, or no longer has the focus, is dropped; so is
  // one that comes after the list was closed, asked for by what was typed just before.
  onAnswer(event) {
    const stale = event.detail.requestConfig.parameters.q !== this.wantedText.trim();
    const wanted = this.asked || (!this.left && this.wantedText.trim());
    if (stale || !wanted || document.activeElement !== this.input || event.detail.xhr.status !== 200)
      event.detail.shouldSwap = false;
  }

  show() {
    const count = this.list.querySelectorAll("[data-value]").length;
    if (!this.list.childElementCount) {
      this.close();
      return;
    }
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    if (this.goTo) this.move(this.goTo);
    this.goTo = null;
    clearTimeout(this.counting);
    this.counting = setTimeout(() => {
      if (this.open) this.emit("suggested", { count });
    }, 500);
  }

  close() {
    clearTimeout(this.counting);
    this.asked = false;
    this.left = true;
    htmx.trigger(this.input, "htmx:abort");
    this.list.hidden = true;
    this.activate(null);
    this.input.setAttribute("aria-expanded", "false");
  }

  // Move one option; the text field is past either end.
  move(step) {
    const places = [...this.options, null];
    const now = places.indexOf(this.active);
    this.activate(places[(now + step + places.length) % places.length]);
  }

  activate(option) {
    this.active?.setAttribute("aria-selected", "false");
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", option.id);
    } else {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  choose(option) {
    const typed = "typed" in option.dataset;
    const value = typed ? this.input.value : option.dataset.value;
    this.close();
    if (this.dataset.fill) this.fill(value, typed);
    else this.emit("choose", { value, typed });
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

customElements.define("suggest-box", SuggestBox);
