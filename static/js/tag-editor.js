// <tag-editor>: speeds up the forms inside it, which also work without it.
//
// Each change gets a form of its own among the pending, which carries its text until the server has
// answered. htmx sends these one after the other; a form that waits reads its own field, not the
// one someone types the next tag into. The server's list is the truth and replaces ours each time.
// Several editors may stand on one page: the ids of each begin with its data-prefix.

const SPOKEN = 10_000; // ms that an announcement stays, so that nobody reads a stale one
const ANSWERED = new Set([200, 403, 404, 409, 422]);

class TagEditor extends HTMLElement {
  connectedCallback() {
    this.section = this.closest("section");
    this.form = this.part("form");
    this.input = this.part("input");
    this.removal = this.part("remove");
    this.pending = this.part("pending");
    this.key = `ade-typed-${this.dataset.key}`;
    this.stopping = new AbortController();
    const { signal } = this.stopping;

    this.addEventListener("submit", (event) => this.onSubmit(event), true);
    this.addEventListener("choose", (event) => this.onChoose(event));
    this.addEventListener("suggested", ({ detail }) => this.announce(inWords(detail.count)));
    this.addEventListener("say", ({ detail }) => this.say(detail.text));
    this.addEventListener("leave", () => this.input.focus());
    this.addEventListener("news", ({ detail }) => this.onNews(detail));
    this.addEventListener("click", (event) => this.onClick(event), true);
    this.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("beforeinput", (event) => this.onBeforeInput(event));
    this.input.addEventListener("input", () => this.keep());
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    this.input.addEventListener("blur", () => this.onLeave());
    this.addEventListener("htmx:configRequest", (event) => this.onAsk(event));
    this.addEventListener("htmx:beforeRequest", (event) => this.onSend(event));
    this.addEventListener("htmx:beforeOnLoad", (event) => this.onRedirect(event));
    this.section.addEventListener("htmx:beforeSwap", (event) => this.onSwap(event), { signal });
    document.body.addEventListener("htmx:afterRequest", (event) => this.onAnswer(event), { signal });
    document.addEventListener("keydown", (event) => this.onUndoKey(event), { signal });
    for (const name of ["status", "announce"]) this.forgetLater(this.part(name));
    this.restore();
  }

  disconnectedCallback() {
    this.stopping.abort();
  }

  part(name) {
    return document.getElementById(`${this.dataset.prefix}-${name}`);
  }

  get list() {
    return this.part("list");
  }

  // What the page shows, so that the server can tell what others changed since.
  get shown() {
    const { place, opened } = this.dataset;
    return { place, opened, seen: this.list.dataset.seen };
  }

  // True while a change is being sent.
  get busy() {
    return Boolean(this.querySelector("li[aria-busy=true], form.htmx-request"));
  }

  // --- Changes --------------------------------------------------------------------------

