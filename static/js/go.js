// The box that leads anywhere: what is chosen among its suggestions is an address.

const go = document.getElementById("go");

go.addEventListener("choose", (event) => {
  event.stopPropagation(); // no filter or field of the page is meant
  location.assign(event.detail.value);
});

go.addEventListener("suggested", (event) => {
  event.stopPropagation();
  const { count } = event.detail;
  go.querySelector("[role=status]").textContent =
    count === 1 ? "1 suggestion." : `${count} suggestions.`;
});
