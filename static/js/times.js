// Show times in the reader's time zone; the server writes UTC and how long ago it was.

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat("sv", { year: "numeric", month: "2-digit", day: "2-digit" });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// The same words as the server's (agents/templatetags/ade.py), so that the layout does not shift.
function ago(moment, now) {
  const passed = now - moment;
  if (passed < MINUTE) return "now";
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`;
  if (passed < DAY) return `${Math.floor(passed / HOUR)} h ago`;
  if (passed < 2 * DAY) return "yesterday";
  if (passed < 7 * DAY) return `${Math.floor(passed / DAY)} days ago`;
  return day.format(moment);
}

function tell(root = document) {
  const now = Date.now();
  for (const time of root.querySelectorAll?.("time[data-ago], time[data-exact]") ?? []) {
    const moment = new Date(time.dateTime);
    const text = "ago" in time.dataset ? ago(moment, now) : short.format(moment);
    if (time.textContent !== text) time.textContent = text;
    time.title = exact.format(moment);
  }
}

tell();
document.addEventListener("htmx:load", ({ target }) => tell(target.parentElement ?? document));
setInterval(() => document.hidden || tell(), MINUTE);
document.addEventListener("visibilitychange", () => document.hidden || tell());
