"""The tag editor: what it shows, on the settings page and in a row of the agents list."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.safestring import SafeString

from agents.core.actors import Actor, Power
from agents.core.tag_text import quote, shown
from agents.domain.core.numbers import real_number, shown_number
from agents.domain.history.undo import Undone
from agents.domain.tags.add_typed import Added, Refused
from agents.domain.tags.edit import TagsResult
from agents.domain.tags.notices import Kind, Notice, notices_of
from agents.domain.tags.second_owner import warns_of
from agents.models import Agent, AgentTag, Change, Op, Tag
from agents.queries.agents import TagChip, chips_as_added, chips_of
from agents.queries.agents.owners import owners_of
from agents.queries.agents.sourced import At, at_of
from agents.queries.tags.news import News, marker, news, tag_changes
from agents.templatetags.ade import tag_id
from agents.views.core.tag_items import ItemStyle, tag_items

_MARKER = re.compile(r"([0-9]{1,18})-[0-9a-f]{12}")
# Seconds between the questions of an open page, and those of an agent that others can tag elsewhere.
_SECONDS, _OF_A_SOURCE, _WHILE_WAITING = 30, 5, 2
_SHOWN = (Kind.SECOND_OWNER, Kind.UNSEEN, Kind.SPACES)
_NOTICES = 10
_TAGS_NAMED = 5  # tags of one person that an announcement names


@dataclass(frozen=True, slots=True)
class EditorPage:
    """The page that an editor is on, and the changes that it has shown.

    `opened` is the agent's last change when the page was opened, `seen` when it was last updated.
    In a list (`in_row`) there may be several editors, so their ids begin with the agent's id.
    """

    in_row: bool = False
    opened: int | None = None
    seen: int | None = None

    @classmethod
    def of(cls, data: QueryDict, actor: Actor) -> "EditorPage":
        """The page that a form or script of the editor describes; unreadable values count as absent."""
        return cls(
            in_row=data.get("place") == "row",
            opened=_change_number(data.get("opened", ""), actor),
            seen=_change_number(data.get("seen", ""), actor),
        )

    @property
    def since(self) -> int | None:
        """The earlier of `opened` and `seen`."""
        return min((n for n in (self.opened, self.seen) if n is not None), default=None)


def _change_number(text: str, actor: Actor) -> int | None:
    match = _MARKER.fullmatch(text)
    return real_number(int(match[1]), actor) if match else None


@dataclass(frozen=True, slots=True)
class Offer:
    """The button that undoes the change just made."""

    change_set_id: int
    label: str
    subject: str  # what it undoes, for screen readers

    @property
    def is_redo(self) -> bool:
        return self.label == "Redo"


@dataclass(slots=True)
class Editor:
    """The tags of one agent, and the result of the last request."""

    agent: Agent
    actor: Actor
    tags: list[TagChip]
    page: EditorPage
    changes: list[Change]  # those since the page was opened, and the one before
    marks: dict[str, News] = field(default_factory=dict)
    status: str = ""
    error: str = ""
    typed: str = ""
    refused: list[Refused] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    may_manage: bool = False
    offer: Offer | None = None
    keep_offer: bool = True  # nothing changed, so the offer that the page shows stays
    polled: bool = False  # the page's script asked for news: leave the rest of the page as it is
    fresh: Iterable[str] = ()
    there: Iterable[str] = ()
    focus: str = ""
    at: At | None = None  # where the agent runs; None: kept in ADE only

    @property
    def may_write(self) -> bool:
        return self.actor.can(Power.WRITE)

    @property
    def offered(self) -> int | None:
        """The number of the change that its button undoes, as the page has it."""
        if self.offer is None:
            return None
        return shown_number(self.offer.change_set_id, self.actor)

    @property
    def count(self) -> int:
        return len(self.tags)

    @property
    def seen(self) -> str:
        """What the page shows now, sent back with its next request."""
        # Also what has not reached the source: the page shows it, and asks until it has.
        waits = (f"\1{name}" for name in [*self._not_there, *self.still_there])
        last = shown_number(self.changes[-1].id if self.changes else 0, self.actor)
        return marker(last, [*(tag.name for tag in self.tags), *waits])

    @property
    def items(self) -> SafeString:
        """The list of the tags as HTML."""
        tags = self.at.mark(self.tags) if self.at else self.tags
        style = ItemStyle(
            self.prefix, self.may_write, frozenset(self.fresh), frozenset(self.there), self.focus
        )
        return tag_items(((tag, self.marks.get(tag.name)) for tag in tags), style)

    @property
    def still_there(self) -> list[str]:
        """The tags that were removed here and not yet at the agent's source."""
        return self.at.still_there(tag.name for tag in self.tags) if self.at else []

    @property
    def every(self) -> int:
        """Seconds after which an open page asks again."""
        if self.at is None or self.at.is_stale:
            return _SECONDS
        return _WHILE_WAITING if self.at.behind else _OF_A_SOURCE

    @property
    def _not_there(self) -> list[str]:
        return [tag.name for tag in self.tags if self.at and self.at.waits(tag.name)]

    @property
    def prefix(self) -> str:
        """The prefix of the ids of its elements."""
        return prefix_of(self.agent.public_id, self.page)


