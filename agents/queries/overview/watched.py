"""The newest changes of the tags that a member watches."""

from agents.core.actors import Actor
from agents.models import Tag
from agents.queries.history.change_sets import SetRow, newest_with_tags
from agents.queries.tags.watches import watches_of

_MOST = 5


def watched(actor: Actor) -> tuple[list[Tag], list[SetRow]]:
    """Return the watched tags that exist, and the newest changes of all watched tags."""
    names = list(watches_of(actor).values_list("name", flat=True))
    if not names:
        return [], []
    tags = list(Tag.objects.filter(name__in=names).order_by("names_user", "sort_key", "id"))
    return tags, newest_with_tags(names, actor=actor, size=_MOST)
