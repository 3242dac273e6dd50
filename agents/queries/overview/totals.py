"""Totals of the overview: counted at once in a small database, kept by a job in a large one.

A limited actor gets totals of its own newest agents, which are read within a bound.
"""

from collections import Counter
from datetime import datetime

import msgspec
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.models import Agent, AgentTag, Tag, TallyHead
from agents.queries.agents.own import newest_own, own_of
from agents.queries.core import bounds
from agents.queries.core.keyset import NATURAL
from agents.queries.directory import of_kind

# With more agents or tags than this, a request shows the last count of the worker.
SMALL = 20_000
# How old that count may be before a request asks for a new one.
STALE_SECONDS = 600
# The least and the most agents of a user in each group. None: no end.
GROUPS: tuple[tuple[int, int | None], ...] = ((1, 1), (2, 5), (6, 20), (21, 100), (101, None))
_TOP = 6
_ALIKE = (
    "SELECT count(*) FROM (SELECT 1 FROM agents_tag WHERE names_user = {users} AND n > 0"
    " GROUP BY lookalike HAVING count(*) > 1) g"
)


class Totals(msgspec.Struct, frozen=True):
    """`per_user` has the number of users of each of GROUPS; `models` has (model, agents), largest first.

    `alike` and `alike_users` are groups of look-alike tags.
    """

    agents: int
    users: int
    per_user: list[int]
    models: list[tuple[str, int]]
    alike: int
    alike_users: int
    at: datetime


def totals() -> Totals | None:
    """All agents' totals: exact now, or the last count. None in a large database without a count."""
    if is_small():
        return count_everything()
    counted = TallyHead.objects.filter(id=1).values_list("counted", flat=True).first()
    return msgspec.json.decode(counted or "null", type=Totals | None)


def is_small() -> bool:
    """True if counting everything is cheap enough for a request."""
    return all(
        rows.order_by()[: SMALL + 1].count() <= SMALL for rows in (Agent.objects, Tag.objects)
    )


def count_everything() -> Totals:
    """Count by reading indexes as a whole: about 0.5 s for a million agents."""
    used = of_kind(users=True).filter(n__gt=0)
    groups = [Count("id", filter=_between(*group)) for group in GROUPS]
    per_user = used.aggregate(**{f"g{at}": group for at, group in enumerate(groups)})
    models = _models(Agent.objects.all())
    models.subtract(_models(Agent.objects.filter(hidden=True)))
    return Totals(
        agents=sum(models.values()),
        users=sum(per_user.values()),
        per_user=list(per_user.values()),
        models=models.most_common(_TOP),
        alike=_alike(users=False),
        alike_users=_alike(users=True),
        at=timezone.now(),
    )


def _between(least: int, most: int | None) -> Q:
    return Q(n__gte=least) if most is None else Q(n__gte=least, n__lte=most)


def _models(agents: QuerySet[Agent]) -> Counter[str]:
    rows = agents.order_by().values_list("model").annotate(Count("seq"))
    return Counter(dict(rows))


def _alike(*, users: bool) -> int:
    # The condition is literal: databases use a partial index only if they can read it.
    truth = str(users).upper() if connection.vendor == "postgresql" else str(int(users))
    with connection.cursor() as cursor:
        cursor.execute(_ALIKE.format(users=truth))
        return int(cursor.fetchone()[0])


def top_tags(*, actor: Actor) -> list[tuple[Tag, int]]:
    """The labels on most agents, and on how many; for a limited actor among its newest agents."""
    own = own_of(actor)
    if own is None:
        tags = of_kind(users=False).filter(n__gt=0).order_by("-n", *NATURAL)[:_TOP]
        return [(tag, tag.n) for tag in tags]
    carried = AgentTag.objects.filter(agent_id__in=newest_own(own), tag__names_user=False)
    # By name within the same number: the order of the keys would tell when others made their tags.
    counted = carried.order_by().values_list("tag").annotate(n=Count("agent"))
    rows = dict(counted.order_by("-n", "tag__name")[:_TOP])
    tags = Tag.objects.filter(id__in=rows)
    return sorted(((tag, rows[tag.id]) for tag in tags), key=lambda row: (-row[1], row[0].name))


def own_models(*, actor: Actor) -> list[tuple[str, int]]:
    """The models of a limited actor's newest agents, and how many have each."""
    own = own_of(actor)
    seqs = [] if own is None else newest_own(own, bounds.OWN)
    return _models(Agent.objects.visible_to(actor).filter(seq__in=seqs)).most_common(_TOP)
