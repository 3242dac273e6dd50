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
ADD, IN_EDITOR, REPLACE = "add a tag", "add a tag in the editor", "replace the tags"
FEW, MANY = 10, 1000  # tags
MANY_TAGS = "bench:many "  # and a number
TARGET, CREATED = "bench:target", "bench:created"  # tags of the agents that a run makes
ADDED = "bench:added "  # and of others, with a number
# As the real client asks: it gets what it names, and no more.
_CLIENT = {"X-Stainless-Package-Version": "1.12.1", "User-Agent": "Letta/Python 1.12.1"}
_MODEL = {"model": "letta/letta-free", "embedding": "letta/letta-free"}


class Call(NamedTuple):
    """One request. A page is requested with the session, everything else with the key.

    The body of a page is what htmx sends of its form.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None
    page: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What calls need to know of a database: made by `python -m measuring prepare`.

    `middle` and `end` are agents on env:prod, half-way and 50 before the last; `agents` are some
    of all, in even steps, and `targets` agents made to be edited, one for each connection;
    the floor has its own `floor_targets`.
    `few` and `many` are agents with FEW and MANY tags, which no call changes. `csrf` is the secret of the cookie and of
    forms, `change` the number of the latest change when the run began.
    """

    token: str
    cookie: str
    agents: list[str]
    middle: str
    end: str
    targets: list[str]
    floor_targets: list[str]
    few: str
    many: str
    csrf: str
    change: int
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


def adding(agent: str, tag: str) -> Call:
    """Return the request that adds a tag to an agent."""
    return Call("POST", f"/v1/agents/{agent}/tags", {"add": [tag]})


def removing(agent: str, tag: str) -> Call:
    """Return the request that removes a tag from an agent."""
    return Call("POST", f"/v1/agents/{agent}/tags", {"remove": [tag]})


def adding_in_editor(facts: Facts, agent: str, tag: str) -> Call:
    """Return what the tag editor of the agent's page sends to add a tag."""
    seen = f"{facts.change}-{'0' * 12}"
    form = {"tag": tag, "place": "page", "opened": seen, "seen": seen}
    secret = {"csrfmiddlewaretoken": facts.csrf}
    return Call("POST", f"/agents/{agent}/tags/", form | secret, page=True)


def replacing(agent: str, number: int) -> Call:
    """Return the request that replaces an agent's tags: three of five differ from those of the last number."""
    env = "env:dev" if number % 2 else "env:prod"
    tags = [f"user_{number % 50}", "tier:gold", env, TARGET, f"bench:patch {number % 7}"]
    return Call("PATCH", f"/v1/agents/{agent}", {"tags": tags})


def _next_to_add(state: State) -> tuple[str, str]:
    """Tag one agent after the other; once all are, begin again with another tag."""
    turn, index = divmod(state.calls, len(state.facts.agents))
    state.calls += 1
    state.added.append((state.facts.agents[index], f"{ADDED}{turn}"))
    return state.added[-1]


def _add(state: State, connection: int) -> Call:
    return adding(*_next_to_add(state))


def _add_in_editor(state: State, connection: int) -> Call:
    return adding_in_editor(state.facts, *_next_to_add(state))


def _remove(state: State, connection: int) -> Call | None:
    """Take off what was added, and so end where the database was before."""
    return removing(*state.added.popleft()) if state.added else None


def _patch(state: State, connection: int) -> Call:
    """Replace the tags of the connection's own agent."""
    state.calls += 1
    return replacing(state.facts.targets[connection], state.calls)


def _create(state: State, connection: int) -> Call:
    """Make an agent, found by its tag when it is to be deleted."""
    state.calls += 1
    tags = [f"user_bench{state.calls % 50}", CREATED, "env:bench"]
    return Call("POST", "/v1/agents/", {"memory_blocks": [], **_MODEL, "tags": tags})


_ALL = ("match_all_tags", "true")


def _tags(*names: str) -> list[tuple[str, str]]:
    return [("tags", name) for name in names]


# An agent's page and its tag editor, with few tags and with many.
TAG_PAGES = ("page of an agent with {} tags", "page of the editor of {} tags")
_TAG_PAGES = [
    Scenario(page.format(f"{count:,}"), _always(path, page=True))
    for page, where in zip(TAG_PAGES, ("", "settings/"), strict=True)
    for count, path in (
        (FEW, "/agents/{facts.few}/" + where),
        (MANY, "/agents/{facts.many}/" + where),
    )
]

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
    Scenario(ADD, _add, is_write=True),
    Scenario(IN_EDITOR, _add_in_editor, is_write=True),
    Scenario("remove a tag", _remove, is_write=True),
    Scenario(REPLACE, _patch, is_write=True),
    Scenario("create an agent", _create, is_write=True),
    _page("of agents", "/agents/", is_list=True),
    _page("of agents of a huge tag", "/agents/?all=env:prod", is_list=True),
    _page("of two huge tags that never meet", "/agents/?all=region:eu&all=region:us", is_list=True),
    _page("of an agent", "/agents/{facts.middle}/"),
    *_TAG_PAGES,
    _page("of the tag directory", "/tags/"),
    _page("of suggestions", "/tags/suggest/?q=user_5"),
]


# What each may cost at most, as a multiple of its floor (measuring/floor.py): processor time.
FLOORS = {
    "list of a huge tag": 1.5,
    "get an agent": 2.0,
    REPLACE: 2.0,
    ADD: 2.0,
    "page of agents of a huge tag": 2.0,
    IN_EDITOR: 2.5,
}


def by_name(name: str) -> Scenario:
    """Return the scenario of this name. Raises StopIteration if there is none."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


def chosen(only: list[str]) -> list[Scenario]:
    """Return those with one of the texts in their names, and hello; all if no text is given.

    Raises ValueError for a text that is in no name.
    """
    for text in only:
        if not any(text in scenario.name for scenario in SCENARIOS):
            raise ValueError(f"No scenario has {text!r} in its name.")
    return [
        scenario
        for scenario in SCENARIOS
        if not only or scenario.name == HELLO or any(text in scenario.name for text in only)
    ]


def headers_of(call: Call, facts: Facts) -> dict[str, str]:
    """The headers of a call, without Host and length."""
    if call.page:
        page = {"Accept": "text/html", "Cookie": facts.cookie}
        form = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}
        return page | (form if call.body is not None else {})
    return client_headers(facts.token, call)


def client_headers(key: str, call: Call) -> dict[str, str]:
    """Return the headers of Letta's client."""
    headers = {"Accept": "application/json", "Authorization": f"Bearer {key}", **_CLIENT}
    return headers | ({"Content-Type": "application/json"} if call.body is not None else {})


def body_of(call: Call) -> bytes:
    """The body as it is sent."""
    if call.body is None:
        return b""
    return (urlencode(call.body) if call.page else json.dumps(call.body)).encode()
