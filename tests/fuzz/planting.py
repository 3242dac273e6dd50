"""A world with hostile text in every field that there is."""

from dataclasses import replace
from typing import Any

from ade.models import User
from agents.actors import ADMIN, Actor, Kind, Source
from agents.domain.agents import create_agent, delete_agent, update_agent
from agents.domain.bulk import BulkChange, Selection, make_plan
from agents.domain.bulkrows import plan_rows
from agents.domain.bulkrun import begin
from agents.domain.directory import describe_tag, rename_tag
from agents.domain.edits import AgentEdit
from agents.domain.identities import NewIdentity, create_identity
from agents.domain.keys import create_key
from agents.domain.newagents import NewAgent, NewBlock
from agents.domain.tags import change_tags
from agents.domain.views import save_view
from agents.domain.webhooks import create_webhook, ping
from agents.filters import AgentFilter
from agents.models import Act, Agent, BulkOp, BulkPlan, Delivery, Webhook
from agents.views.csvtext import csv_text
from tests.access.asking import World, make_world
from tests.fuzz.payloads import ALL, PAYLOADS, SHORT

# Whoever did it is called so, too: history, keys, webhooks and views show who did.
EVIL = Actor(Kind.COMMAND, f"command:{SHORT}", SHORT, Source.IMPORT, ADMIN)
USER = f"user_{SHORT}"
# A model's handle has no spaces and one slash.
HANDLE = "a/'\"><x-owned\tonclick=owned()>"


def plant() -> World:
    """Make it; each kind of thing that stands in an address is a hostile one."""
    world = make_world()
    for number, payload in enumerate(PAYLOADS):
        _agent(payload, tags=[payload] if number % 2 else [payload, USER])
    main = _agent(SHORT, tags=[*PAYLOADS[:60], USER, f"team:{SHORT}"], wide=True)
    for tag in (SHORT, USER, *PAYLOADS[:5]):
        change_tags(agent_id=main.public_id, add=[tag], actor=EVIL)
        describe_tag(name=tag, description=ALL[:500], actor=EVIL)
    edit = AgentEdit(name=f"{SHORT} 2", description=f"{SHORT} 2", system=f"{SHORT} 2")
    update_agent(agent_id=main.public_id, edit=edit, actor=EVIL)
    gone = _agent(SHORT, tags=[SHORT])
    delete_agent(agent_id=gone.public_id, actor=EVIL, reason=ALL[:900])
    values = world.values | _things(main)
    return replace(world, own=main, values=values)


def _agent(text: str, *, tags: list[str], wide: bool = False) -> Agent:
    spec = NewAgent(
        name=text[:500],
        model=HANDLE,
        embedding=HANDLE,
        description=ALL,
        system=ALL,
        metadata={text: [text, ALL]},
        llm_config={"model": text, "context_window": 100} if wide else None,
        extra={"timezone": text, "response_format": {"x": text}},
        tags=tags,
        blocks=[NewBlock(label=text, value=ALL, description=text, metadata={text: text})],
    )
    return create_agent(spec, actor=EVIL, act=Act.IMPORT, reason=ALL[:900])


def _things(main: Agent) -> dict[str, object]:
    pairs = [("any", SHORT), ("none", USER), ("q", SHORT), ("model", HANDLE)]
    view = save_view(name=SHORT, pairs=pairs, shared=True, pinned=True, actor=EVIL)
    hook = create_webhook(
        url="https://app.example/%3Cx-owned%3E'?x='data-owned", name=SHORT, tags=[USER], actor=EVIL
    ).webhook
    sent = ping(webhook_id=hook.public_id, actor=EVIL)
    Delivery.objects.filter(id=sent.id).update(error=ALL[:500], state="failed")
    Webhook.objects.filter(id=hook.id).update(problem=ALL[:500])
    identity = NewIdentity(SHORT, SHORT, "user", agent_ids=[main.public_id])
    change = rename_tag(old=_renamed(), new=f"{SHORT} new", actor=EVIL, reason=ALL[:900])
    assert change.change_set is not None
    member = User.objects.get(pk=_member())
    return {
        "slug": view.slug,
        "webhook_id": hook.public_id,
        "delivery_id": sent.public_id,
        "identity_id": create_identity(identity, actor=EVIL).public_id,
        "key_id": create_key(
            name=SHORT, limit_tag=USER, may_tag=[f"{SHORT}*"], actor=EVIL
        ).key.key_id,
        "plan_id": _plan(main).id,
        "done_plan_id": begin(plan_id=_rows(main).id, actor=EVIL).id,
        "change_set_id": change.change_set.id,
        "pk": member.pk,
    }


def _renamed() -> str:
    _agent("plain", tags=[f"{SHORT} old"])
    return f"{SHORT} old"


def _member() -> Any:
    return User.objects.create_user(
        SHORT, password="correct horse", role="viewer", first_name=SHORT, last_name="<x-owned>"
    ).pk


def _plan(main: Agent) -> BulkPlan:
    selection = Selection(AgentFilter(ids=(main.public_id,)))
    change = BulkChange(BulkOp.ADD, add=[f"{SHORT} planned"], reason=ALL[:900])
    return make_plan(selection=selection, change=change, actor=EVIL)


def _rows(main: Agent) -> BulkPlan:
    """With lines that are refused."""
    rows = [[main.public_id, f"{SHORT} row"], [SHORT, SHORT], *[[one] for one in PAYLOADS]]
    return plan_rows(text=csv_text(rows), actor=EVIL, reason=SHORT)
