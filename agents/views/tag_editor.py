"""What the tag editor shows, on whichever page it stands."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.http import QueryDict

from agents.actors import Actor, Power
from agents.domain.tags import TagsResult
from agents.domain.typed import Added, Refused
from agents.domain.undo import Undone
from agents.listing import TagChip, chips_as_added
from agents.listing.news import News, last_change, marker, news
from agents.models import Agent, Tag
from agents.tagnames import has_invisible, lookalike_key, quote, shown
from agents.templatetags.ade import tag_id

_MARKER = re.compile(r"([0-9]{1,18})-[0-9a-f]{12}")
_NAMED = 5  # tags of one person that an announcement names


@dataclass(frozen=True, slots=True)
class Place:
    """Where an editor stands, and what its page has shown: changes up to these.

    In a list (`in_row`) its ids begin with one made from the agent, for there may be several.
    `opened` is the last change when the page was opened, `seen` when it was last answered.
    """

    in_row: bool = False
    opened: int | None = None
    seen: int | None = None

    @classmethod
    def of(cls, data: QueryDict) -> "Place":
        """The place that a form or a script of the editor names; what cannot be read is none."""
        return cls(
            in_row=data.get("place") == "row",
            opened=_change_of(data.get("opened", "")),
            seen=_change_of(data.get("seen", "")),
        )


def _change_of(text: str) -> int | None:
    match = _MARKER.fullmatch(text)
    return int(match[1]) if match else None


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
    place: Place = Place()
    seen: str = ""  # what the page shows now
    marks: dict[str, News] = field(default_factory=dict)
    status: str = ""
    error: str = ""
    typed: str = ""
    refused: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lookalikes: list[Lookalike] = field(default_factory=list)
    offer: Offer | None = None
    keep_offer: bool = True  # nothing was changed: what could be undone still can be
    asked: bool = False  # nobody acted: say what is new and leave the rest as it is
    fresh: Iterable[str] = ()
    there: Iterable[str] = ()
    focus: str = ""
    note: str = ""  # said after a plain form, at the top of the section

    @property
    def count(self) -> int:
        return len(self.tags)

    @property
    def shown_tags(self) -> list[tuple[TagChip, News | None]]:
        """The tags, each with the news of it."""
        return [(tag, self.marks.get(tag.name)) for tag in self.tags]

    @property
    def prefix(self) -> str:
        """What its elements' ids begin with."""
        return prefix_of(self.agent.public_id, self.place)


def prefix_of(agent_id: str, place: Place) -> str:
    """The prefix of an editor's ids: fixed on the agent's page, from the agent's id in a list."""
    return tag_id(agent_id) if place.in_row else "tag"


def editor_of(agent: Agent, actor: Actor, place: Place | None = None) -> Editor:
    """The editor as a page first shows it."""
    seen = last_change(agent)
    tags = chips_as_added(agent.seq)
    editor = Editor(agent, tags, actor.can(Power.WRITE), place or Place())
    editor.seen = marker(seen, (tag.name for tag in tags))
    return editor


def tell_news(editor: Editor, actor: Actor) -> None:
    """Say what others changed since the page's last answer; mark what is new since it was opened."""
    names = {tag.name for tag in editor.tags}
    own = editor.offer.change_set_id if editor.offer else None
    place = editor.place
    if place.opened is not None:
        found = news(editor.agent, since=place.opened, tags=names, but=own)
        editor.marks = {one.tag: one for one in found if one.added and one.by_id != actor.id}
    if place.seen is not None:
        found = news(editor.agent, since=place.seen, tags=names, but=own)
        editor.status = " ".join(filter(None, [editor.status, _also_changed(found, actor)]))


def _also_changed(found: Iterable[News], actor: Actor) -> str:
    by: dict[str, list[str]] = defaultdict(list)
    for one in found:
        who = "you, on another page" if one.by_id == actor.id else shown(one.by)
        by[who].append(("+" if one.added else "\N{MINUS SIGN}") + shown(one.tag))
    return " ".join(f"Also changed by {who}: {_first(signed)}." for who, signed in by.items())


def _first(signed: list[str]) -> str:
    rest = len(signed) - _NAMED
    return " ".join(signed[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def after_add(agent: Agent, actor: Actor, added: Added, place: Place, *, tidied: bool) -> Editor:
    """The editor after tags were added, with what to say of each."""
    editor = editor_of(agent, actor, place)
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


def after_remove(actor: Actor, result: TagsResult, name: str, before: Editor) -> Editor:
    """The editor after a tag was taken off; `before` is as it stood until then."""
    editor = editor_of(result.agent, actor, before.place)
    if result.removed:
        editor.status = f"Tag {shown(name)} removed. {tags_in_words(editor.count)}. Undo available."
    else:
        editor.status = f"{shown(name)} was no longer on this agent."
    editor.offer = offer_of(result)
    editor.focus = _next_to(name, before)
    return editor


def _next_to(name: str, editor: Editor) -> str:
    """The tag whose button takes the focus of a removed one: the next, else the previous."""
    names = [tag.name for tag in editor.tags]
    if name not in names:
        return ""
    place = names.index(name)
    rest = names[place + 1 : place + 2] or names[max(place - 1, 0) : place]
    return rest[0] if rest else ""


def after_undo(
    agent: Agent, actor: Actor, undone: Undone, place: Place, *, redo: bool = False
) -> Editor:
    """The editor after a change was taken back, with what was left as it is, and why.

    Undoing an undo is called a redo.
    """
    editor = editor_of(agent, actor, place)
    editor.keep_offer = False
    editor.status = undo_in_words(undone, redone=redo)
    editor.fresh = [str(change.tag) for change in undone.done if change.op == "remove"]
    if undone.change_set is not None:
        label, of = ("Undo", "what was redone") if redo else ("Redo", "what was undone")
        editor.offer = Offer(undone.change_set.id, label, of)
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


def undo_in_words(undone: Undone, *, redone: bool = False) -> str:
    """What an undo did and left, as one announcement."""
    said = []
    did = "Redone" if redone else "Undone"
    back = [str(change.tag) for change in undone.done if change.op == "remove"]
    gone = [str(change.tag) for change in undone.done if change.op == "add"]
    if gone:
        said.append(f"{did}: {tag_or_count(gone)} removed again.")
    if back:
        said.append(f"{did}: {tag_or_count(back)} added again.")
    end = "redo" if redone else "undo"
    said += [f"{one.why[:1].upper()}{one.why[1:]}; nothing to {end}." for one in undone.kept[:3]]
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
    if refused:
        why = ", ".join(dict.fromkeys(one.short for one in refused))
        parts.append(f"{len(refused)} refused: {why}")
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
