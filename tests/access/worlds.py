"""The same requests of a limited key in two worlds: in one of them others are at work as well.

`compare` makes both, one after the other in one database that is rolled back, and raises Differs
where an answer of the one is not that of the other: status, body, headers, and which ETags are
equal. Ids and times cannot be the same, so each stands for its place among those seen so far.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.db import transaction

from agents.core.errors import DomainError
from agents.core.filters import AgentFilter
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.webhooks.write import create_webhook
from agents.models import Agent, Block, BulkOp, Tag, TrashedTag
from tests.access.requests import Request
from tests.api.calls import SEED, call, call_with_file, make_token
from tests.helpers import ROOT

OWN, OTHER = "user_1", "user_2"
# Labels that both sides may put on their agents, texts that only some rows make special, and tags
# that the settings keep.
TAGS = ["note", "shared", "quiet", "uuid-7", "zeta", "user_3", "origin:x", "Note"]
MODELS = ["openai/a", "openai/b", "letta/c"]
_ID = re.compile(r"(agent|block|identity)-[0-9a-f-]{36}")
_PLACE = re.compile(r"\{(agent|block|etag):(\d+)\}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
# Of these none can be equal: each request has an id of its own, and a time may be shorter.
_NOT_COMPARED = {"X-Request-ID", "Content-Length", "Date"}
_MOST_OWN = 30


class Differs(AssertionError):
    """A limited key can tell which of the worlds it is in."""


class _Over(Exception):
    """The world ends: what was written in it is rolled back."""


@dataclass(frozen=True)
class Step:
    """A request of the limited key, with `{kind:3}` for the third such thing that it came to know."""

    request: Request
    told: str


@dataclass
class World:
    """What the limited key has come to know in one world: ids, ETags and times, with their places."""

    token: str
    foreign: set[str] = field(default_factory=set)
    seen: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def ask(self, request: Request) -> str:
        """The answer, with the places of what is another text in each world."""
        send = call_with_file if request.form else call
        body = None if request.body is None else json.loads(self._filled(json.dumps(request.body)))
        headers = {name: self._filled(value) for name, value in request.headers}
        response = send(
            request.method, self._filled(request.path), body, token=self.token, **headers
        )
        told = {k: v for k, v in response.headers.items() if k not in _NOT_COMPARED}
        if "ETag" in told:
            told["ETag"] = self._place("etag", told["ETag"])
        answer = f"{response.status_code} {sorted(told.items())} {response.content.decode()}"
        answer = _ID.sub(lambda found: self._place(found[1], found[0]), answer)
        return _TIME.sub(lambda found: self._place("time", found[0]), answer)

    def known(self, kind: str) -> list[str]:
        """Those of a kind, in the order in which the key came to know them."""
        return list(self.seen[kind])

    def _filled(self, text: str) -> str:
        return _PLACE.sub(lambda found: self.known(found[1])[int(found[2])], text)

    def _place(self, kind: str, text: str) -> str:
        # An id that the key asked with is the same text in both worlds.
        if text in self.foreign:
            return text
        return f"{{{kind}:{self.seen[kind].setdefault(text, len(self.seen[kind]))}}}"


@dataclass
class Walk:
    """A walk in the world with others, and its steps to be repeated in the one without."""

    rng: random.Random
    world: World
    others: str
    asked: Sequence[Callable[["Walk"], Request]] = ()
    # Whether others change the settings of tags, which all share whose agents carry the tag.
    describes: bool = True
    also: Sequence[Callable[["Walk"], None]] = ()
    steps: list[Step] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        """Let others do something, as often as not, and then let the key ask something."""
        while self.rng.random() < 0.5:
            self.rng.choice([*OTHERS, *self.also])(self)
        request = self.rng.choice(self.asked or ASKED)(self)
        # All ids in it that are not places are others', or never were.
        self.world.foreign |= {found[0] for found in _ID.finditer(request.text)}
        told = self.world.ask(request)
        self.tally[told[:3]] += 1
        self.steps.append(Step(request, told))

    def ask_as_others(self, method: str, path: str, body: Any = None) -> None:
        call(method, path, body, token=self.others)

    # --- What requests are made of ----------------------------------------------------------

    def own(self, kind: str) -> str:
        """Something that the key knows, something of others, or something that never was."""
        known = self.world.known(kind)
        if known and self.rng.random() < 0.75:
            return f"{{{kind}:{self.rng.randrange(max(0, len(known) - 12), len(known))}}}"
        theirs = self.theirs(kind)
        if theirs and self.rng.random() < 0.7:
            return self.rng.choice(theirs)
        return f"{kind}-{UUID(int=self.rng.getrandbits(128), version=4)}"

    def theirs(self, kind: str) -> list[str]:
        known = self.world.seen[kind]
        # Not those of own agents that it has not seen yet.
        others = Agent.objects.exclude(agenttag__tag__name=OWN)
        if kind == "block":
            others = Block.objects.exclude(agentblock__agent__agenttag__tag__name=OWN)
        ids = others.order_by("pk").values_list("public_id", flat=True)
        return [one for one in ids if one not in known]

    def tags(self, most: int) -> list[str]:
        return self.rng.sample([*TAGS, OWN, OTHER, self.mark()], k=self.rng.randint(0, most))

    def mark(self) -> str:
        return f"zq{self.rng.getrandbits(16):04x}"

    def others_agent(self) -> Agent | None:
        agents = list(Agent.objects.exclude(agenttag__tag__name=OWN).order_by("seq"))
        return self.rng.choice(agents) if agents else None


# --- What others do, in one of the worlds ---------------------------------------------------


def _they_create(walk: Walk) -> None:
    tags = [one for one in walk.tags(4) if one != OWN]
    blocks = [{"label": walk.rng.choice(["human", "persona"]), "value": walk.mark()}]
    body = SEED | {"name": walk.mark(), "model": walk.rng.choice(MODELS), "memory_blocks": blocks}
    walk.ask_as_others("POST", "/v1/agents/", body | {"tags": [*tags, OTHER]})


def _they_change(walk: Walk) -> None:
    agent = walk.others_agent()
    if agent is None:
        return
    url = f"/v1/agents/{agent.public_id}"
    add, remove = ([one for one in walk.tags(3) if one != OWN] for _ in "12")
    walk.rng.choice(
        [
            lambda: walk.ask_as_others("PATCH", url, {"name": walk.mark()}),
            lambda: walk.ask_as_others(
                "POST",
                f"{url}/tags",
                {"add": add, "remove": [one for one in remove if one not in add]},
            ),
            lambda: walk.ask_as_others(
                "PATCH", f"{url}/core-memory/blocks/human", {"value": walk.mark()}
            ),
            lambda: walk.ask_as_others("DELETE", url),
        ]
    )()


def _they_manage(walk: Walk) -> None:
    """What staff do to tags that the key's agents, also those in the trash, do not carry."""
    in_trash = TrashedTag.objects.filter(agent__tags__name=OWN).values("name")
    names = Tag.objects.exclude(agenttag__agent__agenttag__tag__name=OWN).order_by("id")
    names = names.exclude(name__in=in_trash)
    tags = [name for name in names.values_list("name", flat=True) if name not in (OWN, OTHER)]
    name = walk.rng.choice(tags) if tags else "note"
    change = BulkChange(BulkOp.ADD, add=["bulk"])
    acts: list[Callable[[], object]] = [
        lambda: (
            walk.describes
            and describe_tag(name=name, actor=ROOT, protection=walk.rng.choice([True, False, None]))
        ),
        lambda: rename_tag(old=name, new=walk.mark(), actor=ROOT),
        lambda: make_token(limit_tag=name),
        lambda: create_identity(NewIdentity(walk.mark(), "Ann", "user"), actor=ROOT),
        lambda: create_webhook(url=f"https://{walk.mark()}.example/", actor=ROOT),
        lambda: make_plan(
            selection=Selection(AgentFilter(all=(OTHER,))), change=change, actor=ROOT
        ),
    ]
    with suppress(DomainError):  # such as a name that is taken
        walk.rng.choice(acts)()


