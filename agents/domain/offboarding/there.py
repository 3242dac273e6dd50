"""Read back things at sources: they are asked one by one, with no transaction open."""

from collections.abc import Sequence

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import DomainError
from agents.domain.core.transactions import write
from agents.domain.sources.deletion import delete
from agents.models import AgentSource, Offboarding, OffboardingItem, Seen

_ONE_TURN = 50


def read_back(row: Offboarding, after: int, *, actor: Actor) -> int | None:
    """Look up the next unsettled things at sources. Returns how far it got, None at the end."""
    waiting = row.items.exclude(place="").exclude(seen__in=[Seen.GONE, Seen.KEPT])
    items = list(waiting.filter(id__gt=after).order_by("id")[:_ONE_TURN])
    if not items:
        return None
    sources = {
        str(s.name): s for s in AgentSource.objects.filter(name__in={i.place for i in items})
    }
    for item in items:
        item.seen, item.why = _seen(item, sources.get(str(item.place)))
        item.seen_at = timezone.now()
    _save(items, actor=actor)
    return items[-1].id


@write
def _save(items: Sequence[OffboardingItem], *, actor: Actor) -> None:
    OffboardingItem.objects.bulk_update(items, ["seen", "seen_at", "why"])


def _seen(item: OffboardingItem, source: AgentSource | None) -> tuple[Seen, str]:
    if source is None:
        return Seen.NOT_REACHABLE, f"The source {item.place} was disconnected."
    find = delete.has_agent if item.kind == "agents" else delete.has_block
    try:
        there = find(source, item.public_id)
    except DomainError as error:
        return Seen.NOT_REACHABLE, error.message
    if item.action != "deleted":
        return Seen.KEPT, ""
    return (Seen.STILL_THERE, "") if there else (Seen.GONE, "")
