// The header's search box: the value of a chosen suggestion is a URL.

const go = document.getElementById("go");

go.addEventListener("choose", (event) => {
  event.stopPropagation(); // not for filters or fields of the page
  location.assign(event.detail.value);
});

go.addEventListener("suggested", (event) => {
  event.stopPropagation();
  const { count } = event.detail;
  go.querySelector("[role=status]").textContent =
    count === 1 ? "1 suggestion." : `${count} suggestions.`;
});
