"""What is measured, by name: each scenario makes the calls of one kind.

The names of tags are those of `manage.py bench_data` in its reference shape: env:prod is on 80 % of
the agents, tier:free on 60 %, region:eu and region:us on 31 % each and never together, user_9 on
0.7 %; a cohort is on ten agents.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

HELLO = "hello"
TARGET, CREATED = "bench:target", "bench:created"  # tags of the agents that a run makes
ADDED = "bench:added "  # and of others, with a number
# As the real client asks: it gets what it names, and no more.
_CLIENT = {"X-Stainless-Package-Version": "1.12.1", "User-Agent": "Letta/Python 1.12.1"}
_MODEL = {"model": "letta/letta-free", "embedding": "letta/letta-free"}


class Call(NamedTuple):
    """One request. A page is asked for with the session, all else with the key."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    page: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What calls need to know of a database: made by `python -m measuring prepare`.

    `middle` and `end` are agents on env:prod, half-way and 50 before the last; `agents` are some
    of all, in even steps, and `targets` agents made to be edited, one for each connection.
    """

    token: str
    cookie: str
    agents: list[str]
    middle: str
    end: str
    targets: list[str]
    size: int
    version: str


@dataclass(slots=True)
class State:
    """What the calls on one database have left behind."""

    facts: Facts
    calls: int = 0
    added: deque[tuple[str, str]] = field(default_factory=deque)


Next = Callable[[State, int], Call | None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Calls of one kind. `next_call` gives the next one of a connection, None if none is left."""

    name: str
    next_call: Next
    is_list: bool = False  # 50 agents or as many as there are: held to the goals for lists
    is_write: bool = False


def _always(path: str, *, page: bool = False) -> Next:
    def next_call(state: State, connection: int) -> Call:
        return Call("GET", path.format(facts=state.facts), page=page)

    return next_call


def _list(name: str, *pairs: tuple[str, str]) -> Scenario:
    query = urlencode([*pairs, ("limit", "50"), ("include", "agent.tags")], safe="{}")
    return Scenario(f"list {name}", _always(f"/v1/agents/?{query}"), is_list=True)


def _page(name: str, path: str, *, is_list: bool = False) -> Scenario:
    return Scenario(f"page {name}", _always(path, page=True), is_list=is_list)


def _add(state: State, connection: int) -> Call:
    """Tag one agent after the other; once all are, begin again with another tag."""
    turn, index = divmod(state.calls, len(state.facts.agents))
    state.calls += 1
    agent, tag = state.facts.agents[index], f"{ADDED}{turn}"
    state.added.append((agent, tag))
    return Call("POST", f"/v1/agents/{agent}/tags", {"add": [tag]})


def _remove(state: State, connection: int) -> Call | None:
    """Take off what was added, and so end where the database was before."""
    if not state.added:
        return None
    agent, tag = state.added.popleft()
    return Call("POST", f"/v1/agents/{agent}/tags", {"remove": [tag]})


def _patch(state: State, connection: int) -> Call:
    """Replace the tags of the connection's own agent, three of them by others."""
    state.calls += 1
    at = state.calls
    env = "env:dev" if at % 2 else "env:prod"
    tags = [f"user_{at % 50}", "tier:gold", env, TARGET, f"bench:patch {at % 7}"]
    return Call("PATCH", f"/v1/agents/{state.facts.targets[connection]}", {"tags": tags})


def _create(state: State, connection: int) -> Call:
    """Make an agent, found by its tag when it is to be deleted."""
    state.calls += 1
    tags = [f"user_bench{state.calls % 50}", CREATED, "env:bench"]
    return Call("POST", "/v1/agents/", {"memory_blocks": [], **_MODEL, "tags": tags})


_ALL = ("match_all_tags", "true")


def _tags(*names: str) -> list[tuple[str, str]]:
    return [("tags", name) for name in names]


SCENARIOS = [
    Scenario(HELLO, _always("/v1/health/")),
    _list("all"),
    _list("of one user", *_tags("user_9")),
    _list("of a huge tag", *_tags("env:prod")),
    _list("of two huge tags", *_tags("env:prod", "tier:free"), _ALL),
    _list("of a rare and a huge tag", *_tags("cohort:0003", "env:prod"), _ALL),
    _list("of two huge tags that never meet", *_tags("region:eu", "region:us"), _ALL),
    _list("of any of three tags", *_tags("tier:gold", "region:eu", "cohort:0003")),
    _list("of none of a huge tag", ("exclude_tags", "tier:free")),
    _list("of a tag nobody carries", *_tags("no-such-tag")),
    _list("by name", ("query_text", "billing")),
    _list("by a rare name", ("query_text", "amsterdam 49")),
    _list("from half-way", *_tags("env:prod"), ("after", "{facts.middle}")),
    _list("last page", *_tags("env:prod"), ("after", "{facts.end}")),
    Scenario("count of a tag", _always("/v1/agents/count?tags=env:prod")),
    Scenario(
        "count of two tags",
        _always("/v1/agents/count?tags=env:prod&tags=tier:free&match_all_tags=true"),
    ),
    Scenario("tags, the first 100", _always("/v1/tags/?limit=100")),
    Scenario("tags by part of a name", _always("/v1/tags/?limit=100&query_text=user_5")),
    Scenario("get an agent", _always("/v1/agents/{facts.middle}?include=agent.tags")),
    Scenario("add a tag", _add, is_write=True),
    Scenario("remove a tag", _remove, is_write=True),
    Scenario("replace the tags", _patch, is_write=True),
    Scenario("create an agent", _create, is_write=True),
    _page("of agents", "/agents/", is_list=True),
    _page("of agents of a huge tag", "/agents/?all=env:prod", is_list=True),
    _page("of two huge tags that never meet", "/agents/?all=region:eu&all=region:us", is_list=True),
    _page("of an agent", "/agents/{facts.middle}/"),
    _page("of the tag directory", "/tags/"),
    _page("of suggestions", "/tags/suggest/?q=user_5"),
]


def chosen(only: list[str]) -> list[Scenario]:
    """Those with one of the texts in their names, and hello; all if no text is given.

    Raises ValueError for a text that is in no name.
    """
    for text in only:
        if not any(text in one.name for one in SCENARIOS):
            raise ValueError(f"No scenario has {text!r} in its name.")
    return [
        one
        for one in SCENARIOS
        if not only or one.name == HELLO or any(text in one.name for text in only)
    ]


def headers_of(call: Call, facts: Facts) -> dict[str, str]:
    """The headers of a call, without Host and length."""
    if call.page:
        return {"Accept": "text/html", "Cookie": facts.cookie}
    headers = {"Accept": "application/json", "Authorization": f"Bearer {facts.token}", **_CLIENT}
    return headers | ({"Content-Type": "application/json"} if call.body is not None else {})


def body_of(call: Call) -> bytes:
    """The body as it is sent."""
    return b"" if call.body is None else json.dumps(call.body).encode()
