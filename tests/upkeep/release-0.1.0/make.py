"""Fills an empty, migrated database with some of everything that a release can keep.

Run once, by the code of the release itself, in its checkout:

    export SECRET_KEY="the key of release 0.1.0" DATABASE_URL=...
    python manage.py migrate
    python manage.py shell -v0 < tests/upkeep/release-0.1.0/make.py > expected.json

and then dumped as SQL: PostgreSQL by `pg_dump --inserts --rows-per-insert=100 --no-owner
--no-privileges`, SQLite as its `.dump` does. What this prints is what has to be there after an
upgrade; the two databases differ in nothing but ids made at random.
"""

import json
import sys

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from agents.actors import ADMIN, Actor, Kind, Source
from agents.domain import (
    bulk,
    bulkrun,
    demo,
    directory,
    edits,
    erase,
    identities,
    keys,
    merge,
    tags,
    undo,
    users,
    views,
)
from agents.domain.agents import create_agent, delete_agent, update_agent
from agents.domain.newagents import NewAgent, NewBlock
from agents.filters import AgentFilter
from agents.models import Agent, AgentTag, BulkOp, BulkPlan, Change, ChangeSet, Scope, Tag

# Of the demo's agents those with a past, for a small file.
named = {name for _, _, name, *_ in demo.CHANGES} | {demo.UNDONE[1]}
demo.AGENTS = tuple(row for row in demo.AGENTS if row[0] in named)
call_command("demo_data", password="correct horse", stdout=sys.stderr)

people = get_user_model().objects
mara = people.create_user("mara", password="correct horse", role="editor", first_name="Mara K")
actor = Actor(Kind.PERSON, f"person:{mara.pk}", "Mara K", Source.PAGE, ADMIN)
Client().force_login(mara)  # leaves a session

awkward = ["a, b", "Ünïcode ☃", " spaces ", "../up", "'quoted\"", "line\nbreak", "Case", "case"]
block = NewBlock(label="human", value="They like tea.", limit=2000)
kept = create_agent(
    NewAgent(name="Upgrade me", model="openai/gpt-4o", tags=awkward, blocks=[block]), actor=actor
)
gone = create_agent(NewAgent(name="Deleted", model="a/b", tags=["user_gone", "vip"]), actor=actor)
delete_agent(agent_id=gone.public_id, actor=actor)
update_agent(agent_id=kept.public_id, edit=edits.AgentEdit(name="Upgraded"), actor=actor)
tags.change_tags(
    agent_id=kept.public_id, add=["to undo", "also to undo"], remove=["Case"], actor=actor
)
to_undo = ChangeSet.objects.latest("id").id
tags.change_tags(agent_id=kept.public_id, remove=["also to undo"], actor=actor)

key = keys.create_key(name="full", actor=actor, scope=Scope.MANAGE)
limited = keys.create_key(name="limited", actor=actor, limit_tag="user_before", may_tag=["mood:*"])
ended = keys.create_key(name="ended", actor=actor)
keys.disable_key(key_id=ended.key.key_id, actor=actor)
for name in ("one", "two"):
    create_agent(NewAgent(name=name, model="a/b", tags=["user_before", "merge-me"]), actor=actor)
views.save_view(
    name="Mine", pairs=[("any", "user_before"), ("q", "up")], shared=False, pinned=True, actor=actor
)
views.save_view(name="Ours", pairs=[("none", "vip")], shared=True, pinned=False, actor=actor)
directory.rename_tag(old="user_before", new="user_after", actor=actor, reason="a new name")
merge.merge_tags(source="merge-me", target="vip", actor=actor)
directory.describe_tag(
    name="vip", actor=actor, description="Who pays", colour="green", protection=True
)
create_agent(NewAgent(name="leaving", model="a/b", tags=["user_leaver"]), actor=actor)
users.offboard(name="user_leaver", how=users.How.TAG, actor=actor, reason="left")
identities.create_identity(
    identities.NewIdentity("ext-1", "Person", "user", agent_ids=[kept.public_id]), actor=actor
)
change = bulk.BulkChange(BulkOp.ADD, add=["bulk"], reason="a bulk change")
plan = bulk.make_plan(
    selection=bulk.Selection(AgentFilter(none=("vip",))), change=change, actor=actor
)
bulkrun.begin(plan_id=plan.id, actor=actor)
waiting = bulk.make_plan(
    selection=bulk.Selection(AgentFilter(any=("bulk",))),
    change=bulk.BulkChange(BulkOp.REMOVE, remove=["bulk"]),
    actor=actor,
)
undo.undo(change_set_id=ChangeSet.objects.filter(act="merge").latest("id").id, actor=actor)
erase.erase_name(name="user_gone", actor=actor)

plan.refresh_from_db()
carried = {agent.public_id: [] for agent in Agent.objects.order_by("seq")}
for row in AgentTag.objects.select_related("agent", "tag"):
    carried[row.agent.public_id].append(row.tag.name)
json.dump(
    {
        "secret_key": settings.SECRET_KEY,
        "token": key.token,
        "limited_token": limited.token,
        "ended_token": ended.token,
        "agent": kept.public_id,
        "deleted": gone.public_id,
        "to_undo": to_undo,
        "bulk": {"id": str(plan.id), "changed": plan.changed, "change_set": plan.change_set_id},
        "planned": str(waiting.id),
        "agents": {agent: sorted(names) for agent, names in carried.items()},
        "tags": dict(sorted(Tag.objects.values_list("name", "n"))),
        "plans": BulkPlan.objects.count(),
        "change_sets": ChangeSet.objects.count(),
        "changes": Change.objects.count(),
    },
    sys.stdout,
    indent=1,
    ensure_ascii=False,
)
