"""The demo: some forty agents of several users, with a history of a few months."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.utils import timezone

from agents.core import spans
from agents.core.actors import ADMIN, Actor, ActorKind, Source
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent
from agents.domain.core.transactions import write
from agents.domain.directory.rename import describe_tag
from agents.domain.history.undo import undo
from agents.domain.memory.new import NewBlock
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentBlock, AgentTag, Block, Change, ChangeSet, Tag, Tombstone
from agents.samples.demo_data import AGENTS, CHANGES, DESCRIPTIONS, EMBEDDING, KINDS, UNDONE

# The actors of the demo's history. None of them can sign in.
_ACTORS = {
    "mara": Actor(ActorKind.PERSON, "demo:mara", "Mara Lindqvist", Source.PAGE, ADMIN),
    "tomas": Actor(ActorKind.PERSON, "demo:tomas", "Tomás Rivera", Source.PAGE, ADMIN),
    "jiwoo": Actor(ActorKind.PERSON, "demo:jiwoo", "Ji-woo Park", Source.PAGE, ADMIN),
    "sync": Actor(ActorKind.KEY, "demo:billing-sync", "API key “billing sync”", Source.API, ADMIN),
}
_SHARED_LABEL = "company"


def public_id(name: str) -> str:
    """Return the id of a demo agent: always the same, so that a second run finds it."""
    digest = hashlib.sha256(f"ADE demo: {name}".encode()).digest()
    return f"agent-{UUID(bytes=digest[:16], version=4)}"


def is_there() -> bool:
    """True if the demo data was created before, even if some of it was deleted since."""
    ids = [public_id(name) for name, *_ in AGENTS]
    found = Agent.objects.filter(public_id__in=ids).exists()
    return found or Tombstone.objects.filter(public_id__in=ids).exists()


@write
def make() -> int:
    """Create the demo's agents and their history. Returns the number of agents; 0 if they exist."""
    if is_there():
        return 0
    now = timezone.now()
    steps: list[tuple[datetime, Callable[[], object]]] = []
    for number, row in enumerate(AGENTS):
        # The first ones half a year ago, the last one three days ago.
        when = now - timedelta(days=3 + (len(AGENTS) - 1 - number) * 4.4, hours=number % 7)
        steps.append((when, partial(_make_agent, *row, when=when)))
    for days, who, name, add, remove, why in CHANGES:
        when = now - timedelta(days=days)
        steps.append((when, partial(_change, who, name, add, remove, why)))
    for days, tag, description, colour in DESCRIPTIONS:
        when = now - timedelta(days=days)
        about = partial(describe_tag, name=tag, description=description, colour=colour)
        steps.append((when, partial(about, actor=_ACTORS["mara"])))
    who, name, days = UNDONE
    steps.append((now - timedelta(days=days), partial(_take_back, who, name)))
    # In the order of time, as history is.
    for when, step in sorted(steps, key=lambda step: step[0]):
        step()
        _date_back(when)
    return len(AGENTS)


def _make_agent(name: str, kind: str, user: str, tags: str, *, when: datetime) -> None:
    sort = KINDS[kind]
    shared = Block.objects.filter(label=_SHARED_LABEL, metadata='{"demo":true}').first()
    team = [f"team:{sort.team}"] if tags else []
    spec = NewAgent(
        public_id=public_id(name),
        name=name if " " in name else f"{name} · {sort.title}",
        description=sort.description,
        model=sort.model,
        embedding=EMBEDDING,
        context_window_limit=sort.window,
        system=sort.system,
        metadata={"demo": True},
        tags=[*([user] if user else []), *tags.split(), *team],
        blocks=_blocks(name, user, with_shared=shared is None),
        block_ids=[shared.public_id] if shared else [],
        created_at=when,
    )
    who = "sync" if user.startswith("user_") and user[5:].isdigit() else "mara"
    create_agent(spec, actor=_ACTORS[who])


def _blocks(name: str, user: str, *, with_shared: bool) -> list[NewBlock]:
    human = f"Known to the application as {user}." if user else "Nobody yet."
    persona = f"I am {name}. I am calm, exact and brief."
    blocks = [
        NewBlock("human", f"{human} Prefers short answers.", limit=5000),
        NewBlock("persona", persona, limit=5000),
    ]
    if with_shared:
        text = "We sell outdoor gear in eleven countries. Returns are free for 60 days."
        blocks.append(NewBlock(_SHARED_LABEL, text, limit=2000, metadata={"demo": True}))
    return blocks


def _change(who: str, name: str, add: str, remove: str, why: str) -> None:
    change_tags(
        agent_id=public_id(name),
        add=add.split(),
        remove=remove.split(),
        actor=_ACTORS[who],
        reason=why,
    )


def _take_back(who: str, name: str) -> None:
    last = Change.objects.filter(agent_id=public_id(name)).latest("id")
    undo(change_set_id=last.change_set_id, actor=_ACTORS[who])


def _date_back(when: datetime) -> None:
    """Move what was just written to the time the demo says it happened.

    History is not edited otherwise; here nobody has seen it yet, the transaction is still open.
    """
    change_set = ChangeSet.objects.latest("id")
    ChangeSet.objects.filter(id=change_set.id).update(created_at=when)
    changes = list(change_set.changes.all())
    for change in changes:
        change.at = when
        if change.added_at is not None:
            change.span_node = spans.node(change.added_at, when)
    Change.objects.bulk_update(changes, ["at", "span_node"])
    added = AgentTag.objects.filter(change_set_id=change_set.id)
    # Each by the ids that the one before found: nested, a database without statistics of its
    # tables has been seen to take seconds for each.
    tags = Tag.objects.filter(id__in=list(added.values_list("tag_id", flat=True)))
    tags.update(last_added_at=when)
    tags.filter(created_at__gt=when).update(created_at=when)
    added.update(added_at=when)
    ids = [change.agent_id for change in changes]
    agents = list(Agent.objects.filter(public_id__in=ids).values_list("pk", flat=True))
    Agent.objects.filter(pk__in=agents).update(updated_at=when)
    blocks = AgentBlock.objects.filter(agent_id__in=agents).values_list("block_id", flat=True)
    own = Block.objects.filter(id__in=list(blocks), created_at__gt=when)
    own.update(created_at=when, updated_at=when)
