// <tag-news>: asks, while its page can be seen, whether someone else has changed the agent's tags.
// Asking is no use of the session: a page that is only open does not keep anyone signed in.
//
// Fires "news" with detail {html, target}: the server's fragment, and where it asks to be put.

const EVERY = 30_000; // ms

class TagNews extends HTMLElement {
  connectedCallback() {
    this.editor = this.closest("tag-editor");
    this.stopping = new AbortController();
    this.asked = Date.now();
    this.timer = setInterval(() => this.ask(), EVERY);
    document.addEventListener("visibilitychange", () => this.onSeen(), {
      signal: this.stopping.signal,
    });
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.stopping.abort();
  }

  onSeen() {
    if (Date.now() - this.asked >= EVERY) this.ask();
  }

  async ask() {
    if (document.hidden || this.editor.busy) return;
    this.asked = Date.now();
    const shown = this.editor.shown;
    const answer = await this.fetch(`${this.dataset.url}?${new URLSearchParams(shown)}`);
    // What was answered to a change meanwhile is newer.
    if (!this.isConnected || this.editor.busy || shown.seen !== this.editor.shown.seen) return;
    if (answer?.status === 401) this.onSignedOut();
    if (![200, 403, 404].includes(answer?.status)) return;
    const html = await answer.text();
    const target = answer.headers.get("HX-Retarget");
    this.dispatchEvent(new CustomEvent("news", { bubbles: true, detail: { html, target } }));
  }

  // Nobody asked for it, so no answer is no news.
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
    clearInterval(this.timer);
    this.stopping.abort();
  }
}

customElements.define("tag-news", TagNews);

// What follows from news that the page asked for by itself is no use of the session either.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.detail?.asked) event.detail.headers["ADE-Poll"] = "1";
});