OTHERS = [_they_create, _they_create, _they_create, _they_change, _they_change, _they_manage]


# --- What the limited key asks, in both -----------------------------------------------------


def _create(walk: Walk) -> Request:
    if len(walk.world.known("agent")) >= _MOST_OWN and walk.rng.random() < 0.6:
        return Request("DELETE", f"/v1/agents/{walk.own('agent')}")
    body = SEED | {
        "name": walk.mark(),
        "model": walk.rng.choice(MODELS),
        "tags": walk.tags(3),
        "memory_blocks": [{"label": "human", "value": walk.mark()}],
    }
    if walk.rng.random() < 0.2:
        body |= {"memory_blocks": [], "block_ids": [walk.own("block")]}
    return Request("POST", "/v1/agents/", body)


def _import(walk: Walk) -> Request:
    agent = {"id": "agent-0", "name": walk.mark(), "model": MODELS[0], "tags": walk.tags(3)}
    return Request("POST", "/v1/agents/import", {"agents": [agent]}, form=True)


def _write(walk: Walk) -> Request:
    url = f"/v1/agents/{walk.own('agent')}"
    add, remove = walk.tags(3), walk.tags(2)
    delta = {"add": add, "remove": [one for one in remove if one not in add]}
    assign = {"name": walk.rng.choice([*TAGS, OWN, OTHER]), "agent_ids": [walk.own("agent")]}
    attach = f"{url}/core-memory/blocks/{walk.rng.choice(['attach', 'detach'])}/{walk.own('block')}"
    etags = walk.world.known("etag")
    stale = walk.rng.randrange(len(etags)) if etags else None
    seen = (("If_Match", f"{{etag:{stale}}}"),) if stale is not None else ()
    identity = {"identifier_key": "k", "name": "n", "identity_type": "user"}
    return walk.rng.choice(
        [
            Request("POST", f"{url}/tags", delta),
            Request("POST", f"{url}/tags", delta, seen),
            Request("PATCH", url, {"description": walk.mark(), "tags": [OWN, *walk.tags(3)]}),
            Request("PATCH", url, {"name": walk.mark()}, seen),
            Request("PATCH", f"{url}/core-memory/blocks/human", {"value": walk.mark()}),
            Request("PATCH", f"/v1/blocks/{walk.own('block')}", {"label": walk.mark()}),
            Request("DELETE", f"/v1/blocks/{walk.own('block')}"),
            Request("PATCH", attach),
            Request("POST", "/v1/users/assign", assign),
            Request("POST", "/v1/identities/", identity),
            Request("POST", "/v1/keys/", {"name": "k", "limit_tag": walk.mark()}),
            Request("POST", "/v1/tags/rename", {"name": walk.rng.choice(TAGS), "new": walk.mark()}),
            Request("POST", f"/v1/history/{walk.rng.randint(1, 40)}/undo"),
        ]
    )