  onSubmit(event) {
    if (event.target === this.form) this.add(this.input.value, "tag");
    else if (event.target === this.removal) this.remove(event.submitter);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  onChoose(event) {
    event.stopPropagation();
    this.add(event.detail.value, event.detail.typed ? "tag" : "exact");
  }

  add(text, name) {
    this.querySelector("suggest-box").close();
    this.input.removeAttribute("aria-invalid");
    this.part("error").textContent = "";
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
    for (const button of this.list.querySelectorAll(".chip-remove")) {
      const leaving = going.has(button.value);
      button.closest("li").classList.toggle("is-leaving", leaving);
      button.closest("li").ariaBusy = leaving ? "true" : null;
    }
  }

  // --- Requests and answers ----------------------------------------------------

  onAsk(event) {
    if (event.detail.target !== this.list) return;
    Object.assign(event.detail.parameters, this.shown);
    const reason = this.part("reason").value.trim();
    if (reason) event.detail.parameters.reason = reason;
    // The page to return to if the session has ended.
    if (this.dataset.place === "page")
      event.detail.headers["HX-Current-URL"] = `${location.href.split("#")[0]}#tags`;
  }

  onSend(event) {
    const item = event.target.closest("li");
    if (item?.parentElement !== this.pending) return;
    const inside = item.contains(document.activeElement);
    item.ariaBusy = "true";
    item.classList.remove("tag-trouble");
    for (const part of item.querySelectorAll(".why, button")) part.hidden = true;
    item.hidden = this.isRemoval(item);
    if (inside) this.input.focus();
  }

  // Do not swap in an answer that is not the editor's, such as a proxy's error page.
  onSwap(event) {
    const { target, xhr } = event.detail;
    if (target === this.list) {
      if (!this.isAnswer(xhr)) event.detail.shouldSwap = false;
      this.focused = this.contains(document.activeElement);
    } else if (target === this.section) this.onClose();
  }

  isAnswer(xhr) {
    return ANSWERED.has(xhr.status) && xhr.responseText.includes(`id="${this.dataset.prefix}-list"`);
  }

  onAnswer(event) {
    const { elt, target, xhr } = event.detail;
    const item = [...this.pending.children].find((one) => one.contains(elt));
    const ours = target === this.list || target?.id === this.list.id;
    if (!(item || ours)) return;
    if (ours && xhr.status === 200) this.part("reason").value = "";
    if (ours && this.isAnswer(xhr)) item?.remove();
    else if (item) this.trouble(item, xhr);
    else this.part("error").textContent = `Not done: ${reason(xhr)}`;
    this.settle();
    this.keep();
    if (this.closing && !this.busy) this.querySelector("[data-done]").click();
  }

  // After a list was put in the place of the one before.
  settle() {
    this.markLeaving();
    clocks(this.list);
    this.list.querySelector(".is-there")?.scrollIntoView({ block: "nearest" });
    if (this.focused && !this.contains(document.activeElement))
      (this.list.querySelector("[data-focus]") ?? this.input).focus();
    this.focused = false;
  }

  onNews({ html, target }) {
    this.focused = this.contains(document.activeElement);
    if (target) this.onClose();
    const place = target ? this.section : this.list;
    htmx.swap(place, html, { swapStyle: target ? "innerHTML" : "outerHTML" });
    if (!this.isConnected) return;
    this.settle();
    htmx.trigger(document.body, "tags-changed", { asked: true });
  }

  // The agent is gone, or the right to edit it: a message takes the editor's place. What is not
  // saved goes under it, to be copied.
  onClose() {
    const texts = this.unsaved;
    const focused = this.contains(document.activeElement);
    const after = () => {
      if (texts.length) {
        const left = document.createElement("p");
        left.textContent = `Not saved: ${texts.join(", ")}`;
        this.section.append(left);
      }
      if (focused) this.section.querySelector("h2").focus();
    };
    this.section.addEventListener("htmx:afterSwap", after, { once: true });
  }

  // A failed change stays visible until someone retries or discards it; it is never resent by itself.
  trouble(item, xhr) {
    item.hidden = false;
    item.ariaBusy = null;
    item.classList.add("tag-trouble");
    for (const part of item.querySelectorAll(".why, button")) part.hidden = false;
    const copy = item.querySelector("[data-request]");
    copy.dataset.copy = requestOf(xhr) ?? "";
    copy.hidden = !copy.dataset.copy;
    const what = this.isRemoval(item) ? "Not removed" : "Not saved";
    item.querySelector(".why").textContent = `${what}: ${reason(xhr)}`;
    this.say(`${this.carried(item).value}: ${what.toLowerCase()}, ${reason(xhr)}`);
  }

  // --- Unsaved changes --------------------------------------------------------------

  get unsaved() {
    const texts = [...this.pending.children]
      .filter((item) => !this.isRemoval(item))
      .map((item) => this.carried(item))
      .map((field) => (field.name === "exact" ? quoted(field.value) : field.value));
    if (this.input.value.trim()) texts.push(this.input.value);
    return texts;
  }

  // The session ended: unsaved changes wait in this tab.
  onRedirect(event) {
    if (!event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    this.keeping = true;
    this.keep();
  }

  keep() {
    if (!this.keeping) return;
    const text = this.unsaved.join(", ");
    if (text) sessionStorage.setItem(this.key, text);
    else sessionStorage.removeItem(this.key);
  }

  restore() {
    const text = sessionStorage.getItem(this.key);
    if (!text) return;
    this.keeping = true;
    this.input.value = text.replace(/[\r\n]+/g, ", ");
    this.input.focus();
    // The address names the section, which gets the focus once the page is laid out.
    this.section.addEventListener("focus", () => this.input.focus(), { once: true });
    this.say(`“${this.input.value}” not added. Press Enter to add.`);
  }

  // --- Typing -----------------------------------------------------------------------------

  // A comma ends a tag, also on phones, whose keyboards report no key. Inside quotes it is part of the tag.
  onBeforeInput(event) {
    if (!/^[,，、]$/.test(event.data ?? "") || event.isComposing) return;
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
    if (!/[\n\r\t,，、]|^\[".*"\]$/.test(text) || /^"(?:[^"\n\r\t]|"")*"$/.test(text)) return;
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
    if (event.defaultPrevented) return;
    if (event.isComposing || event.keyCode === 229) {
      if (event.key === "Enter") event.preventDefault(); // it ends a composition and adds nothing
    } else if (event.key === "Escape") this.section.querySelector("[data-done]")?.click();
    else if (event.target === this.input && event.key === "Backspace") this.onBackspace(event);
  }

  onBackspace(event) {
    if (this.input.value || event.repeat) return;
    const last = [...this.list.querySelectorAll("li:not(.is-leaving) > .chip-remove")].at(-1);
    if (!last) return;
    event.preventDefault();
    last.focus();
    this.say(`Remove tag ${last.value}? Press Backspace again.`);
  }

  // In a text field the undo keys undo typing, as everywhere.
  onUndoKey(event) {
    if (!(event.ctrlKey || event.metaKey) || !["z", "Z", "y"].includes(event.key)) return;
    if (event.target.closest("input, textarea, [contenteditable]")) return;
    const editor = event.target.closest("tag-editor") ?? document.querySelector("tag-editor");
    const button = this.part("undo-button");
    const redo = event.shiftKey || event.key === "y";
    if (editor !== this || !button || "redo" in button.dataset !== redo) return;
    event.preventDefault();
    button.click();
  }

  // --- Refused and failed -----------------------------------------------------------------

  onClick(event) {
    if (event.target.closest("[data-keep]")) return this.onKeep(event);
    const button = event.target.closest("[data-edit], [data-retry], [data-discard], [data-done]");
    if (!button) return;
    if ("done" in button.dataset) return this.onDone(event);
    const { edit, retry } = button.dataset;
    if (edit !== undefined && this.input.value.trim()) return this.notYet();
    button.closest("li").remove();
    if (edit !== undefined) this.input.value = edit;
    if (retry !== undefined) this.carry(this.form, "tag", retry);
    this.part("error").textContent = "";
    this.markLeaving();
    this.keep();
    this.input.focus();
  }

  // Both owners stay; the head of the page goes on saying so.
  onKeep(event) {
    event.preventDefault();
    event.target.closest("[data-notice]").remove();
    this.say("Both owners kept.");
    this.input.focus();
  }

  // Close once everything is answered, and never while something unsaved would be lost.
  onDone(event) {
    this.closing = this.busy;
    const held = this.input.value.trim() || this.pending.querySelector(".tag-trouble");
    if (!held && !this.closing) return;
    event.stopPropagation();
    if (held) this.notYet();
  }

  notYet() {
    this.closing = false;
    this.say(`${this.unsaved.join(", ")} is not added yet: add or discard it first.`);
    this.input.focus();
  }

  // --- Announcements ---------------------------------------------------------------------------

  say(text) {
    this.part("status").textContent = text;
  }

  announce(text) {
    this.part("announce").textContent = text;
  }

  forgetLater(place) {
    let timer;
    new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(() => place.replaceChildren(), SPOKEN);
    }).observe(place, { childList: true });
  }
}

function requestOf(xhr) {
  return xhr.status ? xhr.getResponseHeader("X-Request-ID") : null;
}

function reason(xhr) {
  const wait = xhr.status === 429 && xhr.getResponseHeader("Retry-After");
  if (wait) return `too many changes; try again in ${wait} seconds.`;
  const id = requestOf(xhr);
  return id ? `the server could not do it (request ${id}).` : "could not reach the server.";
}

// Times as the reader's clock has them.
function clocks(list) {
  for (const time of list.querySelectorAll("[data-clock]"))
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { timeStyle: "short" });
}

function inWords(count) {
  return count === 1 ? "1 suggestion." : `${count || "No"} suggestions.`;
}

function quoted(text) {
  return /[,"\n\r\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

customElements.define("tag-editor", TagEditor);