def prefix_of(agent_id: str, page: EditorPage) -> str:
    """The prefix of an editor's ids: "tag" on the settings page, made from the agent's id in a list."""
    return tag_id(agent_id) if page.in_row else "tag"


def editor_of(agent: Agent, actor: Actor, page: EditorPage | None = None) -> Editor:
    """The editor with the agent's tags as they are now."""
    page = page or EditorPage()
    changes = tag_changes(agent, since=page.since)  # before the tags
    at = at_of(agent)  # before the tags, so that one that is just being added counts as waiting
    return Editor(agent, actor, chips_as_added(agent.seq), page, changes, at=at)


def add_news(editor: Editor, actor: Actor) -> None:
    """Mark the tags that others added since the page was opened, and announce changes not yet seen."""
    names = {tag.name for tag in editor.tags}
    own = editor.offer.change_set_id if editor.offer else None
    opened, seen = editor.page.opened, editor.page.seen
    if opened is not None:
        found = news(editor.changes, since=opened, tags=names, without=own)
        editor.marks = {each.tag: each for each in found if each.added and each.by_id != actor.id}
    if seen is not None:
        found = news(editor.changes, since=seen, tags=names, without=own)
        editor.status = " ".join(filter(None, [editor.status, _also_changed(found, actor)]))


def _also_changed(found: Iterable[News], actor: Actor) -> str:
    by: dict[str, list[str]] = defaultdict(list)
    for each in found:
        by[_who(each, actor)].append(("+" if each.added else "\N{MINUS SIGN}") + shown(each.tag))
    return " ".join(f"Also {who}: {_first(signed)}." for who, signed in by.items())


def _who(each: News, actor: Actor) -> str:
    if each.by_id == actor.id:
        return "changed by you, on another page"
    if each.by_id.startswith("source:"):
        return f"seen at {shown(each.by)}"
    return f"changed by {shown(each.by)}"