def _filter(walk: Walk) -> list[tuple[str, str]]:
    query = [("tags", one) for one in walk.tags(2)] + [
        ("exclude_tags", one) for one in walk.tags(1)
    ]
    if walk.rng.random() < 0.3:
        query.append(("match_all_tags", "true"))
    if walk.rng.random() < 0.3:
        query.append(("model", walk.rng.choice(MODELS)))
    if walk.rng.random() < 0.3:
        query.append(("query_text", walk.rng.choice(["zq", "q1", walk.mark()])))
    return query


def _list(walk: Walk) -> Request:
    query = [*_filter(walk), ("limit", str(walk.rng.choice([1, 3, 50])))]
    query.append(("order_by", walk.rng.choice(["created_at", "updated_at"])))
    query.append(("order", walk.rng.choice(["asc", "desc"])))
    path = f"/v1/agents/?{urlencode(query)}"
    if walk.rng.random() < 0.5:  # not quoted: a place is a place
        path += f"&{walk.rng.choice(['after', 'before'])}={walk.own('agent')}"
    return Request("GET", path)


def _read(walk: Walk) -> Request:
    agent, block, size = walk.own("agent"), walk.own("block"), walk.rng.choice([1, 2, 50])
    label = walk.rng.choice(["", "human", "persona", "zq"])
    order = walk.rng.choice(["asc", "desc"])
    part = urlencode({"name": walk.rng.choice(["", "o", "not", "user", "zq"])})
    labels = f"label={label}" if label else f"value_search={walk.rng.choice(['', 'zq', 'q1'])}"
    return Request(
        "GET",
        walk.rng.choice(
            [
                f"/v1/agents/{agent}",
                f"/v1/agents/{agent}?include=agent.blocks",
                f"/v1/agents/{agent}/core-memory/blocks",
                f"/v1/agents/{agent}/core-memory/blocks/{label or 'human'}",
                f"/v1/agents/{agent}/identities",
                f"/v1/agents/{agent}/export",
                f"/v1/agents/count?{urlencode(_filter(walk))}",
                f"/v1/tags/?limit={size}&order={order}&{part}",
                f"/v1/tags/?limit={size}&after={quote(walk.rng.choice(TAGS))}",
                f"/v1/blocks/?limit={size}&order={order}&{labels}",
                f"/v1/blocks/?limit={size}&{labels}&after={block}",
                f"/v1/blocks/?limit={size}&connected_to_agents_count_gt=0",
                f"/v1/blocks/count?{labels}",
                f"/v1/blocks/{block}",
                f"/v1/blocks/{block}/agents?limit={size}",
                "/v1/identities/",
                "/v1/models/",
                "/v1/history/",
                "/v1/bulk/",
                "/v1/keys/",
                "/v1/webhooks/",
                "/metrics",
            ]
        ),
    )


