// <tag-news>: polls, while its page is visible, for changes of the agent's tags by others. The list says
// how often: more often for an agent of a connected server, and while that waits for a change.
// Polling does not count as activity: an open page does not keep anyone signed in.
//
// Fires "news" with detail {html, target}: the server's fragment, and where it asks to be put.

const EVERY = 30; // seconds

class TagNews extends HTMLElement {
  connectedCallback() {
    this.editor = this.closest("tag-editor");
    this.stopping = new AbortController();
    this.asked = Date.now();
    this.askLater();
    document.addEventListener("visibilitychange", () => this.onSeen(), {
      signal: this.stopping.signal,
    });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stopping.abort();
  }

  get every() {
    return 1000 * (this.editor.list?.dataset.every ?? EVERY);
  }

  askLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      await this.ask();
      if (this.isConnected && !this.stopping.signal.aborted) this.askLater();
    }, this.every);
  }

  onSeen() {
    if (Date.now() - this.asked >= this.every) this.ask();
  }

  async ask() {
    if (document.hidden || this.editor.busy) return;
    this.asked = Date.now();
    const shown = this.editor.shown;
    const answer = await this.fetch(`${this.dataset.url}?${new URLSearchParams(shown)}`);
    // The answer to a change in the meantime is newer.
    if (!this.isConnected || this.editor.busy || shown.seen !== this.editor.shown.seen) return;
    if (answer?.status === 401) this.onSignedOut();
    if (![200, 403, 404].includes(answer?.status)) return;
    const html = await answer.text();
    const target = answer.headers.get("HX-Retarget");
    this.dispatchEvent(new CustomEvent("news", { bubbles: true, detail: { html, target } }));
  }

  // A failed poll is ignored: nobody is waiting for it.
  async fetch(url) {
    try {
      return await fetch(url, {
        headers: { "HX-Request": "true", "HX-Current-URL": location.href, "ADE-Poll": "1" },
        signal: AbortSignal.timeout(10_000),
      });
    } catch {
      return null;
    }
  }

  // The page stays as it is, with what was typed; the next change leads to the sign-in.
  onSignedOut() {
    clearTimeout(this.timer);
    this.stopping.abort();
  }
}

customElements.define("tag-news", TagNews);

// Requests that follow from polled news do not count as activity either.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.detail?.asked) event.detail.headers["ADE-Poll"] = "1";
});
