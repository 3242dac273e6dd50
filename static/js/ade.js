// What every page may use: copy buttons, the account menu, and what to say when a request fails.

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

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The tag editor speaks for itself: it keeps what was typed and offers to try again.
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.elt?.closest?.("tag-editor")) return;
    const id = event.detail.xhr?.getResponseHeader("X-Request-ID");
    say(
      name === "htmx:responseError"
        ? `The server could not do this. Request ${id ?? "unknown"}.`
        : "Could not reach the server. What you did may not have been saved.",
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
