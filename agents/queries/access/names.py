"""Whether a tag was ever there, so that a misspelt name is not answered as one that nobody could access."""

from collections.abc import Iterable

from agents.core.tag_text import problem, shown
from agents.models import AccessSpan, Change, Tag
from agents.queries.history.renames import Renames


def unknown(names: Iterable[str]) -> str | None:
    """Return why one of these names cannot be asked about, as a sentence, or None."""
    for name in names:
        if why := problem(name):
            return f"{shown(name)} {why}."
        if not _was_there(name):
            return f"There is no tag {shown(name)}, and there never was one."
    return None


def _was_there(name: str) -> bool:
    return (
        Tag.objects.filter(name=name).exists()
        or Change.objects.filter(tag=name).exists()
        or bool(Renames({name}).all)
        or AccessSpan.objects.filter(tag=name).exists()
    )
