"""Erase a name from the history, for a data-protection request. The changes themselves stay.

The history records that it happened, without the name. The only other edit of the history clears the
texts of memory when an agent is deleted for good (`agents.domain.agents.trash.forget_memory`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.db.models import Model, Q
from django.utils.text import slugify

from ade.models import MemberEvent, User
from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotFound
from agents.core.tag_text import shown, text_problem
from agents.domain.agents import trash
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.search_index import TAG_INDEX, forget_rows
from agents.domain.core.transactions import write
from agents.domain.history.erase_text import (
    ACTOR,
    EXACT,
    QUERY,
    REFUSED,
    STORED,
    WORDS,
    Eraser,
    Way,
)
from agents.models import (
    FILE_OPS,
    AccessSpan,
    Act,
    Agent,
    AgentBlock,
    AgentDetail,
    AgentSource,
    ApiKey,
    Block,
    BlockMove,
    BulkBatch,
    BulkPlan,
    BulkState,
    Change,
    ChangeSet,
    Crossing,
    Delivery,
    Identity,
    ImportedAgent,
    InboxItem,
    Offboarding,
    OffboardingItem,
    Op,
    SavedView,
    SourcedAgent,
    SourcedBlock,
    Tag,
    TagWatch,
    TallyHead,
    Tombstone,
    TrashedAgent,
    TrashedFile,
    TrashedTag,
    Webhook,
)

# A shorter name occurs in too many other words.
_SHORTEST = 2
_BATCH = 1000
# The columns to erase the name from, and how. A test compares these and LIVING with all text columns.
ERASED: Mapping[type[Model], Mapping[str, Way]] = {
    ChangeSet: {"actor_name": ACTOR, "reason": WORDS},
    Change: {"tag": EXACT, "agent_name": WORDS, "old": WORDS, "new": WORDS},
    TrashedAgent: {"deleted_by": ACTOR, "name": WORDS, "state": STORED},
    TrashedTag: {"name": EXACT},
    TrashedFile: {"file": WORDS, "problem": WORDS, "blocks": STORED},
    TallyHead: {"counted": STORED},
    BlockMove: {"user": EXACT, "label": WORDS, "problem": WORDS},
    Crossing: {"meant_reason": WORDS, "meant_by": ACTOR},
    Offboarding: {"name": EXACT, "moved_to": EXACT, "actor_name": ACTOR, "reason": WORDS},
    OffboardingItem: {"label": WORDS, "why": WORDS},
    Tombstone: {"deleted_by": ACTOR, "name": WORDS, "tags": STORED},
    Tag: {"last_added_by": ACTOR, "description": WORDS, "display_name": WORDS},
    ApiKey: {"created_by": ACTOR, "name": WORDS, "limit_tag": EXACT, "stored_reach": STORED,
        "may_tag": STORED,
    },
    User: {"stored_reach": STORED},
    AccessSpan: {"name": WORDS, "tag": EXACT},
    TagWatch: {"name": EXACT},
    SavedView: {"owner_name": ACTOR, "name": WORDS, "pairs": STORED},
    BulkPlan: {
        "actor_name": ACTOR, "actor": STORED, "add": STORED, "remove": STORED, "wanted": STORED,
        "query": QUERY, "sample": STORED, "refused": REFUSED, "noted": REFUSED, "reason": WORDS, "problem": WORDS,
        "tally": STORED,
    },
    BulkBatch: {"items": STORED, "left": REFUSED},
    ImportedAgent: {"tags": STORED},
    Webhook: {"created_by": ACTOR, "name": WORDS, "tags": STORED},
    Delivery: {"error": WORDS},
    AgentSource: {"created_by": ACTOR, "pause_reason": WORDS, "problem": WORDS},
    SourcedAgent: {"problem": WORDS},
    InboxItem: {"tag": EXACT, "details": STORED, "decided_by": ACTOR},
    MemberEvent: {"actor_name": ACTOR, "member_name": EXACT, "detail": WORDS},
}  # fmt: skip
# Current data that a person can edit or delete. ADE only reports that it contains the name.
LIVING: Mapping[type[Model], tuple[str, ...]] = {
    Agent: ("name", "description", "shared_reason"),
    AgentDetail: ("system", "llm_config", "embedding_config", "metadata", "extra"),
    Block: ("label", "value", "description", "metadata", "extra"),
    AgentBlock: ("label",),
    Identity: ("identifier_key", "name", "properties"),
    User: ("username", "first_name", "last_name", "email"),
    Webhook: ("url",),
    # What is at a source comes from there again.
    AgentSource: ("name", "only_tag"),
    SourcedAgent: ("seen_tags", "set_aside", "sent_tags"),
    SourcedBlock: ("label",),
}


@dataclass(frozen=True, slots=True)
class Erased:
    """The replacement for the name, the number of changed rows, and by kind how many rows of current
    data still contain the name."""

    token: str
    rows: int
    left: dict[str, int] = field(default_factory=dict)


@write
def erase_name(*, name: str, actor: Actor) -> Erased:
    """Replace this name of a person, a key or a user tag by `erased-<n>` in the history.

    Deletes plans of bulk changes that name it and have not begun, and the agents in the trash that
    carried it as a tag. Reads all of the history, about a
    minute for some millions of changes; writers of the same rows wait. Raises NotAllowed, Invalid,
    NotFound (the name occurs nowhere; nothing is recorded), Conflict (an agent carries it as a tag, or
    a bulk change with it is running).
    """
    actor.require(Power.ADMIN, "erase names")
    if len(name.strip()) < _SHORTEST or text_problem(name):
        raise Invalid(f"The name must have at least {_SHORTEST} characters.", field="name")
    tag = Tag.objects.select_for_update().filter(name=name).first()
    if tag is not None and tag.n:
        raise Conflict(f"{tag.n:,} agents carry {shown(name)}. Off-board that user first.")
    number = ChangeSet.objects.filter(act=Act.ERASE).count() + 1
    eraser = Eraser(name, f"erased-{number}")
    rows = trash.purge_user(name) + _end_plans(eraser) + _erase_slugs(eraser)
    rows += sum(_erase_in(model, ways, eraser) for model, ways in ERASED.items())
    if tag is not None:
        forget_rows(TAG_INDEX, [tag.id])
        Tag.objects.filter(id=tag.id)._raw_delete(using="default")
        rows += 1
    if not rows:
        raise NotFound(
            f"The name {shown(name)} occurs nowhere, so nothing was erased. Check its spelling."
        )
    change_set = record.open_change_set(actor=actor, act=Act.ERASE)
    said = f"{eraser.token}, in {rows:,} rows"
    record.record(change_set, [Entry(Op.SET, field="name", new=said)])
    return Erased(eraser.token, rows, _left(eraser))


def _holding(model: type[Model], columns: Mapping[str, Way], eraser: Eraser) -> Any:
    """Return the rows whose columns may contain the name, including some with it inside other words."""
    holds = Q()
    for column, way in columns.items():
        if way is EXACT:
            holds |= Q(**{column: eraser.name})
            continue
        for form in eraser.forms(way):
            holds |= Q(**{f"{column}__contains": form})
    return model._default_manager.filter(holds)


def _erase_in(model: type[Model], ways: Mapping[str, Way], eraser: Eraser) -> int:
    """Replace the name by the token in these columns. Returns in how many rows."""
    keys = list(_holding(model, ways, eraser).values_list("pk", flat=True))
    total = 0
    for start in range(0, len(keys), _BATCH):
        rows: dict[Any, Any] = model._default_manager.in_bulk(keys[start : start + _BATCH])
        changed = [row for row in rows.values() if _erase_row(row, ways, eraser)]
        model._default_manager.bulk_update(changed, list(ways))
        total += len(changed)
    return total


def _erase_row(row: Any, ways: Mapping[str, Way], eraser: Eraser) -> bool:
    """Replace the name by the token in a row, without saving. True if the row contained the name."""
    changed = False
    for column, way in {**ways, **_ways_of(row)}.items():
        text = getattr(row, column)
        after = way(eraser, text) if text else text
        if after != text:
            setattr(row, column, after)
            changed = True
    return changed


def _ways_of(row: Any) -> dict[str, Way]:
    """Return the columns that contain a tag name in this row, and words in other rows."""
    if isinstance(row, Change) and row.op == Op.RENAME:
        return {"old": EXACT, "new": EXACT}
    return {"new": EXACT} if isinstance(row, Change) and row.op == Op.MERGE else {}


def _end_plans(eraser: Eraser) -> int:
    """Delete plans with the name that have not begun, and end stopped runs for good.

    Otherwise they would bring the name back. Raises Conflict if one is running.
    """
    tags = {column: ERASED[BulkPlan][column] for column in ("add", "remove", "wanted")}
    # Unsaved copies: the rule that erases a name also tells whether a plan contains it.
    found = [plan for plan in _holding(BulkPlan, tags, eraser) if _erase_row(plan, tags, eraser)]
    items = {"items": STORED}
    rows = _holding(BulkBatch, items, eraser).filter(plan__op__in=FILE_OPS).select_related("plan")
    found += [batch.plan for batch in rows if _erase_row(batch, items, eraser)]
    if any(plan.state == BulkState.RUNNING for plan in found):
        raise Conflict(f"A bulk change that names {shown(eraser.name)} is running. Stop it first.")
    named = BulkPlan.objects.filter(pk__in={plan.pk for plan in found})
    named.filter(state=BulkState.STOPPED).update(state=BulkState.DONE)
    ended = named.filter(state__in=(BulkState.PLANNING, BulkState.PLANNED))
    count_ended = ended.count()
    ended.delete()
    return count_ended


def _erase_slugs(eraser: Eraser) -> int:
    """Give saved views with the name in their address another address."""
    part = slugify(eraser.name)
    word = Eraser(part, eraser.token)
    changed = 0
    for view in SavedView.objects.filter(slug__contains=part) if part else []:
        base = word.words(view.slug)
        if base == view.slug:
            continue
        tries = (base if n == 1 else f"{base}-{n}" for n in count(1))
        view.slug = next(slug for slug in tries if not SavedView.objects.filter(slug=slug).exists())
        view.save(update_fields=["slug"])
        changed += 1
    return changed


def _left(eraser: Eraser) -> dict[str, int]:
    """Count the rows of current data that still contain the name as a word, by kind."""
    found = {}
    for model, columns in LIVING.items():
        rows = _holding(model, dict.fromkeys(columns, WORDS), eraser).values_list(*columns)
        if number := sum(_holds(row, eraser) for row in rows):
            found[str(model._meta.verbose_name)] = number
    return found


def _holds(columns: tuple[str | None, ...], eraser: Eraser) -> bool:
    return any(text is not None and eraser.words(text) != text for text in columns)
