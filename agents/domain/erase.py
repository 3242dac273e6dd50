"""A name taken out of history, for a request under data protection; the fact stays.

The one case in which history is edited. That it was is itself recorded, without the name.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q

from agents.actors import Actor, Power
from agents.domain import history
from agents.domain.history import Entry
from agents.domain.search import TAG_INDEX, forget_rows
from agents.domain.transactions import write
from agents.errors import Conflict, Invalid
from agents.models import (
    Act,
    ApiKey,
    BulkPlan,
    Change,
    ChangeSet,
    Op,
    SavedView,
    Tag,
    Tombstone,
    Webhook,
)
from agents.tagnames import shown, text_problem

# A shorter name stands in too many other words.
_SHORTEST = 2
_BATCH = 1000
# Columns that are the name or another's, and columns that may hold it among other words.
_WHERE: list[tuple[type[Model], tuple[str, ...], tuple[str, ...]]] = [
    (ChangeSet, ("actor_name",), ("reason",)),
    (Change, ("tag",), ("agent_name", "old", "new")),
    (Tombstone, ("deleted_by",), ("name", "tags")),
    (Tag, ("last_added_by",), ()),
    (ApiKey, ("created_by", "limit_tag"), ()),
    (SavedView, ("owner_name",), ("pairs",)),
    (Webhook, ("created_by",), ("name", "tags")),
    (BulkPlan, ("actor_name",), ("actor", "add", "remove", "wanted", "query", "sample", "refused")),
]


@dataclass(frozen=True, slots=True)
class Erased:
    """What stands in the name's place, and in how many rows it was put there."""

    token: str
    rows: int


@write
def erase_name(*, name: str, actor: Actor) -> Erased:
    """Put `erased-<n>` where history has this name of a person, a key or a user's tag.

    Only whole words: user_1 does not touch user_12. It reads all of history, a minute for some
    millions of changes; writers of what it touches wait. Raises NotAllowed, Invalid, Conflict (an
    agent carries it as a tag: off-board that user first).
    """
    actor.require(Power.ADMIN, "erase names")
    if len(name.strip()) < _SHORTEST or text_problem(name):
        raise Invalid(f"A name has at least {_SHORTEST} characters.", field="name")
    tag = Tag.objects.select_for_update().filter(name=name).first()
    if tag is not None and tag.n:
        raise Conflict(f"{tag.n:,} agents carry {shown(name)}: off-board that user first.")
    number = ChangeSet.objects.filter(act=Act.ERASE).count() + 1
    token = f"erased-{number}"
    rows = sum(_replace(*where, name, token) for where in _WHERE)
    if tag is not None:
        forget_rows(TAG_INDEX, [tag.id])
        Tag.objects.filter(id=tag.id)._raw_delete(using="default")
        rows += 1
    change_set = history.open_change_set(actor=actor, act=Act.ERASE)
    history.record(change_set, [Entry(Op.SET, field="name", new=f"{token}, in {rows:,} rows")])
    return Erased(token, rows)


def _replace(
    model: type[Model], whole: tuple[str, ...], within: tuple[str, ...], name: str, token: str
) -> int:
    """Put the token in the place of the name in these columns. In how many rows."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    holds = Q()
    for column in whole:
        holds |= Q(**{column: name})
    for column in within:
        holds |= Q(**{f"{column}__contains": name})
    keys = list(model._default_manager.filter(holds).values_list("pk", flat=True))
    count = 0
    for start in range(0, len(keys), _BATCH):
        rows: dict[Any, Any] = model._default_manager.in_bulk(keys[start : start + _BATCH])
        changed = [row for row in rows.values() if _erase(row, whole, within, word, token, name)]
        model._default_manager.bulk_update(changed, [*whole, *within])
        count += len(changed)
    return count


def _erase(
    row: Any,
    whole: tuple[str, ...],
    within: tuple[str, ...],
    word: re.Pattern[str],
    token: str,
    name: str,
) -> bool:
    """Write the token over the name in one row, not saved. True if it was there."""
    before = {column: getattr(row, column) for column in (*whole, *within)}
    after = {column: token if before[column] == name else before[column] for column in whole}
    after |= {column: before[column] and word.sub(token, before[column]) for column in within}
    for column, text in after.items():
        setattr(row, column, text)
    return after != before
