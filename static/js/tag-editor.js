// <tag-editor>: makes the forms inside it quick. They work without it.
//
// Each change gets a form of its own in #tag-pending, which carries its text until the server has
// answered. htmx sends these one after the other; a form that waits reads its own field, not the
// one someone types the next tag into. The server's list is the truth and replaces ours each time.

const SPOKEN = 10_000; // ms that an announcement stays, so that nobody reads a stale one
const TYPE_AHEAD = 8; // from so many tags on, a letter moves to a tag
const ANSWERED = new Set([200, 403, 404, 409, 422]);

class TagEditor extends HTMLElement {
  connectedCallback() {
    this.section = this.closest("section");
    this.form = this.querySelector("#tag-form");
    this.input = this.form.querySelector("[role=combobox]");
    this.removal = this.querySelector("#tag-remove");
    this.pending = this.querySelector("#tag-pending");
    this.status = this.querySelector("#tag-status");
    this.key = `ade-typed-${this.dataset.key}`;

    this.addEventListener("submit", (event) => this.onSubmit(event), true);
    this.addEventListener("choose", ({ detail }) =>
      this.add(detail.value, detail.typed ? "tag" : "exact"),
    );
    this.addEventListener("suggested", ({ detail }) => this.announce(inWords(detail.count)));
    this.addEventListener("click", (event) => this.onClick(event));
    this.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("beforeinput", (event) => this.onBeforeInput(event));
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    this.input.addEventListener("blur", () => this.onLeave());
    this.addEventListener("htmx:beforeRequest", (event) => this.onSend(event));
    this.addEventListener("htmx:beforeOnLoad", (event) => this.onRedirect(event));
    this.addEventListener("htmx:beforeSwap", () => this.onSwap());
    document.body.addEventListener("htmx:afterRequest", (event) => this.onAnswer(event));
    document.addEventListener("keydown", (event) => this.onUndoKey(event));
    new MutationObserver(() => this.forgetLater()).observe(this.status, { childList: true });
    this.restore();
  }

  get list() {
    return this.querySelector("#tag-list");
  }

  get removeButtons() {
    return [...this.list.querySelectorAll(".chip-remove")];
  }

  // --- Changes --------------------------------------------------------------------------

  onSubmit(event) {
    if (event.target === this.form) this.add(this.input.value, "tag");
    else if (event.target === this.removal) this.remove(event.submitter);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  add(text, name) {
    this.querySelector("suggest-box").close();
    this.input.removeAttribute("aria-invalid");
    this.querySelector("#tag-error").textContent = "";
    if (!text.trim()) return;
    this.input.value = "";
    this.carry(this.form, name, text);
  }

  remove(button) {
    if (button.closest("li").classList.contains("is-leaving")) return;
    this.carry(this.removal, "tag", button.value).hidden = true;
    this.markLeaving();
  }

  carry(form, name, value) {
    const item = this.querySelector("template").content.firstElementChild.cloneNode(true);
    const carrier = item.querySelector("form");
    carrier.action = form.action;
    carrier.setAttribute("hx-post", form.getAttribute("hx-post"));
    const field = carrier.querySelector("input:not([name])");
    field.name = name;
    field.value = value;
    carrier.querySelector("bdi").textContent = value;
    this.pending.append(item);
    htmx.process(item);
    carrier.requestSubmit();
    return item;
  }

  carried(item) {
    return item.querySelector("input[name=tag], input[name=exact]");
  }

  isRemoval(item) {
    return item.querySelector("form").action === this.removal.action;
  }

  markLeaving() {
    const going = new Set(
      [...this.pending.children]
        .filter((item) => this.isRemoval(item) && item.ariaBusy === "true")
        .map((item) => this.carried(item).value),
    );
    for (const button of this.removeButtons) {
      const leaving = going.has(button.value);
      button.closest("li").classList.toggle("is-leaving", leaving);
      button.closest("li").ariaBusy = leaving ? "true" : null;
    }
  }

  // --- The way to the server and back ----------------------------------------------------

  onSend(event) {
    const item = event.target.closest("#tag-pending > li");
    if (!item) return;
    const inside = item.contains(document.activeElement);
    item.ariaBusy = "true";
    item.classList.remove("tag-trouble");
    for (const part of item.querySelectorAll(".why, button")) part.hidden = true;
    item.hidden = this.isRemoval(item);
    if (inside) this.input.focus();
  }

  onSwap() {
    this.focused = this.section.contains(document.activeElement);
  }

  onAnswer(event) {
    const { elt, target, xhr } = event.detail;
    const item = elt.closest("#tag-pending > li");
    const ours = target?.id === "tag-list";
    if (!this.isConnected || !(item || ours)) return; // gone: the agent, or the right to edit it
    if (item && ours && ANSWERED.has(xhr.status)) item.remove();
    else if (item) this.trouble(item, xhr);
    this.markLeaving();
    this.list.querySelector(".is-there")?.scrollIntoView({ block: "nearest" });
    if (this.focused && !this.section.contains(document.activeElement))
      (this.list.querySelector("[data-focus]") ?? this.input).focus();
    this.focused = false;
  }

  // What was asked stays in sight until someone tries again or gives up; nothing is sent by itself.
  trouble(item, xhr) {
    item.hidden = false;
    item.ariaBusy = null;
    item.classList.add("tag-trouble");
    for (const part of item.querySelectorAll(".why, button")) part.hidden = false;
    const what = this.isRemoval(item) ? "Not removed" : "Not saved";
    const id = xhr.status && xhr.getResponseHeader("X-Request-ID");
    const wait = xhr.status === 429 && xhr.getResponseHeader("Retry-After");
    const why = wait
      ? `too many changes; try again in ${wait} seconds.`
      : id
        ? `the server could not do it (request ${id}).`
        : "could not reach the server.";
    item.querySelector(".why").textContent = `${what}: ${why}`;
    this.say(`${this.carried(item).value}: ${what.toLowerCase()}, ${why}`);
  }

  // The session ended: what is not saved waits in this tab until someone has signed in again.
  onRedirect(event) {
    if (!event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    const texts = [...this.pending.children]
      .filter((item) => !this.isRemoval(item))
      .map((item) => this.carried(item))
      .map((field) => (field.name === "exact" ? quoted(field.value) : field.value));
    if (this.input.value.trim()) texts.push(this.input.value);
    if (texts.length) sessionStorage.setItem(this.key, texts.join(", "));
  }

  restore() {
    const text = sessionStorage.getItem(this.key);
    if (!text) return;
    sessionStorage.removeItem(this.key);
    this.input.value = text.replace(/[\r\n]+/g, ", ");
    this.input.focus();
    this.say(`“${this.input.value}” not added. Press Enter to add.`);
  }

  // --- Typing -----------------------------------------------------------------------------

  // A comma ends a tag, on phones too, whose keyboards tell no key; inside quotes it is a character.
  onBeforeInput(event) {
    if (event.data !== "," || event.isComposing) return;
    const { value, selectionStart, selectionEnd } = this.input;
    const before = value.slice(0, selectionStart);
    if (before.split('"').length % 2 === 0) return;
    event.preventDefault();
    const after = value.slice(selectionEnd);
    if (!before.trim()) return;
    this.add(before, "tag");
    this.input.value = after.trimStart();
    this.input.setSelectionRange(0, 0);
  }

  onPaste(event) {
    const text = event.clipboardData.getData("text/plain").trim();
    if (!/[\n\r\t,]/.test(text) || /^"(?:[^"\n\r\t]|"")*"$/.test(text)) return;
    event.preventDefault();
    const { value, selectionStart, selectionEnd } = this.input;
    this.add(value.slice(0, selectionStart) + text + value.slice(selectionEnd), "tag");
  }

  onLeave() {
    const text = this.input.value.trim();
    if (text && document.hasFocus()) this.say(`“${text}” not added. Press Enter to add.`);
  }

  // --- Keys -------------------------------------------------------------------------------

  onKey(event) {
    if (event.target === this.input) this.onInputKey(event);
    else if (event.target.matches(".chip-remove")) this.onRemoveKey(event);
  }

  onInputKey(event) {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) {
      event.preventDefault(); // the Enter that ends a composition adds nothing
      return;
    }
    if (event.key !== "Backspace" || this.input.value || event.repeat) return;
    const last = this.removeButtons.at(-1);
    if (!last) return;
    event.preventDefault();
    last.focus();
    this.say(`Remove tag ${last.value}? Press Backspace again.`);
  }