ASKED = [_create, _create, _import, _write, _write, _write, _list, _list, _read, _read, _read]


def compare(seed: int, steps: int, **key: Any) -> Counter[str]:
    """Walk in both worlds; `key` is what the limited key may do. How often each status came."""
    return compare_in(seed, steps, lambda: World(make_token(limit_tag=OWN, **key)))


def compare_in(
    seed: int,
    steps: int,
    enter: Callable[[], World],
    asked: Sequence[Callable[[Walk], Request]] = (),
    *,
    describes: bool = True,
    also: Sequence[Callable[[Walk], None]] = (),
) -> Counter[str]:
    """Walk in the two worlds that `enter` makes. `also` is what else others do."""
    walk: Walk | None = None
    try:
        with transaction.atomic():
            others = make_token(name="all", scope="manage")
            walk = Walk(random.Random(seed), enter(), others, asked, describes, also)
            for _ in range(steps):
                walk.step()
            raise _Over
    except _Over:
        pass
    assert walk is not None
    try:
        with transaction.atomic():
            world = enter()
            world.foreign = walk.world.foreign
            _repeat(walk, world)
            raise _Over
    except _Over:
        return walk.tally


def _repeat(walk: Walk, world: World) -> None:
    """The same requests where nobody else is."""
    for place, step in enumerate(walk.steps):
        told = world.ask(step.request)
        if told != step.told:
            before = [
                f"{one.request.text}\n    {one.told[:300]}" for one in walk.steps[:place][-5:]
            ]
            lines = unified_diff(step.told.splitlines(), told.splitlines(), lineterm="", n=0)
            raise Differs("\n".join([*before, step.request.text, *lines]))
