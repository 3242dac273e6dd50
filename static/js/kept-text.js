// Text that was sent after the session had ended: it is kept in this tab until the sign-in, then typed
// in again. Forms with a password are left out, and so are hidden fields and files.

const KEY = "ade-kept-text";
const member = document.body.dataset.member;

const postForms = () =>
  [...document.forms].filter((form) => form.method === "post" && !form.querySelector("[type=password]"));
const typed = (form) =>
  [...form.elements].filter(
    (field) => field.name && !["hidden", "file", "submit", "button"].includes(field.type),
  );
const where = () => location.pathname + location.search;
const nameOf = (form) => form.getAttribute("action") ?? "";

document.addEventListener(
  "submit",
  ({ target }) => {
    if (!member || target.closest("tag-editor") || !postForms().includes(target)) return;
    const fields = typed(target).map((field) => [field.name, field.value, field.checked]);
    const kept = { member, where: where(), form: nameOf(target), fields };
    try {
      sessionStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // There is no room, or the browser forbids it: nothing is kept.
    }
  },
  true,
);

function typeAgain({ form, fields }) {
  const place = postForms().find((one) => nameOf(one) === form);
  for (const [at, field] of place ? typed(place).entries() : []) {
    const [name, value, checked] = fields[at] ?? [];
    if (name !== field.name) return;
    if ("checked" in field && ["checkbox", "radio"].includes(field.type)) field.checked = checked;
    else field.value = value;
    field.closest("details")?.setAttribute("open", "");
  }
  if (!place) return;
  const message = document.createElement("p");
  message.className = "message message-info";
  message.setAttribute("role", "status");
  document.getElementById("messages")?.replaceChildren(message);
  message.textContent = "You were signed out. Your text is in the form again; it was not saved.";
}

const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
const signIn = document.getElementById("signed-out");
if (kept && signIn) {
  sessionStorage.setItem(KEY, JSON.stringify({ ...kept, out: true }));
  signIn.textContent = "You were signed out; your text is kept. Sign in to continue where you were.";
} else if (kept && member) {
  sessionStorage.removeItem(KEY);
  if (kept.out && kept.member === member && kept.where === where()) typeAgain(kept);
}
