"""Three keys at random work: two limited to a tag each, one for all. `Strangers.step` raises Leak
where a limited one sees a trace of what is not its own.

A limited key is held against four things, none of which asks `visible_to`:
- what it is told holds no id and no text of what does not exist for it;
- what it asks about such a thing is answered as if that thing had never been;
- what others do to such things moves nothing that it can see, not by a byte;
- what it does moves no such thing, and gives no agent to another.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from agents.core.actors import Source
from agents.core.filters import AgentFilter
from agents.domain.core.key_tokens import actor_of, find_key
from agents.models import (
    Agent,
    AgentTag,
    ApiKey,
    Block,
    BulkPlan,
    ChangeSet,
    Tombstone,
    Webhook,
)
from agents.queries.agents import capped_count
from agents.queries.agents.model_names import models_in_use
from agents.queries.tags.suggestions import nearest, suggest
from tests.access.contents import contents, held, own_traces, rows_of_managers
from tests.access.requests import LIMITED, REQUESTS, TRACE, Request
from tests.api.calls import call, call_with_file, make_token

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
    # What two of three requests are of.
    mostly: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    # In the order of their making: ids are random, and a seed must mean one walk.
    traces: dict[str, None] = field(default_factory=lambda: dict.fromkeys(LIMITED))
    log: list[str] = field(default_factory=list)
    tally: Counter[tuple[str, int]] = field(default_factory=Counter)
    own: dict[str, set[str]] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    world: dict[str, str] = field(default_factory=dict)
    managed: list[Any] = field(default_factory=list)
    who: str = ""

    def __post_init__(self) -> None:
        self.requests = [one for some in REQUESTS.values() for one in some]
        most = [one for name in self.mostly.split() for one in REQUESTS[name]]
        self.requests += most * (2 * len(self.requests) // max(1, len(most)))
        self.tokens["all"] = make_token(name="all", scope="manage")
        for tag in LIMITED:
            self.tokens[tag] = make_token(name=f"of {tag}", limit_tag=tag, any_label=True)
            self.own[tag], self.views[tag] = set(), self.view(tag)
        self.managed = rows_of_managers()

    def step(self) -> None:
        """Let one of them do one thing, and look at what each limited one then sees."""
        who = self.who = self.rng.choice(["all", *LIMITED])
        request = self.rng.choice(self.requests)(self)
        self.log.append(f"{who}: {request.text}")
        answer = self.ask(who, request)
        self.tally[who, answer.status] += 1
        self.traces |= dict.fromkeys(TRACE.findall(answer.text))
        world, managed = contents(), rows_of_managers()
        own = {tag: own_traces(tag, world) for tag in LIMITED}
        known = {tag: self.own[tag] | own[tag] for tag in LIMITED}
        if who in LIMITED:
            self.check_told(who, answer.text + str(answer.headers), request.text, known[who])
            self.check_twin(who, request, answer, known[who])
            self.check_moved(who, world, managed)
        for tag in LIMITED:
            view = self.view(tag)
            self.check_told(tag, view, "", own[tag])
            asked = self.concerns(request, answer, known[tag])
            if tag != who and not asked and held(tag, world) == held(tag, self.world):
                self.expect(view == self.views[tag], f"{tag} notices what is not its own")
            self.views[tag] = view
        self.own, self.world, self.managed = own, world, managed

    def ask(self, who: str, request: Request) -> Answer:
        send = call_with_file if request.form else call
        response = send(
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

    def check_moved(self, tag: str, world: dict[str, str], managed: list[Any]) -> None:
        """What the key did is done to its own, and to nobody else's good."""
        others = {key: text for key, text in self.world.items() if tag not in text.split()}
        same = all(world.get(key) == text for key, text in others.items())
        self.expect(same, f"{tag} moves what is not its own")
        # A tag that it adds to its own agent may be a new one.
        left = [row for row in self.managed if row not in managed]
        self.expect(not left, f"{tag} moves what is a manager's: {left}")
        made, before = (
            [row for row in rows if "description" not in row] for rows in (managed, self.managed)
        )
        self.expect(made == before, f"{tag} makes what is a manager's")
        for other in LIMITED:
            given = held(other, world).keys() - held(other, self.world).keys()
            self.expect(other == tag or not given, f"{tag} gives {other} the agents {given}")

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
        kind, slash, _ = trace.partition("/")
        if slash:
            return f"{kind}/{self.fresh_in(kind)}"
        kind, dash, _ = trace.partition("-")
        if dash:
            return self.fresh_id(kind)
        # Next to it, so that as a cursor it stands in the same place among all others.
        return f"zq{(int(trace[2:], 16) + 1) % 2**48:012x}"

    def fresh_id(self, kind: str) -> str:
        return f"{kind}-{UUID(int=self.rng.getrandbits(128), version=4)}"

    def fresh_in(self, folder: str) -> str:
        """What stands in the address of something that never was."""
        if folder == "history":
            return str(10**12 + self.rng.getrandbits(32))
        uuid = UUID(int=self.rng.getrandbits(128), version=4)
        kinds = {"bulk": str(uuid), "keys": uuid.hex[:12], "webhooks": f"wh_{uuid.hex[:16]}"}
        return kinds[folder]

    def plan(self) -> str:
        """A bulk change, mostly one that is there."""
        ids = BulkPlan.objects.order_by("-created_at").values_list("id", flat=True)[:8]
        return self.place("bulk", ids)

    def change_set(self) -> str:
        """A change-set, mostly one that is there; as often as not one of many agents."""
        sets = ChangeSet.objects.order_by("-id").values_list("id", flat=True)
        wide = sets.filter(Q(agent_count__isnull=False) | Q(source=Source.BULK))
        return self.place("history", [*wide[:5], *sets[:5]])

    def key(self) -> str:
        """A key, mostly one that is there."""
        return self.place(
            "keys", ApiKey.objects.order_by("-id").values_list("key_id", flat=True)[:8]
        )

    def webhook(self) -> str:
        """A webhook, mostly one that is there."""
        ids = Webhook.objects.order_by("-id").values_list("public_id", flat=True)[:4]
        return self.place("webhooks", ids)

    def place(self, folder: str, ids: Iterable[object]) -> str:
        """The address of one of these, or of one that never was."""
        return f"{folder}/{self.rng.choice([*ids, self.fresh_in(folder)])}"

    def block(self) -> str:
        """Mostly one that an agent has."""
        had = Block.objects.filter(agentblock__isnull=False).order_by("id").distinct()
        there = list(had.values_list("public_id", flat=True))
        return self.rng.choice(there) if there and self.rng.random() < 0.8 else self.pick("block")

    def pick(self, kind: str) -> str:
        """The id of an agent or a block: one that is, one that was, or one that never was."""
        known = [one for one in self.traces if one.startswith(kind)]
        return self.rng.choice([*known[-60:], self.fresh_id(kind)])

    def cursor(self) -> str:
        """The id of an agent, often of one that was deleted."""
        gone = list(Tombstone.objects.order_by("seq").values_list("public_id", flat=True))
        return self.rng.choice(gone) if gone and self.rng.random() < 0.5 else self.pick("agent")

    def agent(self) -> str:
        """Mostly one that is there."""
        there = list(Agent.objects.order_by("seq").values_list("public_id", flat=True))
        return self.rng.choice(there) if there and self.rng.random() < 0.8 else self.pick("agent")

    def texts(self, most: int) -> list[str]:
        """Some tags: users', those that agents carry, new ones."""
        carried = sorted(set(AgentTag.objects.values_list("tag__name", flat=True)))
        pool = [*LIMITED, "shared", "origin:x", *carried, self.mark()]
        return self.rng.sample(pool, k=min(self.rng.randint(0, most), len(pool)))
