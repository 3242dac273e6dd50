// Tag limit of a new key: a chosen suggestion fills the field.

document.addEventListener("choose", ({ target, detail }) => {
  target.querySelector("input").value = detail.value;
});
