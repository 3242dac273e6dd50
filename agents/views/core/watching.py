"""The button that watches a tag."""

from typing import Any

from agents.core.actors import Actor
from agents.queries.tags.watches import may_watch, watches_of


def watch_context(name: str, actor: Actor) -> dict[str, Any]:
    """Context of the button on the page of a tag."""
    may = may_watch(actor)
    return {
        "may_watch": may,
        "watched": may and watches_of(actor).filter(name=name).exists(),
    }
