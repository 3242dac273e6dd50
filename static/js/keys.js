// The tag that a new key is limited to: what is chosen among the suggestions goes into the field.

document.addEventListener("choose", ({ target, detail }) => {
  target.querySelector("input").value = detail.value;
});
