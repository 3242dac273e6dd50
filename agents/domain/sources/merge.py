"""The three-way merge of one agent's tags: texts only, nothing is read or written.

`seen` are the tags that the source had last, `here` those in ADE, `there` those of a new answer. A tag
added on either side is added, a tag removed on either side is removed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings

from agents.core.json_text import loads
from agents.core.raw_texts import dumps_texts, loads_texts
from agents.core.tag_text import problem
from agents.domain.core.tag_rules import SUBAGENT
from agents.domain.sources import fields
from agents.models import SourcedAgent
from agents.net.connectors.base import SeenAgent

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
    """The tags that an answer adds and removes here."""

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
    the answer does not say what other people want.
    """
    base = set(seen)
    before = base if sent is None else base | set(sent)
    kept = base if sent is None else base & set(sent)
    return Delta(
        frozenset(set(there) - before - set(here)),
        frozenset((kept - set(there)) & set(here)),
    )


def wanted(here: Collection[str], there: Collection[str]) -> set[str]:
    """The tags that the source is to have: ADE's, but role:subagent stays as it is there."""
    want = set(here) - {SUBAGENT}
    return want | {SUBAGENT} if SUBAGENT in there else want


def to_send(raw: Sequence[str], held: Collection[str], want: Collection[str]) -> list[str]:
    """The whole new set: the answer's texts in their order, without the removed ones; then the new ones.

    What ADE cannot store is put back unchanged, and so are duplicates.
    """
    kept = [text for text in raw if text not in held or text in want]
    return [*kept, *sorted(set(want) - set(raw))]


def lost(*, seen: Collection[str], sent: Collection[str], there: Collection[str]) -> int:
    """How many tags of a push are missing in the answer after it: other programs overwrote them."""
    added, removed = set(sent) - set(seen), set(seen) - set(sent)
    return len(added - set(there)) + len(removed & set(there))


def is_as_seen(row: SourcedAgent, agent: SeenAgent) -> bool:
    """True if the row says all that the answer says."""
    if row.seen_digest != fields.digest_of(agent) or row.hidden_there != agent.hidden:
        return False
    seen = loads(row.seen_tags)
    # More legal tags than ADE can store are no news if those that it stores are the same.
    room = 0 if row.set_aside != "[]" else len(agent.tags)
    held = hold(agent.tags, keep=seen, room=room)
    if held.tags != set(seen):
        return False
    return bool(row.set_aside == dumps_texts(held.shown_aside))


@dataclass(frozen=True, slots=True)
class Incoming:
    """What an answer changes here: the tags that it holds, those to add and those to remove."""

    held: Held
    add: set[str]
    remove: set[str]


def incoming_of(row: SourcedAgent, here: set[str], seen: SeenAgent) -> Incoming:
    """Compare an answer with what was seen last and with the tags here."""
    known = set(loads(row.seen_tags))
    legal = {text for text in seen.tags if problem(text) is None}
    room = settings.MAX_TAGS_PER_AGENT - len(here - (known - legal))
    held = hold(seen.tags, keep=known | here, room=room)
    if row.before_restore:  # a person said that the source counts
        return Incoming(held, set(held.tags - here), here - held.tags)
    sent = None if row.sent_tags is None else loads_texts(row.sent_tags)
    found = delta(seen=known, here=here, there=held.tags, sent=sent)
    return Incoming(held, set(found.add), set(found.remove))
