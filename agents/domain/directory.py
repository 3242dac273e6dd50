"""Writes of a tag itself: its name, its description, its colour, whether it is protected."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from agents.actors import Actor
from agents.domain import followers, history, plans, tagrows, wide
from agents.domain.edits import UNSET
from agents.domain.history import Entry
from agents.domain.newagents import checked_text
from agents.domain.plans import TagPlan, require_manager
from agents.domain.search import TAG_INDEX, index_rows
from agents.domain.transactions import Moved, write
from agents.errors import Conflict, Invalid
from agents.limits import TAG_DESCRIPTION_LENGTH
from agents.models import Act, ChangeSet, Op, Tag
from agents.tagnames import fold, lookalike_key, shown

COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "pink")
PROTECTION = {"settings": None, "yes": True, "no": False}

_USERS = (
    "UPDATE agents_agent SET user_tag_count = user_tag_count + %s"
    " WHERE seq IN (SELECT agent_id FROM agents_agenttag WHERE tag_id = %s)"
)
_LOCK = (
    "SELECT count(*) FROM (SELECT seq FROM agents_agent WHERE seq IN"
    " (SELECT agent_id FROM agents_agenttag WHERE tag_id = %s) ORDER BY seq"
    " FOR NO KEY UPDATE) held"
)


@dataclass(frozen=True, slots=True)
class TagResult:
    """What a write of a tag came to. `change_set` is None where nothing changed."""

    change_set: ChangeSet | None
    plan: TagPlan


@write
def rename_tag(
    *,
    old: str,
    new: str,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
    undoes: ChangeSet | None = None,
) -> TagResult:
    """Give a tag another name: one change, however many agents carry it.

    What names it follows: keys that are limited to it, keys' lists, saved views; each is recorded.
    No agent's version moves; that it now names a user, or no longer does, is counted on each. Raises
    NotFound, NotAllowed, Invalid, Conflict (there is such a tag), PlanChanged (`fingerprint` is of a
    plan that no longer holds).
    """
    plan = plans.plan_rename(old=old, new=new, actor=actor)
    locked = tagrows.lock([old, new])
    tag = locked.get(old)
    if tag is None:
        raise Moved
    if new in locked:
        raise Conflict(f"There is a tag {shown(new)} already: merge the two.", field="new")
    plan = plans.rename_of(tag, new)
    plans.require_unchanged(plan, fingerprint)
    plans.require_rights(plan, actor)
    act = Act.RENAME if undoes is None else Act.UNDO
    undone = None if undoes is None else undoes.id
    change_set = history.open_change_set(actor=actor, act=act, reason=reason, undoes=undone)
    change_set.agent_count = tag.n
    change_set.save(update_fields=["agent_count"])
    history.record(change_set, [Entry(Op.RENAME, tag=old, old=old, new=new)])
    _name(tag, new)
    stay = set() if undoes is None else followers.waited(undoes)
    waiting = followers.note_waiting(new)
    history.record(change_set, [*waiting, *followers.follow(old=old, new=new, told=new, but=stay)])
    return TagResult(change_set, plan)


def _name(tag: Tag, new: str) -> None:
    """Write the new name, and all that follows from a name."""
    named_user = tag.names_user
    tag.name, tag.name_folded, tag.lookalike = new, fold(new), lookalike_key(new)
    tag.names_user = tagrows.names_a_user(new)
    if not tag.protected_by_hand:
        tag.protected = tagrows.is_protected(new)
    tag.save(update_fields=["name", "name_folded", "lookalike", "names_user", "protected"])
    index_rows(TAG_INDEX, [(tag.id, tag.name_folded)])
    if tag.names_user != named_user:
        if connection.vendor == "postgresql":
            wide.execute(_LOCK, [tag.id])
        wide.execute(_USERS, [1 if tag.names_user else -1, tag.id])


@write
def describe_tag(
    *,
    name: str,
    actor: Actor,
    description: Any = UNSET,
    colour: Any = UNSET,
    protection: Any = UNSET,
) -> Tag:
    """Set what is said of a tag; what is UNSET stays.

    `colour` is one of COLOURS or "". `protection` is True or False by hand, or None: by the
    settings. Raises NotFound, NotAllowed, Invalid.
    """
    require_manager(actor, "describe tags")
    tag = tagrows.lock([plans.find_tag(name).name]).get(name)
    if tag is None:
        raise Moved
    before = _facts(tag)
    if description is not UNSET:
        tag.description = checked_text(
            description, field="description", most=TAG_DESCRIPTION_LENGTH
        )
    if colour is not UNSET:
        tag.colour = _checked_colour(colour)
    if protection is not UNSET:
        tag.protected_by_hand = protection is not None
        tag.protected = tagrows.is_protected(name) if protection is None else protection
    after = _facts(tag)
    entries = [
        Entry(Op.SET, tag=name, field=field, old=before[field], new=value)
        for field, value in after.items()
        if value != before[field]
    ]
    if entries:
        tag.save(update_fields=["description", "colour", "protected", "protected_by_hand"])
        history.record(history.open_change_set(actor=actor, act=Act.DESCRIBE), entries)
    return tag


def _facts(tag: Tag) -> dict[str, str]:
    by_hand = "by hand" if tag.protected_by_hand else "by the settings"
    protection = f"{'protected' if tag.protected else 'not protected'}, {by_hand}"
    return {"description": tag.description, "colour": tag.colour, "protection": protection}


def _checked_colour(value: object) -> str:
    if value not in ("", *COLOURS):
        raise Invalid(f"A colour is one of {', '.join(COLOURS)}, or none.", field="colour")
    return str(value)


def patterns_in_words() -> str:
    """Which tags name users, as a page says it."""
    return " or ".join(settings.USER_TAG_PATTERNS)