def _first(signed: list[str]) -> str:
    rest = len(signed) - _TAGS_NAMED
    return " ".join(signed[:_TAGS_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _editor_after(result: TagsResult, actor: Actor, page: EditorPage) -> Editor:
    """The editor with the agent's tags as a write left them, read no second time."""
    changes = []
    if result.change_set is not None:
        # What others changed after this write is news for the next request.
        changes = tag_changes(result.agent, since=page.since)
        while changes and changes[-1].change_set_id != result.change_set.id:
            changes.pop()
    if not changes:
        return editor_of(result.agent, actor, page)
    at = at_of(result.agent)
    return Editor(result.agent, actor, chips_of(result.carried), page, changes, at=at)


def after_add(actor: Actor, added: Added, page: EditorPage, *, tidied: bool) -> Editor:
    """The editor after tags were added, with what to report about each."""
    result = added.result
    editor = _editor_after(result, actor, page)
    editor.status = _added_in_words(added, editor.count, tidied=tidied)
    editor.error = " ".join(each.why for each in added.refused)
    editor.refused = added.refused
    editor.typed = ", ".join(quote(each.name) for each in added.refused)
    editor.fresh, editor.there = result.added, added.already
    editor.offer = offer_of(result)
    tags = list(result.added_tags)
    editor.notices = _crossings(tags, result.crossings)
    editor.notices += _notices(tags, result.first_uses, result.other_owners, actor, quick=True)
    return editor


def after_move(actor: Actor, result: TagsResult, to: str, page: EditorPage) -> Editor:
    """The editor after the agent was moved to another user."""
    editor = _editor_after(result, actor, page)
    editor.offer = offer_of(result)
    editor.fresh = result.added
    gone = ", ".join(shown(name) for name in result.removed)
    since = f" {gone} removed." if gone else ""
    editor.status = f"This agent now belongs to {shown(to)}.{since}"
    return editor


def after_remove(actor: Actor, result: TagsResult, name: str, page: EditorPage) -> Editor:
    """The editor after a tag was removed."""
    editor = _editor_after(result, actor, page)
    if result.removed:
        editor.status = f"Tag {shown(name)} removed. {tags_in_words(editor.count)}. Undo available."
    else:
        editor.status = f"{shown(name)} was no longer on this agent."
    editor.offer = offer_of(result)
    editor.focus = _next_to(name, [tag.name for tag in chips_of(result.carried_before)])
    return editor


def _next_to(name: str, names: list[str]) -> str:
    """The tag whose button gets the focus of a removed one: the next, else the previous."""
    if name not in names:
        return ""
    index = names.index(name)
    rest = names[index + 1 : index + 2] or names[max(index - 1, 0) : index]
    return rest[0] if rest else ""


def after_undo(
    agent: Agent, actor: Actor, undone: Undone, page: EditorPage, *, redo: bool = False
) -> Editor:
    """The editor after an undo, with what was left unchanged and why. Undoing an undo is a redo."""
    editor = editor_of(agent, actor, page)
    editor.keep_offer = False
    editor.status = undo_in_words(undone, redone=redo)
    editor.fresh = [str(change.tag) for change in undone.done if change.op == "remove"]
    if undone.change_set is not None:
        label, subject = ("Undo", "what was redone") if redo else ("Redo", "what was undone")
        editor.offer = Offer(undone.change_set.id, label, subject)
    return editor


def offer_of(result: TagsResult) -> Offer | None:
    """The undo button for a write, if it changed anything."""
    if result.change_set is None:
        return None
    return _undo_offer(result.change_set.id, result.added, result.removed)


def stored_offer(agent: Agent, change_set_id: int, *, redo: bool) -> Offer | None:
    """The undo button for a change set, if it changed tags of this agent."""
    changes = Change.objects.filter(agent_id=agent.public_id, change_set_id=change_set_id)
    names: dict[str, list[str]] = {Op.ADD: [], Op.REMOVE: []}
    for op, tag in changes.filter(op__in=names).order_by("id").values_list("op", "tag"):
        names[op].append(str(tag))
    if not any(names.values()):
        return None
    if redo:
        return Offer(change_set_id, "Redo", "what was undone")
    return _undo_offer(change_set_id, names[Op.ADD], names[Op.REMOVE])


def _undo_offer(change_set_id: int, added: list[str], removed: list[str]) -> Offer:
    pairs = (("adding", added), ("removing", removed))
    subject = " and ".join(f"{verb} {tag_or_count(names)}" for verb, names in pairs if names)
    return Offer(change_set_id, "Undo", subject)


def undo_in_words(undone: Undone, *, redone: bool = False) -> str:
    """What an undo did and what it left unchanged, as one announcement."""
    said = []
    did = "Redone" if redone else "Undone"
    back = [str(change.tag) for change in undone.done if change.op == "remove"]
    gone = [str(change.tag) for change in undone.done if change.op == "add"]
    if gone:
        said.append(f"{did}: {tag_or_count(gone)} removed again.")
    if back:
        said.append(f"{did}: {tag_or_count(back)} added again.")
    end = "redo" if redone else "undo"
    said += [f"{each.why[:1].upper()}{each.why[1:]}; nothing to {end}." for each in undone.kept[:3]]
    if len(undone.kept) > 3:
        said.append(f"{len(undone.kept) - 3} more were left unchanged.")
    return " ".join(said)


def tag_or_count(names: list[str]) -> str:
    return shown(names[0]) if len(names) == 1 else tags_in_words(len(names))


def tags_in_words(count: int) -> str:
    return "1 tag" if count == 1 else f"{count:,} tags"


def _added_in_words(added: Added, count: int, *, tidied: bool) -> str:
    new, there, refused = added.result.added, added.already, added.refused
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
        why = ", ".join(dict.fromkeys(each.short for each in refused))
        parts.append(f"{len(refused)} refused: {why}")
    return f"{', '.join(parts)}. {tags_in_words(count)}." if parts else ""


def stored_notices(agent: Agent, change_set_id: int, actor: Actor) -> list[Notice]:
    """What to say about the tags that a change set added to this agent and that it still carries."""
    rows = AgentTag.objects.filter(agent=agent, change_set_id=change_set_id).select_related("tag")
    tags = [row.tag for row in rows]
    owners: list[str] = []
    added = [tag.name for tag in tags if tag.names_user]
    if added and warns_of(agent):
        owners = [tag.name for tag in owners_of(agent.seq) if tag.name != added[0]]
    return _notices(tags, [tag.name for tag in tags if tag.n <= 1], owners, actor)


def _crossings(tags: list[Tag], number: int) -> list[Notice]:
    """The notice that a user tag made things of the agent shared between users."""
    user = next((tag.name for tag in tags if tag.names_user), "")
    return [Notice(Kind.CROSSING, user, n=number)] if user and number else []


def _notices(
    tags: list[Tag],
    first_uses: Iterable[str],
    owners: list[str],
    actor: Actor,
    *,
    quick: bool = False,
) -> list[Notice]:
    """The notices that need an answer or a look; that a tag is new or protected, its chip shows."""
    user = next((tag.name for tag in tags if tag.names_user), "")
    second = {user: 1} if user and owners else {}
    found = notices_of(
        tags,
        actor=actor,
        first_uses=set(first_uses),
        second=second,
        owners=owners,
        quick=quick,
    )
    return [each for each in found if each.other or each.kind in _SHOWN][:_NOTICES]
