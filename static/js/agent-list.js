// <agent-list>: the filter as one types. The form inside works without it; the server holds the
// state, and its address is the page's.

class AgentList extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("#filter");
    this.input = this.querySelector("#filter-tag");
    this.addEventListener("choose", ({ detail }) => this.choose(detail.value));
    this.addEventListener("htmx:configRequest", (event) => this.onAsk(event));
    this.addEventListener("htmx:beforeSwap", () => this.onSwap());
    this.addEventListener("htmx:afterSwap", (event) => this.onSwapped(event));
    this.addEventListener("change", ({ target }) => this.onPick(target));
    this.addEventListener("keydown", (event) => this.onKey(event));
    this.addEventListener("focusin", ({ target }) => this.onFocus(target));
    this.addEventListener("htmx:beforeRequest", (event) => this.onBusy(event));
    this.showPicks();
    this.oneStop();
  }

  // One tab stop for each row: its agent. Arrow keys lead to the other controls of the row.
  oneStop(rows = this.querySelectorAll(".rows tbody tr")) {
    for (const row of rows) {
      for (const control of this.controls(row)) control.tabIndex = -1;
      row.querySelector(".row-agent > a").tabIndex = 0;
    }
  }

  controls(row) {
    return [...row.querySelectorAll("a, button, input, summary")].filter(
      (control) => !control.closest("tag-editor") && control.checkVisibility?.() !== false,
    );
  }

  onFocus(target) {
    const row = target.closest(".rows tbody tr");
    if (!row || target.closest("tag-editor")) return;
    this.oneStop([row]);
    row.querySelector(".row-agent > a").tabIndex = target.matches(".row-agent > a") ? 0 : -1;
    target.tabIndex = 0;
  }

  onKey(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const row = event.target.closest(".rows tbody tr");
    if (!by || !row || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("tag-editor")) return;
    const controls = this.controls(row);
    const next = controls[controls.indexOf(event.target) + by];
    if (!next) return;
    next.focus();
    event.preventDefault();
  }

  // The old rows stay, dimmed. The words come only if the answer takes a while.
  onBusy(event) {
    if (event.target !== this.form) return;
    clearTimeout(this.busy);
    this.busy = setTimeout(() => {
      document.getElementById("list-status").textContent = "Searching…";
    }, 400);
  }

  // A text input would lose a line break in a tag.
  choose(name) {
    const chosen = document.createElement("input");
    Object.assign(chosen, { type: "hidden", name: "tag", value: name });
    this.input.value = "";
    this.form.append(chosen);
    this.form.requestSubmit();
    chosen.remove();
  }

  // A half-typed tag is not a filter yet when another filter changes.
  onAsk(event) {
    if (event.target !== this.form) return;
    this.adding = event.detail.triggeringEvent?.type === "submit";
    if (!this.adding) delete event.detail.parameters.tag;
  }

  onSwap() {
    clearTimeout(this.busy);
    this.focused = this.querySelector("#results").contains(document.activeElement);
  }

  // A row's box, or the header's for the whole page; the server stores the selection.
  onPick(box) {
    if (!box.matches(".pick")) return;
    const rows = this.rowPicks();
    if (box.id === "pick-page") for (const row of rows) row.checked = box.checked;
    this.showPicks();
    const bar = this.querySelector("#bulk");
    bar.classList.toggle("is-on", this.rowPicks().some((row) => row.checked));
    bar.requestSubmit();
  }

  rowPicks() {
    return [...this.querySelectorAll(".pick[name=agent]")];
  }

  // The header's box shows whether all, some or none of this page are picked.
  showPicks() {
    const head = this.querySelector("#pick-page");
    if (!head) return;
    const ticked = this.rowPicks().map((row) => row.checked);
    head.hidden = false;
    head.checked = ticked.length > 0 && ticked.every(Boolean);
    head.indeterminate = !head.checked && ticked.some(Boolean);
  }

  // Apply the server's selection: "all" and "clear" change boxes that nobody clicked.
  takePicks(form) {
    form.classList.toggle("is-on", Boolean(form.querySelector("#bulk-none")));
    const picked = new Set(form.dataset.picked.split(" "));
    for (const row of this.rowPicks()) row.checked = picked.has(row.value);
  }

  onSwapped(event) {
    const bar = event.detail.target?.id === "bulk" && this.querySelector("#bulk");
    if (bar) this.takePicks(bar);
    this.showPicks();
    if (event.detail.target?.id !== "results") return;
    const results = this.querySelector("#results");
    if (this.adding && !("refused" in results.dataset)) this.input.value = "";
    this.adding = false;
    this.oneStop();
    document.body.dispatchEvent(new Event("listed"));
    if (this.focused) results.focus();
  }
}

customElements.define("agent-list", AgentList);
