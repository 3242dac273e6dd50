"""Rename a tag, and edit its description, colour, protection and user mark."""

from dataclasses import dataclass
from typing import Any

from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid
from agents.core.limits import DISPLAY_NAME_LENGTH, TAG_DESCRIPTION_LENGTH
from agents.core.lookalikes import LOOKALIKE_VERSION, lookalike_key
from agents.core.natural_order import natural_key
from agents.core.tag_text import fold, shown
from agents.domain.core import record, tag_rules
from agents.domain.core.checks import checked_text
from agents.domain.core.closed_tags import reopen_undone, require_open
from agents.domain.core.record import Entry
from agents.domain.core.search_index import TAG_INDEX, index_rows
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.core.unset import UNSET
from agents.domain.directory import followers, plans
from agents.domain.directory.plans import TagPlan, require_manager
from agents.domain.tags import behind, tag_rows, user_mark
from agents.models import Act, ChangeSet, Op, Tag

COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "pink")
_BY_HAND = ("protected_by_hand", "names_user", "user_by_hand")
PROTECTION = {"settings": None, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class TagResult:
    """The result of a write. `change_set` is None if nothing changed."""

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
    """Rename a tag. This is one change, however many agents carry it.

    Keys and members limited to the tag, patterns of keys, saved views and webhooks are updated, and each
    update is recorded. Versions of agents do not change. If the tag becomes or stops being a user tag,
    the counts of its agents are updated. Raises NotFound, NotAllowed, Invalid, Conflict (the new name is
    taken), PlanChanged (the plan with this `fingerprint` is out of date).
    """
    plan = plans.plan_rename(old=old, new=new, actor=actor)
    locked = tag_rows.lock([old, new])
    tag = locked.get(old)
    if tag is None:
        raise RowsChanged
    if new in locked:
        raise Conflict(f"A tag {shown(new)} already exists: merge the two instead.", field="new")
    plan = plans.rename_of(tag, new)
    plans.require_unchanged(plan, fingerprint)
    plans.require_rights(plan, actor)
    if undoes is None:
        require_open([new], field="new")
    else:
        reopen_undone(undoes)
    act = Act.RENAME if undoes is None else Act.UNDO
    undone = None if undoes is None else undoes.id
    change_set = record.open_change_set(actor=actor, act=act, reason=reason, undoes=undone)
    change_set.agent_count = tag.n
    change_set.save(update_fields=["agent_count"])
    record.record(change_set, [Entry(Op.RENAME, tag=old, old=old, new=new)])
    _name(tag, new)
    behind.mark_renamed(tag, change_set)
    unchanged = set() if undoes is None else followers.limited_before(undoes)
    waiting = followers.record_limited_before(new)
    record.record(
        change_set,
        [*waiting, *followers.follow(old=old, new=new, recorded_as=new, except_for=unchanged)],
    )
    return TagResult(change_set, plan)


def _name(tag: Tag, new: str) -> None:
    """Save the new name and everything that is computed from it."""
    tag.closed_until = None  # the new name is that of another user
    tag.name, tag.name_folded, tag.lookalike = new, fold(new), lookalike_key(new)
    tag.lookalike_version, tag.sort_key = LOOKALIKE_VERSION, natural_key(new)
    if not tag.protected_by_hand:
        tag.protected = tag_rules.is_protected(new)
    user_mark.recount(tag)
    tag.save(
        update_fields=[
            "name",
            "name_folded",
            "lookalike",
            "lookalike_version",
            "sort_key",
            "names_user",
            "protected",
            "closed_until",
        ]
    )
    index_rows(TAG_INDEX, [(tag.id, tag.name_folded)])


@write
def describe_tag(
    *,
    name: str,
    actor: Actor,
    description: Any = UNSET,
    display_name: Any = UNSET,
    colour: Any = UNSET,
    protection: Any = UNSET,
    user: Any = UNSET,
    undoes: int | None = None,
) -> Tag:
    """Edit the settings of a tag. UNSET values stay as they are.

    `display_name` is the name of the user that the tag stands for. `colour` is one of COLOURS or "". `protection` is True or False, or None to follow the settings.
    `user` is True to mark the tag as a user tag, or False to follow its text. Changing it updates the
    counts of up to WHOLE_TAG_AT_ONCE agents. Raises NotFound, NotAllowed, Invalid.
    """
    require_manager(actor, "describe tags")
    tag = tag_rows.lock([plans.find_tag(name).name]).get(name)
    if tag is None:
        raise RowsChanged
    before = _facts(tag)
    if description is not UNSET:
        tag.description = checked_text(
            description, field="description", most=TAG_DESCRIPTION_LENGTH
        )
    if display_name is not UNSET:
        text = checked_text(display_name or "", field="display_name", most=DISPLAY_NAME_LENGTH)
        tag.display_name = text.strip() or None
    if colour is not UNSET:
        tag.colour = _checked_colour(colour)
    if protection is not UNSET:
        tag.protected_by_hand = protection is not None
        tag.protected = tag_rules.is_protected(name) if protection is None else protection
    if user is not UNSET and user != bool(tag.user_by_hand):
        plans.require_settled(tag)
        user_mark.set_mark(tag, by_hand=user)
    after = _facts(tag)
    entries = [
        Entry(Op.SET, tag=name, field=field, old=before[field], new=value)
        for field, value in after.items()
        if value != before[field]
    ]
    if entries:
        tag.save(update_fields=["description", "display_name", "colour", "protected", *_BY_HAND])
        act = Act.DESCRIBE if undoes is None else Act.UNDO
        change_set = record.open_change_set(actor=actor, act=act, undoes=undoes)
        record.record(change_set, entries)
    return tag


def _facts(tag: Tag) -> dict[str, str]:
    by_hand = "by hand" if tag.protected_by_hand else "by the settings"
    protection = f"{'protected' if tag.protected else 'not protected'}, {by_hand}"
    return {
        "description": tag.description,
        "display name": tag.display_name or "",
        "colour": tag.colour,
        "protection": protection,
        user_mark.FIELD: user_mark.in_words(tag),
    }


def _checked_colour(value: object) -> str:
    if value not in ("", *COLOURS):
        raise Invalid(
            f"Choose one of these colours: {', '.join(COLOURS)}, or none.", field="colour"
        )
    return str(value)
