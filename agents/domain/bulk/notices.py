"""What a person should know about a bulk plan before it is applied, by tag."""

from collections import Counter
from typing import Any

from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.domain.bulk.tally import ADD, OWNERLESS, REMOVE, SAME, SECOND, SKIP, tags_of
from agents.domain.tags import tag_rows
from agents.domain.tags.notices import MOST, Notice, notices_of, ownerless_first
from agents.models import BulkPlan, BulkState, Owners, Tag

_ROWS = 100
_NONE = dict.fromkeys((ADD, REMOVE, SAME, SKIP, SECOND, OWNERLESS), 0)


def plan_notices(plan: BulkPlan, *, actor: Actor) -> list[Notice]:
    """Return the notices of a plan: lost owners, second owners, then the tags it adds, the first 50 of them."""
    numbers = tags_of(plan)
    second = {name: counts[SECOND] for name, counts in numbers.items() if counts[SECOND]}
    if plan.owners == Owners.KEEP:
        second = {}  # decided
    wanted = loads(plan.add) or sorted(numbers, key=lambda name: -numbers[name][ADD])
    names = [name for name in dict.fromkeys([*second, *wanted]) if _is_added(numbers.get(name))]
    rows = {tag.name: tag for tag in Tag.objects.filter(name__in=names[:MOST])}
    tags = [rows.get(name) or tag_rows.new_tag(name) for name in names[:MOST]]
    new = {tag.name for tag in tags if not tag.n}
    lost = {name: counts[OWNERLESS] for name, counts in numbers.items() if counts[OWNERLESS]}
    found = notices_of(tags, actor=actor, first_uses=new, second=second)
    return ownerless_first(lost) + found


def _is_added(numbers: Counter[str] | None) -> bool:
    return numbers is not None and numbers[ADD] > 0


def tag_numbers(plan: BulkPlan, actor: Actor) -> list[dict[str, Any]]:
    """Return the numbers and notices of each tag, second owners first, then the most changed; at most 100."""
    found = plan_notices(plan, actor=actor) if plan.state == BulkState.PLANNED else []
    rows: list[dict[str, Any]] = [
        {"tag": name, **_NONE, **numbers, "notices": [n.words for n in found if n.tag == name]}
        for name, numbers in tags_of(plan).items()
    ]
    rows.sort(key=lambda row: (-row[SECOND], -row[ADD] - row[REMOVE], row["tag"]))
    return rows[:_ROWS]
