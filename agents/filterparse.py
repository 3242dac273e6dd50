"""The state of the agents list as its address holds it: read from a query string, written to one.

Reading never fails: what cannot be understood is left out and said in a notice. Texts are exact.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode

from agents.errors import BadRequest
from agents.filters import AgentFilter, Sort
from agents.limits import FILTER_TAGS, SEARCH_LENGTH
from agents.listing import Position, decode
from agents.tagnames import problem, shown, text_problem

SIZES = (25, 50, 100)
DEFAULT_SIZE = 50
FLAGS = ("untagged", "userless", "two_users")
TAG_PARTS = ("any", "all", "none")

_ID = re.compile(r"agent-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_YES = {"1", "true", "on", "yes"}
_NO = {"", "0", "false", "off", "no"}


class Query(Protocol):
    """What is needed of a QueryDict."""

    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class ListState:
    """What a list shows: the filter as typed, the order, and where the page begins.

    `after` and `before` are cursors as the address holds them, and legal for the order. `locked` is
    the tag that every agent of the list carries, where a list is on that tag's own page.
    """

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    untagged: bool = False
    userless: bool = False
    two_users: bool = False
    q: str = ""
    models: tuple[str, ...] = ()
    sort: Sort = Sort.NEWEST
    size: int = DEFAULT_SIZE
    after: str | None = None
    before: str | None = None
    locked: str = ""

    @property
    def free(self) -> "ListState":
        """The same agents in the list of all agents, where the tag is a part of the filter."""
        if not self.locked:
            return self
        wanted = tuple(dict.fromkeys((self.locked, *self.all)))
        return replace(self, all=wanted, locked="")

    @property
    def is_id(self) -> bool:
        """True if the search is a whole id and not a part of a name."""
        return bool(_ID.fullmatch(self.q))

    @property
    def filter(self) -> AgentFilter:
        """Which agents it asks for."""
        parts = {name: getattr(self.free, name) for name in (*TAG_PARTS, *FLAGS, "models")}
        return AgentFilter(**parts, **({"ids": (self.q,)} if self.is_id else {"q": self.q}))

    @property
    def start(self) -> tuple[Position | None, Position | None]:
        """After which place the page begins, and before which it ends."""
        after = decode(self.after, self.sort) if self.after else None
        return after, decode(self.before, self.sort) if self.before else None

    def changed(self, **changes: Any) -> "ListState":
        """The first page of another filter, order or size."""
        return replace(self, **{"after": None, "before": None, **changes})

    def without(self, part: str, value: str) -> "ListState":
        """The state without one value of one of its parts with several."""
        return self.changed(**{part: tuple(one for one in getattr(self, part) if one != value)})


def parse(data: Query, *, locked: str = "") -> tuple[ListState, list[str]]:
    """The state in a query string, and a notice for each value that had to be left out.

    Besides its own names it reads Letta's (`tags` with `match_all_tags`), and `tag` with `how`,
    which is the tag that the form adds. `locked`, a legal tag, is the one whose page the list is on.
    """
    notices: list[str] = []
    tags = _tags(data, notices, FILTER_TAGS - bool(locked))
    tags["all"] = tuple(name for name in tags["all"] if name != locked)
    sort = _choice(data, "sort", Sort, Sort.NEWEST, notices)
    state = ListState(
        **tags,
        untagged=_flag(data, "untagged", notices),
        userless=_flag(data, "userless", notices),
        two_users=_flag(data, "two_users", notices),
        q=_search(data, notices),
        models=_texts(data, "model", text_problem, "The model", notices),
        sort=sort,
        size=_choice(data, "size", _size, DEFAULT_SIZE, notices),
        locked=locked,
    )
    return _place(state, data, notices), notices


def to_query(state: ListState) -> str:
    """The query string that `parse` reads back as this state; what is as usual is left out.

    Of a locked list it begins with the `name` that the tag's page is asked for by.
    """
    pairs = [("name", state.locked)] if state.locked else []
    pairs += [(part, tag) for part in TAG_PARTS for tag in getattr(state, part)]
    pairs += [(flag, "1") for flag in FLAGS if getattr(state, flag)]
    pairs += [("q", state.q)] if state.q else []
    pairs += [("model", model) for model in state.models]
    pairs += [("sort", state.sort.value)] if state.sort is not Sort.NEWEST else []
    pairs += [("size", str(state.size))] if state.size != DEFAULT_SIZE else []
    pairs += [("after", state.after)] if state.after else []
    pairs += [("before", state.before)] if state.before else []
    return urlencode(pairs)


def _tags(data: Query, notices: list[str], most: int) -> dict[str, Any]:
    found = {part: _texts(data, part, problem, "The tag", notices) for part in TAG_PARTS}
    letta = _texts(data, "tags", problem, "The tag", notices)
    found["all" if _flag(data, "match_all_tags", notices) else "any"] += letta
    how = _choice(data, "how", _how, "all", notices)
    found[how] += _texts(data, "tag", problem, "The tag", notices)
    found = {part: tuple(dict.fromkeys(names)) for part, names in found.items()}
    if sum(map(len, found.values())) > most:
        notices.append(f"A filter has at most {FILTER_TAGS} tags; those beyond are left out.")
    left = most
    for part, names in found.items():
        found[part] = names[:left]
        left -= len(found[part])
    return found


def _texts(
    data: Query, name: str, check: Callable[[str], str | None], what: str, notices: list[str]
) -> tuple[str, ...]:
    """The legal values of a parameter that may stand there several times; empty ones are none."""
    kept = []
    for value in _values(data, name):
        if why := check(value):
            notices.append(f"{what} “{shown(value)}” {why}, so it is left out.")
        else:
            kept.append(value)
    return tuple(dict.fromkeys(kept))


def _values(data: Query, name: str) -> Iterable[str]:
    # A form sends each line break as two characters, and no legal text here holds the first.
    return (value.replace("\r\n", "\n") for value in data.getlist(name) if value)


def _last(data: Query, name: str) -> str:
    return (data.getlist(name) or [""])[-1]


def _flag(data: Query, name: str, notices: list[str]) -> bool:
    value = _last(data, name).lower()
    if value not in _YES | _NO:
        notices.append(f"{name}={shown(value)} is neither yes (1) nor no (0), so it is left out.")
    return value in _YES


def _search(data: Query, notices: list[str]) -> str:
    text = _last(data, "q").strip()
    if len(text) > SEARCH_LENGTH:
        notices.append(
            f"The search is {len(text):,} characters; the limit is {SEARCH_LENGTH}. It is left out."
        )
        return ""
    if why := text_problem(text):
        notices.append(f"The search {why}, so it is left out.")
        return ""
    return text


def _choice(
    data: Query, name: str, read: Callable[[str], Any], default: Any, notices: list[str]
) -> Any:
    """The value that `read` makes of a parameter; the default where it raises ValueError."""
    value = _last(data, name)
    if not value:
        return default
    try:
        return read(value)
    except ValueError:
        notices.append(f"{name}={shown(value)} is unknown, so it is left out.")
        return default


def _size(value: str) -> int:
    return SIZES[[str(size) for size in SIZES].index(value)]


def _how(value: str) -> str:
    return TAG_PARTS[TAG_PARTS.index(value)]


def _place(state: ListState, data: Query, notices: list[str]) -> ListState:
    after, before = _last(data, "after"), _last(data, "before")
    if after and before:
        notices.append("A page begins after or before a place, not both: before is left out.")
        before = ""
    placed = replace(state, after=after or None, before=before or None)
    try:
        placed.start  # noqa: B018  # read to see if it can be
    except BadRequest as error:
        notices.append(f"{error.message} This is the first page.")
        return state
    return placed
