// Single-key shortcuts. People who dictate or press keys by accident can switch them off in the
// dialog (WCAG 2.1.4). They are ignored while someone types.

const OFF = "ade-shortcuts-off";
const SECOND_KEY = 1500; // ms after g

const dialog = document.getElementById("shortcuts");
const rowLinks = () => [...document.querySelectorAll(".row-agent > a")];
let leading = 0; // when g was pressed

const actions = {
  "/": () => focusOn("#go-q"),
  f: () => {
    document.querySelector(".bar-fold:not([open])")?.setAttribute("open", "");
    return focusOn("#filter-q");
  },
  j: () => step(1),
  k: () => step(-1),
  x: () => {
    const box = document.activeElement?.closest?.("tr")?.querySelector("input.pick");
    box?.click();
    return Boolean(box);
  },
  "?": () => {
    dialog.showModal();
    return true;
  },
};

function focusOn(selector) {
  const field = document.querySelector(selector);
  field?.focus();
  field?.select();
  return Boolean(field);
}

// From the focused row; from elsewhere to the first or last row.
function step(by) {
  const links = rowLinks();
  if (!links.length) return false;
  const row = document.activeElement?.closest?.("tr");
  const place = links.findIndex((link) => row?.contains(link));
  const next = place < 0 ? (by > 0 ? 0 : links.length - 1) : place + by;
  links[Math.max(0, Math.min(next, links.length - 1))].focus();
  return true;
}

function typing({ target, isComposing }) {
  if (isComposing || target.isContentEditable || target.closest?.("dialog[open]")) return true;
  return target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select") ?? false;
}

function lead(key) {
  const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
}

// The command palette. With a modifier it is no single key, so it works while someone types too.
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  focusOn("#go-q");
  document.querySelector("#go suggest-box").ask(null);
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (localStorage.getItem(OFF) || typing(event)) return;
  const second = Date.now() - leading < SECOND_KEY;
  leading = event.key === "g" && !second ? Date.now() : 0;
  const done = second ? lead(event.key) : Object.hasOwn(actions, event.key) && actions[event.key]();
  if (done) event.preventDefault();
});

const keys = document.getElementById("shortcuts-on");
const field = document.getElementById("go-q");

function show() {
  const off = Boolean(localStorage.getItem(OFF));
  keys.checked = !off;
  for (const hint of document.querySelectorAll(".go-key")) hint.hidden = off;
  if (off) field.setAttribute("aria-keyshortcuts", "Control+K Meta+K");
  else field.setAttribute("aria-keyshortcuts", "/ Control+K Meta+K");
}

if (dialog) {
  keys.addEventListener("change", () => {
    if (keys.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
    show();
  });
  addEventListener("storage", show);
  show();
  const button = document.getElementById("shortcuts-open");
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
}
