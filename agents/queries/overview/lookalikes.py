"""Groups of tags that look alike."""

from collections.abc import Iterator

from django.urls import reverse

from agents.core.actors import Actor
from agents.queries.overview.lines import Level, Line, plural
from agents.queries.overview.totals import Totals


def lines(actor: Actor, totals: Totals | None) -> Iterator[Line]:
    """Groups of labels and groups of users, from the last count. Nothing for limited actors."""
    if actor.limited or totals is None:
        return
    url = reverse("tag-lookalikes")
    for n, what in ((totals.alike, "tags"), (totals.alike_users, "users")):
        yield Line(n, f"{plural(n, 'group')} of look-alike {what}", url, Level.WARNING)
