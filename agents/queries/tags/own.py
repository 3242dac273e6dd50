"""The tags of a limited actor's newest agents, counted among these agents."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.core.actors import Actor
from agents.core.natural_order import natural_key
from agents.core.tag_text import fold
from agents.models import AgentTag, Tag
from agents.queries.agents.own import newest_own, own_of
from agents.queries.core import bounds
from agents.queries.tags.suggestions import Suggestion, of_these_agents


@dataclass(frozen=True, slots=True)
class OwnTags:
    """The tags in natural order. With `partly`, there are more agents than the bounds.OWN newest that were read."""

    rows: list[Suggestion]
    partly: bool


def own_tags(*, actor: Actor, users: bool, q: str = "") -> OwnTags:
    """Return the user tags, or the other tags, of a limited actor's agents that contain `q`."""
    own = own_of(actor)
    newest = newest_own(own, bounds.OWN + 1) if own is not None else []
    folded = fold(q)
    rows = [
        row
        for row in of_these_agents(newest[: bounds.OWN])
        if row.names_user == users and folded in row.folded
    ]
    return OwnTags(
        sorted(rows, key=lambda row: (natural_key(row.name), row.name)), len(newest) > bounds.OWN
    )


def own_with(tag: Tag, *, actor: Actor) -> Sequence[int]:
    """Return the keys of those of a limited actor's newest agents that carry the tag, newest first."""
    own = own_of(actor)
    if own is None:
        return []
    carried = AgentTag.objects.filter(tag=tag, agent_id__in=newest_own(own))
    return list(carried.order_by("-agent_id").values_list("agent_id", flat=True))
