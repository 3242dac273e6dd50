"""What the tag editor shows, on whichever page it stands."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.actors import Actor, Power
from agents.domain.tags import TagsResult
from agents.domain.typed import Added, Refused
from agents.domain.undo import Undone
from agents.listing import TagChip, chips
from agents.models import Agent, Tag
from agents.tagnames import has_invisible, lookalike_key, quote, shown


@dataclass(frozen=True, slots=True)
class Offer:
    """The button that takes back the change just made."""

    change_set_id: int
    label: str
    of: str  # what it takes back, for who cannot see where it stands


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A tag just added, and the one in use that it may be taken for."""

    name: str
    other: Tag


@dataclass(slots=True)
class Editor:
    """The tags of one agent, and what the last change came to."""

    agent: Agent
    tags: list[TagChip]
    may_write: bool
    status: str = ""
    error: str = ""
    typed: str = ""
    refused: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lookalikes: list[Lookalike] = field(default_factory=list)
    offer: Offer | None = None
    fresh: Iterable[str] = ()
    there: Iterable[str] = ()
    focus: str = ""
    note: str = ""  # said after a plain form, at the top of the section

    @property
    def count(self) -> int:
        return len(self.tags)


def editor_of(agent: Agent, actor: Actor) -> Editor:
    """The editor as a page first shows it."""
    tags = chips([agent.seq]).get(agent.seq, [])
    return Editor(agent, tags, actor.can(Power.WRITE))


def after_add(agent: Agent, actor: Actor, added: Added, *, tidied: bool) -> Editor:
    """The editor after tags were added, with what to say of each."""
    editor = editor_of(agent, actor)
    result = added.result
    editor.status = _said(added, editor.count, tidied=tidied)
    editor.error = " ".join(one.why for one in added.refused)
    editor.refused = added.refused
    editor.typed = ", ".join(quote(one.name) for one in added.refused)
    editor.fresh, editor.there = result.added, added.there
    editor.offer = offer_of(result)
    editor.lookalikes = _lookalikes(result.added)
    editor.warnings = [
        f"{shown(name)} holds characters that cannot be seen."
        for name in result.added
        if has_invisible(name)
    ]
    return editor


def after_remove(agent: Agent, actor: Actor, result: TagsResult, name: str, before: str) -> Editor:
    """The editor after a tag was taken off; `before` is the tag whose button gets the focus."""
    editor = editor_of(agent, actor)
    if result.removed:
        editor.status = f"Tag {shown(name)} removed. {tags_in_words(editor.count)}. Undo available."
    else:
        editor.status = f"{shown(name)} was no longer on this agent."
    editor.offer = offer_of(result)
    editor.focus = before
    return editor


def after_undo(agent: Agent, actor: Actor, undone: Undone) -> Editor:
    """The editor after a change was taken back, with what was left as it is, and why."""
    editor = editor_of(agent, actor)
    editor.status = undo_in_words(undone)
    editor.fresh = [str(change.tag) for change in undone.done if change.op == "remove"]
    if undone.change_set is not None:
        editor.offer = Offer(undone.change_set.id, "Redo", "what was undone")
    return editor


def offer_of(result: TagsResult) -> Offer | None:
    """The undo button for a write, if it changed anything."""
    if result.change_set is None:
        return None
    parts = [
        f"{verb} {tag_or_count(names)}"
        for verb, names in (("adding", result.added), ("removing", result.removed))
        if names
    ]
    return Offer(result.change_set.id, "Undo", " and ".join(parts))


def undo_in_words(undone: Undone) -> str:
    """What an undo did and left, as one announcement."""
    said = []
    back = [str(change.tag) for change in undone.done if change.op == "remove"]
    gone = [str(change.tag) for change in undone.done if change.op == "add"]
    if gone:
        said.append(f"Undone: {tag_or_count(gone)} removed again.")
    if back:
        said.append(f"Undone: {tag_or_count(back)} added again.")
    said += [f"{one.why[:1].upper()}{one.why[1:]}; nothing to undo." for one in undone.kept[:3]]
    if len(undone.kept) > 3:
        said.append(f"{len(undone.kept) - 3} more were left as they are.")
    return " ".join(said)


def tag_or_count(names: list[str]) -> str:
    return shown(names[0]) if len(names) == 1 else tags_in_words(len(names))


def tags_in_words(count: int) -> str:
    return "1 tag" if count == 1 else f"{count:,} tags"


def _said(added: Added, count: int, *, tidied: bool) -> str:
    new, there, refused = added.result.added, added.there, added.refused
    if added.result.removed:
        gone = shown(added.result.removed[0])
        return f"{gone} replaced by {shown((new or there)[0])}. {tags_in_words(count)}."
    if len(new) + len(there) + len(refused) == 1:
        name = shown((new or there or [refused[0].name])[0])
        if refused:
            return ""
        if there:
            return f"{name} is already on this agent."
        written = f" It was tidied to “{name}”." if tidied else ""
        return f"Tag {name} added.{written} {tags_in_words(count)}."
    parts = [f"{tags_in_words(len(new))} added"] if new else []
    parts += [f"{len(there)} already there"] if there else []
    parts += [f"{len(refused)} refused"] if refused else []
    return f"{', '.join(parts)}. {tags_in_words(count)}." if parts else ""


def _lookalikes(names: list[str]) -> list[Lookalike]:
    """For each tag nobody else carries yet: the most used one that looks like it."""
    keys = {name: lookalike_key(name) for name in names}
    rows = Tag.objects.filter(lookalike__in=set(keys.values()), n__gt=0).order_by("-n", "name")
    by_key: dict[str, list[Tag]] = {}
    for tag in rows[:1000]:
        by_key.setdefault(tag.lookalike, []).append(tag)
    found = []
    for name, key in keys.items():
        mine = next((tag for tag in by_key.get(key, []) if tag.name == name), None)
        other = next((tag for tag in by_key.get(key, []) if tag.name not in keys), None)
        if mine is not None and mine.n == 1 and other is not None:
            found.append(Lookalike(name, other))
    return found[:5]
