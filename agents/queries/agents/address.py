"""Read the state of the agents list from a query string, and write it to one.

Reading never fails: a value that cannot be read is ignored, with a notice. Texts are exact.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlencode

from agents.core.agent_ids import is_agent_id
from agents.core.errors import BadRequest
from agents.core.filters import AgentFilter, Sort
from agents.core.limits import FILTER_TAGS, SEARCH_LENGTH
from agents.core.tag_text import problem, shown, text_problem
from agents.queries.agents import Position, decode

SIZES = (25, 50, 100)
DEFAULT_SIZE = 50
FLAGS = ("untagged", "userless", "two_users", "kept_here", "unused", "show_hidden")
TAG_PARTS = ("any", "all", "none")

# Quoted text, or a word.
_PARTS = re.compile(r'"([^"]+)"(?!\S)|(\S+)')
_MOST_WORDS = 10
_YES = {"1", "true", "on", "yes"}
_NO = {"", "0", "false", "off", "no"}


def search_words(q: str) -> list[str]:
    """The parts of a name that a search asks for, the longest first: it drives the search.

    Words may come in any order. Text in double quotes is one part.
    """
    parts = [quoted or word for quoted, word in _PARTS.findall(q)] or [q]
    return sorted(dict.fromkeys(parts[:_MOST_WORDS]), key=len, reverse=True)


class Query(Protocol):
    """The part of a QueryDict that this module uses."""

    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class ListState:
    """What a list shows: the filter as typed, the order, and where the page begins.

    `after` and `before` are cursors as in the address, and valid for the order. `locked` is the tag
    that every agent of the list carries, if the list is on that tag's own page.
    """

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    untagged: bool = False
    userless: bool = False
    two_users: bool = False
    kept_here: bool = False
    unused: bool = False
    show_hidden: bool = False
    q: str = ""
    models: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sort: Sort = Sort.NEWEST
    size: int = DEFAULT_SIZE
    after: str | None = None
    before: str | None = None
    locked: str = ""

    @property
    def free(self) -> "ListState":
        """Return the state with the same agents in the list of all agents, with the tag in the filter."""
        if not self.locked:
            return self
        wanted = tuple(dict.fromkeys((self.locked, *self.all)))
        return replace(self, all=wanted, locked="")

    @property
    def is_id(self) -> bool:
        """True if the search is a complete id and not a part of a name."""
        return is_agent_id(self.q)

    @property
    def filter(self) -> AgentFilter:
        """Return the filter of agents."""
        parts = {
            name: getattr(self.free, name) for name in (*TAG_PARTS, *FLAGS, "models", "sources")
        }
        # An ID names one agent, hidden or not.
        parts["visible"] = not (parts.pop("show_hidden") or self.is_id)
        if self.is_id:
            return AgentFilter(**parts, ids=(self.q,))
        first, *rest = search_words(self.q) or [""]
        return AgentFilter(**parts, q=first, words=tuple(rest))

    @property
    def start(self) -> tuple[Position | None, Position | None]:
        """Return the position after which the page begins, and the one before which it ends."""
        after = decode(self.after, self.sort) if self.after else None
        return after, decode(self.before, self.sort) if self.before else None

    def changed(self, **changes: Any) -> "ListState":
        """Return the first page with another filter, order or size."""
        return replace(self, **{"after": None, "before": None, **changes})

    def without(self, part: str, value: str) -> "ListState":
        """Return the state without one value of a part that has several."""
        return self.changed(**{part: tuple(item for item in getattr(self, part) if item != value)})


def parse(data: Query, *, locked: str = "") -> tuple[ListState, list[str]]:
    """Return the state in a query string, and a notice for each value that is ignored.

    Besides its own names it reads Letta's (`tags` with `match_all_tags`), and `tag` with `how`, which
    is the tag that the form adds. `locked`, a legal tag, is the one whose page the list is on.
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
        kept_here=_flag(data, "kept_here", notices),
        unused=_flag(data, "unused", notices),
        show_hidden=_flag(data, "show_hidden", notices)
        or _flag(data, "show_hidden_agents", notices),
        q=_search(data, notices),
        models=_texts(data, "model", text_problem, "The model", notices),
        sources=_texts(data, "source", text_problem, "The source", notices),
        sort=sort,
        size=_choice(data, "size", _size, DEFAULT_SIZE, notices),
        locked=locked,
    )
    return _place(state, data, notices), notices


