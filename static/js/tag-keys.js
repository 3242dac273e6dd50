// <tag-keys>: keyboard navigation among an editor's tags while a tag's remove button has the focus.
// It moves, copies and presses buttons; the editor handles the presses.
//
// Fires "say" with detail {text}, and "leave" when Escape asks to go back to the field.

const TYPE_AHEAD = 8; // number of tags from which typing a letter moves to a tag

class TagKeys extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.onKey(event));
  }

  get buttons() {
    return [...this.querySelectorAll(".chip-remove")];
  }

  onKey(event) {
    const button = event.target.closest("li")?.querySelector(".chip-remove");
    if (!button) return;
    const done =
      event.ctrlKey || event.metaKey
        ? event.key === "c" && this.copy(button)
        : event.target === button && !event.altKey && this.press(button, event);
    if (done) event.preventDefault();
  }

  // Let the browser copy text that is selected with the mouse.
  copy(button) {
    if (String(getSelection())) return false;
    const text = button.value;
    navigator.clipboard.writeText(text).then(() => this.emit("say", { text: `${text} copied.` }));
    return true;
  }

  // True if the key was handled. A key held down does not remove a second tag.
  press(button, { key, repeat }) {
    const buttons = this.buttons;
    const place = buttons.indexOf(button);
    const goTo = {
      ArrowLeft: buttons[place - 1] ?? button,
      ArrowUp: buttons[place - 1] ?? button,
      ArrowRight: buttons[place + 1] ?? button,
      ArrowDown: buttons[place + 1] ?? button,
      Home: buttons[0],
      End: buttons.at(-1),
    }[key];
    if (goTo) goTo.focus();
    else if (key === "Escape") this.emit("leave");
    else if (key === "Backspace" || key === "Delete") {
      if (!repeat) button.click();
    } else if (key === "Enter" || key === " ") return repeat;
    else if (key.length === 1 && buttons.length >= TYPE_AHEAD) {
      const later = [...buttons.slice(place + 1), ...buttons.slice(0, place)];
      const begins = (other) => other.value.toLowerCase().startsWith(key.toLowerCase());
      later.find(begins)?.focus();
    } else return false;
    return true;
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

customElements.define("tag-keys", TagKeys);
