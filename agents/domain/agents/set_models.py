"""Set the model of several locked agents, for bulk changes, and undo that."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.core.limits import HISTORY_TEXT
from agents.core.tag_text import shown
from agents.domain.agents import edit
from agents.domain.agents.edit import AgentEdit
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.versions import next_updated_at
from agents.domain.tags.locks import lock_agents
from agents.models import Act, Agent, Change, ChangeSet, Op


def set_models(agents: Sequence[Agent], model: str, change_set: ChangeSet) -> None:
    """Set the model and record it. The caller has locked the agents and checked the handle."""
    at = timezone.now()
    entries: list[Entry] = []
    for agent in agents:
        entries += _save(agent, AgentEdit(model=model), at)
    record.record(change_set, entries, at=at)


def undo_models(
    original_id: int, agent_ids: Collection[str], actor: Actor, into: ChangeSet | None
) -> tuple[ChangeSet | None, set[str], dict[str, str]]:
    """Give agents the model back that they had before a change-set, with its settings.

    Returns the change-set of the undo, the agents that changed, and those that did not, each with the
    reason. Agents whose model changed since stay as they are. Call it inside a write.
    """
    fields: dict[str, dict[str, Change]] = defaultdict(dict)
    for change in Change.objects.filter(
        change_set_id=original_id, agent_id__in=agent_ids, op=Op.SET
    ):
        fields[str(change.agent_id)][change.field] = change
    at = timezone.now()
    entries: list[Entry] = []
    done: set[str] = set()
    kept: dict[str, str] = {}
    for agent_id, locked in lock_agents(fields, actor=actor).items():
        changed = fields[agent_id]
        agent, model = locked.agent, changed.get("model")
        if model is None or agent.model != model.new:
            kept[agent_id] = f"its model is {shown(agent.model)} now"
            continue
        entries += _save(agent, _before(model, changed), at)
        done.add(agent_id)
    if done:
        into = into or record.open_change_set(actor=actor, act=Act.UNDO, undoes=original_id, at=at)
        record.record(into, entries, at=at)
    return into, done, kept


def _before(model: Change, changed: dict[str, Change]) -> AgentEdit:
    """The edit that sets what the history knows in full."""
    settings: dict[str, Any] = {}
    extra = changed.get("extra")
    if extra is not None and extra.old and len(extra.old) <= HISTORY_TEXT:
        before = loads(extra.old)
        settings = {name: before[name] for name in ("model_settings",) if name in before}
    return AgentEdit(model=model.old, extra=settings)


def _save(agent: Agent, change: AgentEdit, at: datetime) -> list[Entry]:
    entries = edit.apply(change, agent)
    agent.updated_at = next_updated_at(agent.updated_at, at)
    agent.version += 1
    agent.save()
    return entries
