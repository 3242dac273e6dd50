// For every page: copy buttons, the account menu, and messages when a request fails.

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
document.addEventListener("htmx:load", (event) => {
  for (const button of event.target.querySelectorAll?.("[data-copy]") ?? []) button.hidden = false;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied.");
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// After a refused form: to the first field that is wrong.
function toError(place) {
  const field = place?.querySelector?.("main [aria-invalid=true], [aria-invalid=true]");
  if (field && !field.closest("tag-editor")) field.focus();
}
toError(document);
document.addEventListener("htmx:afterSwap", (event) => toError(event.detail.target));

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The tag editor shows its own errors: it keeps what was typed and offers a retry.
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.elt?.closest?.("tag-editor")) return;
    const id = event.detail.xhr?.getResponseHeader("X-Request-ID");
    say(
      name === "htmx:responseError"
        ? `The server failed. Try again, or report request ${id ?? "unknown"}.`
        : "The server could not be reached. Your change may not be saved.",
      "error",
    );
  });
}

function say(text, level = "info") {
  const message = document.createElement("p");
  message.className = `message message-${level}`;
  message.setAttribute("role", level === "error" ? "alert" : "status");
  const place = document.getElementById("messages");
  place.replaceChildren(message);
  message.textContent = text;
}
