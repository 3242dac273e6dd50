"""A name taken out of history, for a request under data protection; the fact stays.

The one case in which history is edited. That it was is itself recorded, without the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.db.models import Model, Q
from django.utils.text import slugify

from ade.models import MemberEvent, User
from agents.actors import Actor, Power
from agents.domain import history
from agents.domain.erasetext import ACTOR, EXACT, QUERY, REFUSED, STORED, WORDS, Eraser, Way
from agents.domain.history import Entry
from agents.domain.search import TAG_INDEX, forget_rows
from agents.domain.transactions import write
from agents.errors import Conflict, Invalid
from agents.models import (
    Act,
    Agent,
    AgentBlock,
    AgentDetail,
    ApiKey,
    Block,
    BulkBatch,
    BulkOp,
    BulkPlan,
    BulkState,
    Change,
    ChangeSet,
    Delivery,
    Identity,
    ImportedAgent,
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
# Where the name is taken out, and how. A test compares these and those below with all text columns.
ERASED: Mapping[type[Model], Mapping[str, Way]] = {
    ChangeSet: {"actor_name": ACTOR, "reason": WORDS},
    Change: {"tag": EXACT, "agent_name": WORDS, "old": WORDS, "new": WORDS},
    Tombstone: {"deleted_by": ACTOR, "name": WORDS, "tags": STORED},
    Tag: {"last_added_by": ACTOR, "description": WORDS},
    ApiKey: {"created_by": ACTOR, "name": WORDS, "limit_tag": EXACT, "may_tag": STORED},
    SavedView: {"owner_name": ACTOR, "name": WORDS, "pairs": STORED},
    BulkPlan: {
        "actor_name": ACTOR, "actor": STORED, "add": STORED, "remove": STORED, "wanted": STORED,
        "query": QUERY, "sample": STORED, "refused": REFUSED, "reason": WORDS, "problem": WORDS,
    },
    BulkBatch: {"items": STORED, "left": REFUSED},
    ImportedAgent: {"tags": STORED},
    Webhook: {"created_by": ACTOR, "name": WORDS, "tags": STORED},
    Delivery: {"error": WORDS},
    MemberEvent: {"actor_name": ACTOR, "member_name": EXACT, "detail": WORDS},
}  # fmt: skip
# What is alive and somebody's to edit or delete: it is only told that the name stands there.
LIVING: Mapping[type[Model], tuple[str, ...]] = {
    Agent: ("name", "description"),
    AgentDetail: ("system", "llm_config", "embedding_config", "metadata", "extra"),
    Block: ("label", "value", "description", "metadata", "extra"),
    AgentBlock: ("label",),
    Identity: ("identifier_key", "name", "properties"),
    User: ("username", "first_name", "last_name", "email"),
    Webhook: ("url",),
}


@dataclass(frozen=True, slots=True)
class Erased:
    """What stands in the name's place, in how many rows it was put there, and by kind how many rows
    that live still hold it."""

    token: str
    rows: int
    left: dict[str, int] = field(default_factory=dict)


@write
def erase_name(*, name: str, actor: Actor) -> Erased:
    """Put `erased-<n>` where history has this name of a person, a key or a user's tag.

    Plans of bulk changes that were not begun and name it are deleted. It reads all of history, a
    minute for some millions of changes; writers of what it touches wait. Raises NotAllowed, Invalid,
    Conflict (an agent carries it as a tag: off-board that user first; a bulk change with it runs).
    """
    actor.require(Power.ADMIN, "erase names")
    if len(name.strip()) < _SHORTEST or text_problem(name):
        raise Invalid(f"A name has at least {_SHORTEST} characters.", field="name")
    tag = Tag.objects.select_for_update().filter(name=name).first()
    if tag is not None and tag.n:
        raise Conflict(f"{tag.n:,} agents carry {shown(name)}: off-board that user first.")
    number = ChangeSet.objects.filter(act=Act.ERASE).count() + 1
    eraser = Eraser(name, f"erased-{number}")
    rows = _end_plans(eraser) + _erase_slugs(eraser)
    rows += sum(_erase_in(model, ways, eraser) for model, ways in ERASED.items())
    if tag is not None:
        forget_rows(TAG_INDEX, [tag.id])
        Tag.objects.filter(id=tag.id)._raw_delete(using="default")
        rows += 1
    change_set = history.open_change_set(actor=actor, act=Act.ERASE)
    said = f"{eraser.token}, in {rows:,} rows"
    history.record(change_set, [Entry(Op.SET, field="name", new=said)])
    return Erased(eraser.token, rows, _left(eraser))


def _holding(model: type[Model], columns: Mapping[str, Way], eraser: Eraser) -> Any:
    """The rows whose columns may hold the name: a few too many, those that hold it in other words."""
    holds = Q()
    for column, way in columns.items():
        if way is EXACT:
            holds |= Q(**{column: eraser.name})
            continue
        for form in eraser.forms(way):
            holds |= Q(**{f"{column}__contains": form})
    return model._default_manager.filter(holds)


def _erase_in(model: type[Model], ways: Mapping[str, Way], eraser: Eraser) -> int:
    """Put the token in the place of the name in these columns. In how many rows."""
    keys = list(_holding(model, ways, eraser).values_list("pk", flat=True))
    total = 0
    for start in range(0, len(keys), _BATCH):
        rows: dict[Any, Any] = model._default_manager.in_bulk(keys[start : start + _BATCH])
        changed = [row for row in rows.values() if _erase_row(row, ways, eraser)]
        model._default_manager.bulk_update(changed, list(ways))
        total += len(changed)
    return total


def _erase_row(row: Any, ways: Mapping[str, Way], eraser: Eraser) -> bool:
    """Write the token over the name in one row, not saved. True if it was there."""
    held = False
    for column, way in {**ways, **_ways_of(row)}.items():
        text = getattr(row, column)
        after = way(eraser, text) if text else text
        if after != text:
            setattr(row, column, after)
            held = True
    return held


def _ways_of(row: Any) -> dict[str, Way]:
    """Names of tags in columns that hold words elsewhere."""
    if isinstance(row, Change) and row.op == Op.RENAME:
        return {"old": EXACT, "new": EXACT}
    return {"new": EXACT} if isinstance(row, Change) and row.op == Op.MERGE else {}


def _end_plans(eraser: Eraser) -> int:
    """End what would bring the name back: plans not begun are deleted, stopped runs stay as they are
    for good. Raises Conflict where one is running."""
    tags = {column: ERASED[BulkPlan][column] for column in ("add", "remove", "wanted")}
    # Working copies: what says that a plan holds it is the same rule that would erase it.
    found = [plan for plan in _holding(BulkPlan, tags, eraser) if _erase_row(plan, tags, eraser)]
    items = {"items": STORED}
    rows = _holding(BulkBatch, items, eraser).filter(plan__op=BulkOp.ROWS).select_related("plan")
    found += [batch.plan for batch in rows if _erase_row(batch, items, eraser)]
    if any(plan.state == BulkState.RUNNING for plan in found):
        raise Conflict(f"A bulk change that names {shown(eraser.name)} is running: stop it first.")
    named = BulkPlan.objects.filter(pk__in={plan.pk for plan in found})
    named.filter(state=BulkState.STOPPED).update(state=BulkState.DONE)
    ended = named.filter(state__in=(BulkState.PLANNING, BulkState.PLANNED))
    count_ended = ended.count()
    ended.delete()
    return count_ended


def _erase_slugs(eraser: Eraser) -> int:
    """Saved views whose address has the name get another one."""
    part = slugify(eraser.name)
    word = Eraser(part, eraser.token)
    changed = 0
    for view in SavedView.objects.filter(slug__contains=part) if part else []:
        base = word.words(view.slug)
        if base == view.slug:
            continue
        tries = (base if n == 1 else f"{base}-{n}" for n in count(1))
        view.slug = next(one for one in tries if not SavedView.objects.filter(slug=one).exists())
        view.save(update_fields=["slug"])
        changed += 1
    return changed


def _left(eraser: Eraser) -> dict[str, int]:
    """How many rows of what lives still hold the name as a word, by kind."""
    found = {}
    for model, columns in LIVING.items():
        rows = _holding(model, dict.fromkeys(columns, WORDS), eraser).values_list(*columns)
        if number := sum(_holds(row, eraser) for row in rows):
            found[str(model._meta.verbose_name)] = number
    return found


def _holds(columns: tuple[str | None, ...], eraser: Eraser) -> bool:
    return any(text is not None and eraser.words(text) != text for text in columns)
