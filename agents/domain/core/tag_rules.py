"""What the settings decide by the text of a tag: is it a user tag, and is it protected?"""

from django.conf import settings

from agents.core.tag_text import matches_any, names_user

SUBAGENT = "role:subagent"  # Letta Code hides an agent with it for good
# What a key for Letta Code writes: it creates agents with these tags, and pins them.
LETTA_CODE = ("git-memory-enabled", "origin:*", "view:*", "favorite:*")
PRESETS: dict[str, tuple[str, ...]] = {"letta-code": LETTA_CODE}


def names_a_user(name: str) -> bool:
    """True if the tag matches USER_TAG_PATTERNS."""
    return names_user(name, settings.USER_TAG_PATTERNS)


def is_protected(name: str) -> bool:
    """True if the tag matches PROTECTED_TAGS."""
    return matches_any(name, settings.PROTECTED_TAGS)


def names_protected(pattern: str) -> bool:
    """True if a key's pattern stands for protected tags on purpose. `*` or `v*` does not."""
    return pattern in LETTA_CODE or is_protected(pattern)
