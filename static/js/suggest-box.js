// <suggest-box>: a text field with a list of suggestions, as the ARIA combobox pattern has it.
// The server renders the options; this opens, moves and closes. Nothing is chosen beforehand, so
// Enter stays the form's own submit until someone moves to an option.
//
// Fires "choose" with detail {value, typed}: `typed` is true for the row that offers what stands
// in the field. Wants htmx to ask for the options on "suggest".

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
        if (!this.active) return;
        event.preventDefault();
        this.choose(this.active);
        break;
      case "Escape":
        if (this.open) this.close();
        else if (this.input.value) this.input.value = "";
        else return;
        event.preventDefault();
        break;
      case "Tab":
        this.close();
    }
  }

  onInput() {
    this.activate(null);
    this.goTo = null;
    this.asked = false;
    this.left = false;
    if (!this.input.value.trim()) this.close();
  }

  // Ask for options although nothing was typed; then go to the first (1) or the last (-1).
  ask(goTo) {
    this.goTo = goTo;
    this.asked = true;
    this.left = false;
    htmx.trigger(this.input, "suggest");
  }

  onAsk(event) {
    if (!this.asked && !this.input.value.trim()) {
      event.preventDefault();
      return;
    }
    delete event.detail.parameters[this.input.name];
    event.detail.parameters.q = this.input.value;
    event.detail.parameters.list = this.list.id;
  }

  // An answer to what no longer stands in the field, or no longer has the focus, is dropped; so is
  // one that comes after the list was closed, asked for by what was typed just before.
  onAnswer(event) {
    const stale = event.detail.requestConfig.parameters.q !== this.input.value;
    const wanted = this.asked || (!this.left && this.input.value.trim());
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

  // One option on or back; past either end lies the text field itself.
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
    this.emit("choose", { value, typed });
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

customElements.define("suggest-box", SuggestBox);
