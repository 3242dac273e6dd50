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

  onSwapped(event) {
    if (event.detail.target?.id !== "results") return;
    const results = this.querySelector("#results");
    if (this.adding && !("refused" in results.dataset)) this.input.value = "";
    this.adding = false;
    if (this.focused) results.focus();
  }
}

customElements.define("agent-list", AgentList);
