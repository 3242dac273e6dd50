"""Users who were off-boarded and whose tag agents carry again."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.http import urlencode

from agents.core.actors import Actor
from agents.queries.overview.lines import Level, Line, capped, plural
from agents.queries.overview.totals import Totals
from agents.queries.users import tags_that_came_back


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """Tags that came back, for members without a limit. One leads to its page, several to the users."""
    if actor.limited:
        return
    tags = tags_that_came_back()
    n, more = capped(tags)
    url = reverse("users")
    if n == 1:
        url = f"{reverse('user')}?{urlencode({'name': tags[0].name})}"
    text = plural(n, "off-boarded user came back", "off-boarded users came back")
    yield Line(n, text, url, Level.WARNING, more=more)
