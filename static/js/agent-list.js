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
    this.showPicks();
  }

  // A field of text would lose the line break of a tag that has one.
  choose(name) {
    const chosen = document.createElement("input");
    Object.assign(chosen, { type: "hidden", name: "tag", value: name });
    this.input.value = "";
    this.form.append(chosen);
    this.form.requestSubmit();
    chosen.remove();
  }

  // Half a tag stands in the field while someone changes another one: it is no filter yet.
  onAsk(event) {
    if (event.target !== this.form) return;
    this.adding = event.detail.triggeringEvent?.type === "submit";
    if (!this.adding) delete event.detail.parameters.tag;
  }

  onSwap() {
    this.focused = this.querySelector("#results").contains(document.activeElement);
  }

  // One box of a row, or the header's for all of the page; the server keeps what is picked.
  onPick(box) {
    if (!box.matches(".pick")) return;
    const rows = this.rowPicks();
    if (box.id === "pick-page") for (const row of rows) row.checked = box.checked;
    this.showPicks();
    this.querySelector("#bulk").requestSubmit();
  }

  rowPicks() {
    return [...this.querySelectorAll(".pick[name=agent]")];
  }

  // The header's box stands for this page: all of it, some of it, or none.
  showPicks() {
    const head = this.querySelector("#pick-page");
    if (!head) return;
    const ticked = this.rowPicks().map((row) => row.checked);
    head.hidden = false;
    head.checked = ticked.length > 0 && ticked.every(Boolean);
    head.indeterminate = !head.checked && ticked.some(Boolean);
  }

  // What the server says is picked: "all" and "clear" change boxes that nobody touched.
  takePicks(form) {
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
    if (this.focused) results.focus();
  }
}

customElements.define("agent-list", AgentList);
