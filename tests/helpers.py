"""Short ways to make what tests need, through the domain functions."""

import time
from collections import Counter, defaultdict
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from agents.core.actors import ROLE_POWERS, WRITE, Actor, ActorKind, Power, Source, command_actor
from agents.core.reach import EVERYTHING, Reach
from agents.domain import keys
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent, update_agent
from agents.domain.core import key_tokens
from agents.domain.core.search_index import AGENT_INDEX, TAG_INDEX
from agents.models import Agent, AgentTag, ApiKey, Change, Op, Scope, Tag

ROOT = command_actor("test")


def make_agent(*, tags: list[str] | None = None, actor: Actor = ROOT, **fields: Any) -> Agent:
    """An agent; `fields` as in NewAgent."""
    spec = NewAgent(**{"model": "letta/letta-free", "tags": tags or [], **fields})
    return create_agent(spec, actor=actor)


def replace_tags(
    agent_id: str, tags: list[str], *, actor: Actor, if_match: str | None = None
) -> Agent:
    """Replace all tags of an agent, as a PATCH does."""
    edit = AgentEdit()
    return update_agent(agent_id=agent_id, edit=edit, tags=tags, actor=actor, if_match=if_match)


def make_user(username: str = "mara", *, role: str = "editor", **fields: Any) -> Any:
    """A member of staff with the password `correct horse`."""
    users = get_user_model().objects
    return users.create_user(username, password="correct horse", role=role, **fields)


def tags_of(agent: Agent) -> list[str]:
    """The agent's tags as they stand in the database, ordered by their bytes."""
    names = AgentTag.objects.filter(agent_id=agent.seq).values_list("tag__name", flat=True)
    return sorted(names)


def make_editor(name: str = "Mara", powers: frozenset[Power] = WRITE) -> Actor:
    """A person; with `powers=MANAGE` a manager, with READ a viewer."""
    return Actor(ActorKind.PERSON, f"user:{name}", name, Source.PAGE, powers)


def make_manager(name: str = "Mona", role: str = "manager") -> Actor:
    """A member who may begin long work, which goes on only while they may: one with an account."""
    users = get_user_model().objects
    user = users.filter(username=name).first() or make_user(name, role=role)
    powers = ROLE_POWERS[user.role]
    return Actor(ActorKind.PERSON, f"person:{user.pk}", user.display_name, Source.PAGE, powers)


def make_key_row(limit: str | None = None, *, scope: str = "manage") -> Actor:
    """Someone with an API key that is there, also with limit and manage scope, which none has yet."""
    about = {"digest": b"", "created_at": timezone.now(), "created_by": "test"}
    key = ApiKey.objects.create(key_id="1", name="app", scope=scope, limit_tag=limit, **about)
    return key_tokens.actor_of(key)


def make_limited_key(reach: Reach, *, scope: str = "write", may_tag: tuple[str, ...] = ()) -> Actor:
    """Someone with an API key of this reach."""
    made = keys.create_key(name="app", actor=ROOT, scope=Scope(scope), reach=reach, may_tag=may_tag)
    return key_tokens.actor_of(made.key)


def make_key_actor(
    limit: str | None = None, *, may_tag: tuple[str, ...] = (), powers: frozenset[Power] = WRITE
) -> Actor:
    """Someone with an API key, which may be limited to one tag; it has no row, so cannot end."""
    any_label = limit is not None and not may_tag
    reach = EVERYTHING if limit is None else Reach.of_tags([limit])
    name = "API key “app”"
    return Actor(ActorKind.KEY, "app:1", name, Source.API, powers, reach, may_tag, any_label)


def everything() -> dict[str, list[Any]]:
    """Every row of the app, search rows included: equal before and after what changed nothing."""
    rows = {
        model.__name__: sorted(model.objects.values_list(), key=repr)
        for model in apps.get_app_config("agents").get_models()
    }
    return rows | {index: search_rows(index) for index in (AGENT_INDEX, TAG_INDEX)}


def search_rows(index: str) -> list[tuple[int, str]]:
    """What SQLite's search finds by; on PostgreSQL an index, which cannot be out of step."""
    if connection.vendor != "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT rowid, folded FROM {index} ORDER BY rowid")
        return cursor.fetchall()


def drift() -> list[str]:
    """Every counter and search row that differs from a recount in plain Python; [] is right."""
    carried: dict[int, list[Tag]] = defaultdict(list)
    of_tag: Counter[int] = Counter()
    for row in AgentTag.objects.select_related("tag"):
        carried[row.agent_id].append(row.tag)
        of_tag[row.tag_id] += 1
    wrong = [f"tag {tag.name}" for tag in Tag.objects.all() if tag.n != of_tag[tag.id]]
    for agent in Agent.objects.all():
        tags = carried.pop(agent.seq, [])
        users = [tag for tag in tags if tag.names_user]
        if (agent.tag_count, agent.user_tag_count) != (len(tags), len(users)):
            wrong.append(f"agent {agent.public_id}")
    wrong += [f"tags of no agent: {seq}" for seq in carried]
    if connection.vendor == "sqlite":
        for index, model in ((AGENT_INDEX, Agent), (TAG_INDEX, Tag)):
            expected = list(model.objects.order_by("pk").values_list("pk", "name_folded"))
            wrong += [f"search {index}"] if search_rows(index) != expected else []
    return wrong


def replayed() -> dict[str, set[str]]:
    """The tags of every agent that is, as history tells: added less removed and renamed, in its order."""
    tags: dict[str, set[str]] = {agent.public_id: set() for agent in Agent.objects.all()}
    of_these = Q(agent_id__in=tags, tag__isnull=False) | Q(op=Op.RENAME)  # a rename names no agent
    for change in Change.objects.filter(of_these).order_by("id"):
        if change.op == Op.RENAME:
            for carried in tags.values():
                if change.tag in carried:
                    carried.symmetric_difference_update({change.tag, change.new})
            continue
        carried = tags[change.agent_id]
        assert (change.tag in carried) == (change.op == Op.REMOVE)  # each change did change it
        carried.symmetric_difference_update({change.tag})
    return tags


def all_tags() -> dict[str, set[str]]:
    """The tags of every agent, as they stand in the database."""
    return {agent.public_id: set(tags_of(agent)) for agent in Agent.objects.all()}


def others_are_done() -> None:
    """Wait for what a process began that was killed: PostgreSQL may still be at its last statement."""
    if connection.vendor != "postgresql":
        return
    at_work = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()"
    )
    with connection.cursor() as cursor:
        while cursor.execute(at_work).fetchone() != (0,):
            time.sleep(0.02)  # between looks; what is waited for has no other sign
