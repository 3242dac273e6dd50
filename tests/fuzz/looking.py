"""What a browser sees of a hostile text that is not escaped: the same eyes for ADE as it is, and for
one that is broken on purpose."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page

from tests.fuzz.planting import MARK

# All that no page of ours ever holds; a payload that works makes at least one of these.
_LOOK = """() => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll("*")) {
      const name = one.localName;
      if (["x-owned", "base", "iframe", "object", "embed", "marquee", "math"].includes(name))
        found.push(`element ${name}`);
      if (name === "style" || (name === "script" && !one.src)) found.push(`element ${name}`);
      for (const {name: attribute, value} of one.attributes) {
        if (/^(on|hx-on|data-hx-on)/.test(attribute) || ["data-owned", "srcdoc"].includes(attribute))
          found.push(`attribute ${attribute} of ${name}`);
        if (attribute === "style" && /owned|red/.test(value)) found.push(`style ${value}`);
        const address = ["href", "src", "action", "formaction", "xlink:href", "data"];
        const scheme = value.replace(/[\\u0000-\\u0020]/g, "").toLowerCase();
        if (address.includes(attribute) && /^(javascript|vbscript|data:text)/.test(scheme))
          found.push(`${attribute} ${value}`);
        if (address.includes(attribute) && value.startsWith("//")) found.push(`${attribute} ${value}`);
        if (attribute.startsWith("hx-") && value.includes("/owned")) found.push(`${attribute} ${value}`);
      }
      if (one.content instanceof DocumentFragment) look(one.content);
    }
  };
  look(document);
  if (document.documentElement.textContent.includes("owned49")) found.push("a template was run");
  if (window.owned49) found.push("a script ran");
  return [...new Set(found)];
}"""
# The marks of the fields that the page shows, or holds in a field of its own.
_MARKS = f"""() => {{
  const fields = [...document.querySelectorAll("input, textarea")].map((one) => one.value);
  const all = document.documentElement.outerHTML + fields.join("");
  return [...new Set([...all.matchAll(/{MARK}(\\w+){MARK}/g)].map((one) => one[1]))];
}}"""
# A refusal goes to a place of the page that it is meant for, which another page may not have.
_NO_PLACE = "Error: Invalid re-target"
# As the pages ask for a fragment, and put it where it goes.
_SWAP = """([method, path, values]) => new Promise((resolve) => {
  const place = document.querySelector("#main").appendChild(document.createElement("div"));
  place.id = "looked-at";
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  const headers = token ? {"X-CSRFToken": token.value} : {};
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    // Right after this the answer is put in its place.
    setTimeout(() => resolve(event.detail.xhr.status), 10);
  }, {once: true});
  htmx.ajax(method, path, {target: place, swap: "innerHTML", values, headers}).catch(() => {});
})"""


class Looker:
    """A browser that is signed in, and all that it saw go wrong, with where."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.home = urlsplit(address).netloc
        self.where = ""
        self.base = "/views/new/"  # where fragments are put
        self.problems: dict[str, list[str]] = {}
        self.statuses: dict[str, int] = {}
        self.shown: set[str] = set()
        page.expose_binding("sawProblem", lambda _, what: self.note(what))
        page.add_init_script(
            "window.owned = () => { window.owned49 = true; window.sawProblem('a script ran'); };"
            "document.addEventListener('securitypolicyviolation', (event) =>"
            " window.sawProblem(`policy ${event.effectiveDirective} ${event.blockedURI}`));"
        )
        page.on("dialog", self._dismiss)
        page.on("pageerror", lambda error: self._failed(str(error)))
        page.on("console", self._said)
        page.on("request", self._asked)

    def note(self, what: str) -> None:
        """Something went wrong where the browser is."""
        self.problems.setdefault(self.where, []).append(what)

    def open(self, path: str) -> None:
        """Visit a page, and look at it."""
        self.where = f"GET {path}"
        response = self.page.goto(path)
        assert response is not None
        self._seen(response.status)

    def swap(self, method: str, path: str, values: object = None) -> None:
        """Let the page ask for a fragment and show it, and look at that."""
        self.where = f"fragment {method} {path} {json.dumps(values or {})}"
        self.page.evaluate("document.querySelector('#looked-at')?.remove()")
        try:
            self._seen(self.page.evaluate(_SWAP, [method, path, values or {}]))
        except Error as error:
            # Led on to another page, which is none of what this looks at.
            if "context was destroyed" not in str(error):
                raise
            self.page.goto(self.base)

    def look(self, where: str = "") -> None:
        """Look at the page as it stands."""
        self.where = where or self.where
        for what in self.page.evaluate(_LOOK):
            self.note(what)
        self.shown |= set(self.page.evaluate(_MARKS))

    def _seen(self, status: int) -> None:
        self.statuses[self.where] = status
        if status >= 500:
            self.note(f"status {status}")
        self.look()

    def _dismiss(self, dialog: object) -> None:
        self.note(f"dialog {dialog.message}")
        dialog.dismiss()

    def _said(self, message: object) -> None:
        # A 4xx is how a refusal looks.
        known = ("Failed to load resource", "htmx:", "Response Status Error", _NO_PLACE)
        if message.type == "error" and not message.text.startswith(known):
            self.note(f"console {message.text}")

    def _failed(self, error: str) -> None:
        if _NO_PLACE not in f"Error: {error}":
            self.note(f"error {error}")

    def _asked(self, request: object) -> None:
        where = urlsplit(request.url)
        foreign = where.scheme not in ("data", "blob", "about") and where.netloc != self.home
        if foreign or where.path.startswith("/owned"):
            self.note(f"request {request.url}")


@contextmanager
def looker(browser: Browser, address: str, *, username: str) -> Iterator[Looker]:
    """A browser that has signed in by the form, which the pages of keys and members want."""
    context = browser.new_context(base_url=address)
    context.set_default_timeout(60_000)
    try:
        page = context.new_page()
        page.goto("/accounts/login/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill("correct horse")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/")
        yield Looker(page, address)
    finally:
        context.close()
