"""Three keys at random work: two limited to a tag each, one for all. `Strangers.step` raises Leak
where a limited one sees a trace of what is not its own.

A limited key is held against four things, none of which asks `visible_to`:
- what it is told holds no id and no text of what does not exist for it;
- what it asks about such a thing is answered as if that thing had never been;
- what others do to such things moves nothing that it can see, not by a byte;
- what it does moves no such thing.
"""

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Model

from agents.domain.keys import actor_of, find_key
from agents.filters import AgentFilter
from agents.listing import capped_count
from agents.listing.models import models_in_use
from agents.listing.suggestions import nearest, suggest
from agents.models import Agent, AgentBlock, AgentDetail, AgentTag, Block, Tombstone
from tests.access.requests import LIMITED, REQUESTS, TRACE, Request
from tests.api.calls import call, make_token

# Lists that can be had whole.
WHOLE = [
    "/v1/agents/count", "/v1/tags/?limit=0", "/v1/blocks/?limit=0", "/v1/blocks/count",
    "/v1/identities/", "/v1/models/",
]  # fmt: skip
_NOT_TOLD = {"X-Request-ID", "Content-Length"}


class Leak(AssertionError):
    """A limited key learnt something."""


@dataclass(frozen=True)
class Answer:
    """All that is told."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...]


@dataclass
class Strangers:
    """The keys, and every trace there ever was."""

    rng: random.Random
    tokens: dict[str, str] = field(default_factory=dict)
    # In the order of their making: ids are random, and a seed must mean one walk.
    traces: dict[str, None] = field(default_factory=lambda: dict.fromkeys(LIMITED))
    log: list[str] = field(default_factory=list)
    tally: Counter[tuple[str, int]] = field(default_factory=Counter)
    own: dict[str, set[str]] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    world: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens["all"] = make_token(name="all", scope="manage")
        for tag in LIMITED:
            self.tokens[tag] = make_token(name=f"of {tag}", limit_tag=tag)
            self.own[tag], self.views[tag] = set(), self.view(tag)

    def step(self) -> None:
        """Let one of them do one thing, and look at what each limited one then sees."""
        who = self.rng.choice(["all", *LIMITED])
        request = self.rng.choice(REQUESTS)(self)
        self.log.append(f"{who}: {request.text}")
        answer = self.ask(who, request)
        self.tally[who, answer.status] += 1
        self.traces |= dict.fromkeys(TRACE.findall(answer.text))
        world = contents()
        own = {tag: own_traces(tag, world) for tag in LIMITED}
        known = {tag: self.own[tag] | own[tag] for tag in LIMITED}
        if who in LIMITED:
            self.check_told(who, answer.text + str(answer.headers), request.text, known[who])
            self.check_twin(who, request, answer, known[who])
            others = {key: text for key, text in self.world.items() if who not in text.split()}
            same = all(world.get(key) == text for key, text in others.items())
            self.expect(same, f"{who} moves what is not its own")
        for tag in LIMITED:
            view = self.view(tag)
            self.check_told(tag, view, "", own[tag])
            if tag != who and not self.concerns(request, answer, known[tag]):
                self.expect(view == self.views[tag], f"{tag} notices what is not its own")
            self.views[tag] = view
        self.own, self.world = own, world

    def ask(self, who: str, request: Request) -> Answer:
        response = call(
            request.method, request.path, request.body, token=self.tokens[who],
            **dict(request.headers),
        )  # fmt: skip
        told = sorted((k, v) for k, v in response.headers.items() if k not in _NOT_TOLD)
        return Answer(response.status_code, response.content.decode(), tuple(told))

    def view(self, tag: str) -> str:
        """Everything that a limited key can see at once."""
        listed = self.ask(tag, Request("GET", "/v1/agents/?limit=0&include=agent.blocks"))
        ids = [agent["id"] for agent in json.loads(listed.text)]
        paths = [*WHOLE, *(f"/v1/agents/{one}" for one in ids[:1])]  # the last one for its ETag
        seen = [listed, *(self.ask(tag, Request("GET", path)) for path in paths)]
        key = find_key(self.tokens[tag])
        assert key is not None
        actor = actor_of(key)
        return str(
            [
                *seen,
                suggest("", actor=actor, limit=100),
                suggest("zq", actor=actor, limit=100),
                [nearest(name, actor=actor) for name in LIMITED],
                models_in_use(actor=actor),
                capped_count(AgentFilter(), actor=actor),
            ]
        )

    def check_told(self, tag: str, text: str, asked: str, known: set[str]) -> None:
        """Nothing is told but what was asked with and what exists for the key."""
        told = set(TRACE.findall(text)) - set(TRACE.findall(asked)) - known - {tag}
        told &= self.traces.keys()
        self.expect(not told, f"{tag} is told of {told}")

    def check_twin(self, tag: str, request: Request, answer: Answer, known: set[str]) -> None:
        """The same about things that never were gets the same answer."""
        strange = {one for one in TRACE.findall(request.text) if one not in known and one != tag}
        # A tag that names a user is refused as such, whether it is there or not.
        names = {one: self.fresh_like(one) for one in strange - set(LIMITED)}
        if not names or (request.method != "GET" and answer.status < 400):
            return
        twin = self.ask(tag, request.renamed(names))
        back = {fresh: one for one, fresh in names.items()}
        text = TRACE.sub(lambda found: back.get(found[0], found[0]), twin.text)
        same = Answer(twin.status, text, twin.headers)
        self.expect(same == answer, f"{tag} can tell that it is there: {answer} {same}")

    def concerns(self, request: Request, answer: Answer, known: set[str]) -> bool:
        """True if this may move what the key sees: its things stand in the request or the answer."""
        return bool(set(TRACE.findall(request.text + answer.text)) & known)

    def expect(self, truth: bool, problem: str) -> None:
        if not truth:
            raise Leak("\n".join([*self.log[-30:], problem]))

    # --- What requests are made of ----------------------------------------------------------

    def mark(self) -> str:
        """A text that is nowhere else."""
        made = f"zq{self.rng.getrandbits(48):012x}"
        self.traces[made] = None
        return made

    def fresh_like(self, trace: str) -> str:
        """A thing of the same kind that never was."""
        kind, dash, _ = trace.partition("-")
        return self.fresh_id(kind) if dash else f"zq{self.rng.getrandbits(48):012x}"

    def fresh_id(self, kind: str) -> str:
        return f"{kind}-{UUID(int=self.rng.getrandbits(128), version=4)}"

    def block(self) -> str:
        """Mostly one that an agent has."""
        had = Block.objects.filter(agentblock__isnull=False).order_by("id").distinct()
        there = list(had.values_list("public_id", flat=True))
        return self.rng.choice(there) if there and self.rng.random() < 0.8 else self.pick("block")

    def pick(self, kind: str) -> str:
        """The id of an agent or a block: one that is, one that was, or one that never was."""
        known = [one for one in self.traces if one.startswith(kind)]
        return self.rng.choice([*known[-60:], self.fresh_id(kind)])

    def agent(self) -> str:
        """Mostly one that is there."""
        there = list(Agent.objects.order_by("seq").values_list("public_id", flat=True))
        return self.rng.choice(there) if there and self.rng.random() < 0.8 else self.pick("agent")

    def texts(self, most: int) -> list[str]:
        """Some tags: users', those that agents carry, new ones."""
        carried = sorted(set(AgentTag.objects.values_list("tag__name", flat=True)))
        pool = [*LIMITED, "shared", "origin:x", *carried, self.mark()]
        return self.rng.sample(pool, k=min(self.rng.randint(0, most), len(pool)))


def contents() -> dict[str, str]:
    """Of each agent that is, or that was, its id and all it holds, read by hand: tags first."""
    parts: dict[str, list[object]] = defaultdict(list)
    tags = AgentTag.objects.order_by("tag__name").values_list("agent__public_id", "tag__name")
    for public_id, tag in tags:
        parts[public_id].append(tag)
    for detail in AgentDetail.objects.select_related("agent"):
        parts[detail.agent.public_id] += [_columns(detail), _columns(detail.agent)]
    for row in AgentBlock.objects.select_related("block", "agent").order_by("block_id"):
        parts[row.agent.public_id].append(_columns(row.block))
    for grave in Tombstone.objects.all():
        parts[grave.public_id] = [*json.loads(grave.tags), grave.public_id]
    return {public_id: " ".join(map(str, found)) for public_id, found in parts.items()}


def _columns(row: Model) -> str:
    return repr([getattr(row, column.attname) for column in row._meta.concrete_fields])


def own_traces(tag: str, world: dict[str, str]) -> set[str]:
    """Every trace in the agents that carry this tag, and the ids of those that did."""
    own = [text for text in world.values() if tag in text.split()]
    return {trace for text in own for trace in TRACE.findall(text)}
