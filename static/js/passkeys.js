// The sign-in library reports a failed passkey only to the console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const note = document.createElement("p");
  note.className = "message message-error";
  note.setAttribute("role", "alert");
  note.textContent =
    event.detail.exception?.name === "NotAllowedError"
      ? "The passkey was not used. Try again, or sign in another way."
      : "The passkey could not be used in this browser.";
  document.getElementById("messages").replaceChildren(note);
});
