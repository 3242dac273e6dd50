"""Which tags programs write for themselves (MACHINE_TAGS)."""

from functools import lru_cache

from django.conf import settings

from agents.core.tag_text import matches_any


def is_machine(name: str) -> bool:
    """True if the tag matches MACHINE_TAGS."""
    return _matches(name, tuple(settings.MACHINE_TAGS))


@lru_cache(maxsize=10_000)  # a page asks it for each of its tags
def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return matches_any(name, patterns)