  onRemoveKey(event) {
    const button = event.target;
    const modified = event.ctrlKey || event.metaKey;
    if (modified && event.key === "c" && !String(getSelection())) {
      navigator.clipboard.writeText(button.value);
      this.say(`${button.value} copied.`);
      return;
    }
    if (modified || event.altKey) return;
    const all = this.removeButtons;
    const place = all.indexOf(button);
    const goTo = {
      ArrowLeft: all[place - 1] ?? button,
      ArrowUp: all[place - 1] ?? button,
      ArrowRight: all[place + 1] ?? button,
      ArrowDown: all[place + 1] ?? button,
      Home: all[0],
      End: all.at(-1),
      Escape: this.input,
    }[event.key];
    if (goTo) goTo.focus();
    else if (event.key === "Backspace" || event.key === "Delete") {
      if (!event.repeat) this.remove(button);
    } else if (event.key.length === 1 && event.key !== " " && all.length >= TYPE_AHEAD) {
      const letter = event.key.toLowerCase();
      const later = [...all.slice(place + 1), ...all.slice(0, place)];
      later.find((other) => other.value.toLowerCase().startsWith(letter))?.focus();
    } else return;
    event.preventDefault();
  }

  // Inside a text field the keys take back typing, as everywhere.
  onUndoKey(event) {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
    if (event.target.closest("input, textarea, [contenteditable]")) return;
    const button = this.querySelector("#tag-undo-button");
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  // --- Refused and failed -----------------------------------------------------------------

  onClick(event) {
    const button = event.target.closest("[data-edit], [data-retry], [data-discard]");
    if (!button) return;
    const { edit, retry } = button.dataset;
    if (edit !== undefined && this.input.value.trim()) {
      this.say("The field holds another tag: add or clear it first.");
      this.input.focus();
      return;
    }
    button.closest("li").remove();
    if (edit !== undefined) this.input.value = edit;
    if (retry !== undefined) this.carry(this.form, "tag", retry);
    this.querySelector("#tag-error").textContent = "";
    this.markLeaving();
    this.input.focus();
  }

  // --- Speaking ---------------------------------------------------------------------------

  say(text) {
    this.status.textContent = text;
  }

  announce(text) {
    this.querySelector("#tag-announce").textContent = text;
  }

  forgetLater() {
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => this.status.replaceChildren(), SPOKEN);
  }
}

function inWords(count) {
  return count === 1 ? "1 suggestion." : `${count || "No"} suggestions.`;
}

function quoted(text) {
  return /[,"\n\r\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

customElements.define("tag-editor", TagEditor);
