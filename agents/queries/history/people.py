"""The people and keys that the history names, for its picker; names and tags whatever their case."""

from ade.models import User
from agents.core.actors import Actor
from agents.core.lookalikes import lookalike_key
from agents.core.tag_text import fold
from agents.models import ApiKey, Change, ChangeSet, Tag
from agents.queries.directory import require_whole

_RECENT = 500  # change-sets whose actors are offered
_MOST = 1000  # members and keys that are looked through


def people(q: str, *, actor: Actor, limit: int = 10) -> list[str]:
    """Return names of actors that contain the text, those who changed something lately first."""
    require_whole(actor, "the history")
    folded = fold(q)
    return [name for name in _names() if folded in fold(name)][:limit]


def names_like(name: str) -> list[str]:
    """Return the name as typed, and the names of known actors that differ from it only by case."""
    folded = fold(name)
    return list(dict.fromkeys([name, *(known for known in _names() if fold(known) == folded)]))


def tag_like(name: str) -> str:
    """Return the tag as typed if the history or the directory has it, else the most used that differs by case."""
    exact = Tag.objects.filter(name=name).exists() or _is_in_history(name)
    if exact or not name:
        return name
    # The look-alike key ignores case, and has an index.
    alike = Tag.objects.filter(lookalike=lookalike_key(name)).order_by("-n", "name")[:_MOST]
    folded = fold(name)
    return next((tag.name for tag in alike if fold(tag.name) == folded), name)


def _is_in_history(tag: str) -> bool:
    """Ask for the newest change, or PostgreSQL may read all changes up to the first of a common tag."""
    newest = Change.objects.filter(tag=tag).order_by("-change_set_id").values_list("id", flat=True)
    return bool(newest[:1])


def _names() -> list[str]:
    recent = ChangeSet.objects.order_by("-id").values_list("actor_name", flat=True)[:_RECENT]
    users = User.objects.order_by("username")[:_MOST]
    keys = ApiKey.objects.order_by("-id").values_list("name", flat=True)[:_MOST]
    names = [*recent, *(user.display_name for user in users), *(f"API key “{key}”" for key in keys)]
    return list(dict.fromkeys(names))
