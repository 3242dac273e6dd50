"""The three-way merge of one agent's tags, as pure functions on texts.

`seen` are the tags that the source had last, `here` those in ADE, `there` those of a new answer. A tag
added on either side is added, one taken off on either side is taken off.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agents.core.tag_text import problem
from agents.domain.core.tag_rules import SUBAGENT

# Texts that are kept aside for pages to show; the source has all of them.
_ASIDE_MOST = 200
_ASIDE_LENGTH = 600  # characters of each


@dataclass(frozen=True, slots=True)
class Held:
    """The tags of an answer: those that ADE can hold, and the others as the source wrote them."""

    tags: frozenset[str]
    aside: list[str]

    @property
    def shown_aside(self) -> list[str]:
        """The first of the others, long ones cut."""
        return [text[:_ASIDE_LENGTH] for text in self.aside[:_ASIDE_MOST]]


def hold(raw: Sequence[str], *, keep: Collection[str], room: int) -> Held:
    """Take from an answer the legal tags: those in `keep`, and of others the first `room`."""
    texts = list(dict.fromkeys(raw))
    legal = [text for text in texts if problem(text) is None]
    known = {text for text in legal if text in keep}
    others = [text for text in legal if text not in known]
    tags = frozenset(known.union(others[: max(0, room)]))
    return Held(tags, [text for text in texts if text not in tags])


@dataclass(frozen=True, slots=True)
class Delta:
    """What an answer adds and takes off here."""

    add: frozenset[str]
    remove: frozenset[str]


def delta(
    *,
    seen: Collection[str],
    here: Collection[str],
    there: Collection[str],
    sent: Collection[str] | None = None,
) -> Delta:
    """What changed at the source since it was last seen.

    `sent` is the set of a push whose outcome is unknown. Where only that push would have changed a tag,
    the answer says nothing about other people's will.
    """
    base = set(seen)
    before = base if sent is None else base | set(sent)
    kept = base if sent is None else base & set(sent)
    return Delta(
        frozenset(set(there) - before - set(here)),
        frozenset((kept - set(there)) & set(here)),
    )


def wanted(here: Collection[str], there: Collection[str]) -> set[str]:
    """The tags that the source is to have: ADE's, but no subagent is made or unmade."""
    want = set(here) - {SUBAGENT}
    return want | {SUBAGENT} if SUBAGENT in there else want


def to_send(raw: Sequence[str], held: Collection[str], want: Collection[str]) -> list[str]:
    """The whole new set: the answer's texts in their order, without what was taken off; then the new.

    What ADE cannot hold is put back unchanged, and so are duplicates.
    """
    kept = [text for text in raw if text not in held or text in want]
    return [*kept, *sorted(set(want) - set(raw))]


def lost(*, seen: Collection[str], sent: Collection[str], there: Collection[str]) -> int:
    """How many tags that a push changed are not so in the answer after it: others wrote over them."""
    added, removed = set(sent) - set(seen), set(seen) - set(sent)
    return len(added - set(there)) + len(removed & set(there))