@lru_cache(maxsize=1_000)  # a page asks for some states several times
def to_query(state: ListState) -> str:
    """Return the query string that `parse` reads back as this state. Default values are omitted.

    For a locked list it begins with `name`, the parameter of the tag's page.
    """
    pairs = [("name", state.locked)] if state.locked else []
    pairs += [(part, tag) for part in TAG_PARTS for tag in getattr(state, part)]
    pairs += [(flag, "1") for flag in FLAGS if getattr(state, flag)]
    pairs += [("q", state.q)] if state.q else []
    pairs += [("model", model) for model in state.models]
    pairs += [("source", source) for source in state.sources]
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
        notices.append(f"A filter can have at most {FILTER_TAGS} tags. The others are ignored.")
    left = most
    for part, names in found.items():
        found[part] = names[:left]
        left -= len(found[part])
    return found


def _texts(
    data: Query, name: str, check: Callable[[str], str | None], what: str, notices: list[str]
) -> tuple[str, ...]:
    """Return the legal values of a repeatable parameter, without empty ones."""
    kept = []
    for value in _values(data, name):
        if why := check(value):
            notices.append(f"{what} “{shown(value)}” {why}, so it is ignored.")
        else:
            kept.append(value)
    return tuple(dict.fromkeys(kept))


def _values(data: Query, name: str) -> Iterable[str]:
    # A form sends each line break as CR LF, and no legal text here contains CR.
    return (value.replace("\r\n", "\n") for value in data.getlist(name) if value)


def _last(data: Query, name: str) -> str:
    return (data.getlist(name) or [""])[-1]


def _flag(data: Query, name: str, notices: list[str]) -> bool:
    value = _last(data, name).lower()
    if value not in _YES | _NO:
        notices.append(f"{name}={shown(value)} is neither yes (1) nor no (0), so it is ignored.")
    return value in _YES


def _search(data: Query, notices: list[str]) -> str:
    text = _last(data, "q").strip()
    if len(text) > SEARCH_LENGTH:
        notices.append(
            f"The search is {len(text):,} characters; the limit is {SEARCH_LENGTH}. It is ignored."
        )
        return ""
    if why := text_problem(text):
        notices.append(f"The search {why}, so it is ignored.")
        return ""
    return text


def _choice(
    data: Query, name: str, read: Callable[[str], Any], default: Any, notices: list[str]
) -> Any:
    """Return the value that `read` makes of a parameter; the default if it raises ValueError."""
    value = _last(data, name)
    if not value:
        return default
    try:
        return read(value)
    except ValueError:
        notices.append(f"{name}={shown(value)} is unknown, so it is ignored.")
        return default


def _size(value: str) -> int:
    return SIZES[[str(size) for size in SIZES].index(value)]


def _how(value: str) -> str:
    return TAG_PARTS[TAG_PARTS.index(value)]


def _place(state: ListState, data: Query, notices: list[str]) -> ListState:
    after, before = _last(data, "after"), _last(data, "before")
    if after and before:
        notices.append(
            "A page has a start (after) or an end (before), not both. before is ignored."
        )
        before = ""
    placed = replace(state, after=after or None, before=before or None)
    try:
        placed.start  # noqa: B018  # raises for an unreadable cursor
    except BadRequest as error:
        notices.append(f"{error.message} This is the first page.")
        return state
    return placed
