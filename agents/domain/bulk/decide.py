"""Decide what a bulk change does to each agent. The plan and the run use this one rule."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.conf import settings

from agents.core.actors import Actor
from agents.core.tag_text import shown
from agents.domain.core import permissions
from agents.domain.core.transactions import RowsChanged
from agents.domain.tags import second_owner, tag_rows
from agents.domain.tags.write_many import Delta
from agents.models import Agent, AgentTag, BulkOp, Owners, Tag

# Its fields belong to the source, which is asked agent by agent.
_AT_SOURCE = "it runs at a connected server: change its model on its own page"


class Outcome(StrEnum):
    """The result for one agent in a bulk change."""

    # The values are stored in the database.
    CHANGE = "change"
    SAME = "same"  # has the wanted tags already
    REFUSED = "refused"  # by the rules for protected tags and tag limits
    FULL = "full"  # has as many tags as an agent may have
    GONE = "gone"  # deleted since the plan, or not visible to this actor
    KEPT = "kept"  # not undone, because it was changed since
    OWNED = "owned"  # left out, because it would get a second owner
    AWAY = "away"  # not done, because its source did not do it; resuming tries again


@dataclass(frozen=True, slots=True)
class Wish:
    """Tags to add to and remove from an agent. With `swap`, only if it carries one of `remove`.

    `owners` says what to do if the agent would get a second owner; None is to keep both. With `moves`
    every other user tag is removed, with `sets` every other tag. `model` is a handle to set instead.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    swap: bool = False
    owners: Owners | None = None
    moves: bool = False
    sets: bool = False
    model: str = ""
    # Put the agent into the trash instead.
    deletes: bool = False


def row_wish(op: BulkOp, tags: Iterable[str], owners: Owners | None) -> Wish:
    """Return the wish for an agent of a file: tags to add, to remove, or the only ones to keep."""
    if op == BulkOp.ROWS_REMOVE:
        return Wish(remove=tuple(tags))
    return Wish(tuple(tags), owners=owners, sets=op == BulkOp.ROWS_SET)


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one agent: the change to make, or the reason for no change."""

    seq: int
    outcome: Outcome
    delta: Delta | None = None
    why: str = ""
    second_owner: bool = False
    # The last user tag that the agent loses: it has no owner afterwards.
    last_owner: str = ""


class TagRules:
    """The tags of a batch of wishes, and whether the actor may add or remove each of them."""

    def __init__(self, wishes: Iterable[Wish], actor: Actor) -> None:
        self.actor = actor
        self.add = {name for wish in wishes for name in wish.add}
        self.remove = {name for wish in wishes for name in wish.remove}
        self._known: dict[str, Tag] = {}
        self._refusals: dict[tuple[str, bool], str | None] = {}

    def read(self) -> None:
        """Read the tags without a lock. A tag without a row is judged as if it were new."""
        names = self.add | self.remove
        rows = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
        self._known = {name: tag_rows.new_tag(name) for name in self.add - rows.keys()} | rows

    def lock(self) -> None:
        """Lock the tags, and create missing ones that are to be added. Call it inside a write."""
        self.read()
        allowed = {name for name in self.add if self.refusal(name, adding=True) is None}
        self._refusals.clear()
        locked = tag_rows.lock_or_create(allowed, existing=self.remove)
        # A tag to remove that was renamed since it was read is now another tag.
        refused = {name: tag for name, tag in self._known.items() if name in self.add}
        self._known = refused | {tag.name: tag for tag in locked}

    def tag(self, name: str) -> Tag | None:
        """Return the tag's row; None if it has no row, so that no agent carries it."""
        return self._known.get(name)

    def refusal(self, name: str, *, adding: bool) -> str | None:
        """Return why the actor may not add or remove this tag; None if it may."""
        key = name, adding
        if key not in self._refusals:
            tag = self._known[name]
            why = permissions.refusal(self.actor, tag, adding=adding)
            self._refusals[key] = why or (tag_rows.why_ending(tag) if adding else None)
        return self._refusals[key]

    def known(self, name: str) -> Tag:
        """Return the row of a tag of the wishes, unsaved if it has none."""
        return self._known[name]

    def read_carried(self, wishes: Mapping[int, Wish]) -> None:
        """Read the tags that agents may lose without a wish that names them. Call it before `read` or `lock`."""
        moves = [seq for seq, wish in wishes.items() if wish.moves or wish.owners == Owners.MOVE]
        sets = [seq for seq, wish in wishes.items() if wish.sets]
        for seqs, users in ((moves, {"tag__names_user": True}), (sets, {})):
            if seqs:
                rows = AgentTag.objects.filter(agent_id__in=seqs, **users)
                self.remove |= set(rows.values_list("tag__name", flat=True).distinct())

    def others_on(self, agent: Agent, wish: Wish, carried: Collection[int]) -> list[Tag]:
        """Return the tags that a locked agent loses by `sets`. Raises RowsChanged if it got another one."""
        on = [tag for tag in self._known.values() if tag.id in carried]
        if len(on) != agent.tag_count:
            raise RowsChanged
        return [tag for tag in on if tag.name not in wish.add]

    def owners_on(self, agent: Agent, carried: Collection[int]) -> list[Tag]:
        """Return the user tags of a locked agent. Raises RowsChanged if it got one since they were read."""
        owners = [tag for tag in self._known.values() if tag.names_user and tag.id in carried]
        if len(owners) != agent.user_tag_count:
            raise RowsChanged
        return owners

    @property
    def ids(self) -> list[int]:
        """Return the keys of the tags that have rows."""
        return [tag.id for tag in self._known.values() if not _is_new(tag)]


def decide(
    wishes: Mapping[int, Wish], *, actor: Actor, rules: TagRules, lock: bool = False
) -> list[Decision]:
    """Decide for each of these agents, in the order given. `lock` locks their rows for writing."""
    agents = Agent.objects.visible_to(actor).filter(seq__in=wishes.keys())
    if lock:
        agents = agents.select_for_update(no_key=True)
    found = {agent.seq: agent for agent in agents.order_by("seq")}
    carried = _carried(found.keys(), rules)
    limited_to = _limited_to(found.keys(), actor) if lock else None
    return [
        _decide_agent(found[seq], wish, carried[seq], rules)
        if seq in found and (limited_to is None or seq in limited_to)
        else Decision(seq, Outcome.GONE, why="the agent no longer exists")
        for seq, wish in wishes.items()
    ]


def _carried(seqs: Collection[int], rules: TagRules) -> dict[int, dict[int, datetime]]:
    """Return which of the rules' tags each agent carries, and since when. Read under its lock."""
    carried: dict[int, dict[int, datetime]] = defaultdict(dict)
    rows = AgentTag.objects.filter(agent_id__in=seqs, tag_id__in=rules.ids)
    for seq, tag_id, since in rows.values_list("agent_id", "tag_id", "added_at"):
        carried[seq][tag_id] = since
    return carried


def _limited_to(seqs: Collection[int], actor: Actor) -> set[int] | None:
    """Return the agents with a tag that the actor is limited to; None if it has no tag limit.

    Call it with the agents locked.
    """
    if not actor.reach.tags:
        return None  # no limit, or a limit to agent ids, which never change
    rows = AgentTag.objects.filter(agent_id__in=seqs, tag__name__in=actor.reach.tags)
    return set(rows.values_list("agent_id", flat=True))


def _decide_agent(
    agent: Agent, wish: Wish, carried: Mapping[int, datetime], rules: TagRules
) -> Decision:
    if wish.deletes:
        return Decision(agent.seq, Outcome.CHANGE, Delta(agent))
    if wish.model:
        if agent.model == wish.model:
            return Decision(agent.seq, Outcome.SAME)
        if agent.source_id is not None:
            return Decision(agent.seq, Outcome.REFUSED, why=_AT_SOURCE)
        return Decision(agent.seq, Outcome.CHANGE, Delta(agent))
    known = [tag for name in wish.remove if (tag := rules.tag(name)) is not None]
    remove = [tag for tag in known if tag.id in carried]
    if wish.sets:
        remove = rules.others_on(agent, wish, carried)
    if wish.swap and not remove:
        return Decision(agent.seq, Outcome.SAME)
    add = _missing(wish, carried, rules)
    if wish.moves or second_owner.gives_second_owner(agent, add, remove):
        if wish.owners == Owners.SKIP:
            return Decision(agent.seq, Outcome.OWNED, why="it belongs to another user")
        if wish.moves or wish.owners == Owners.MOVE:
            keep = {*wish.add, *(tag.name for tag in remove)}
            owners = rules.owners_on(agent, carried)
            remove += [tag for tag in owners if tag.name not in keep]
    if not add and not remove:
        return Decision(agent.seq, Outcome.SAME)
    for tags, adding in ((remove, False), (add, True)):
        for tag in tags:
            if why := rules.refusal(tag.name, adding=adding):
                return Decision(agent.seq, Outcome.REFUSED, why=why)
    count = agent.tag_count + len(add) - len(remove)
    if add and count > settings.MAX_TAGS_PER_AGENT:
        why = f"it would have {count:,} tags; the limit is {settings.MAX_TAGS_PER_AGENT:,}"
        return Decision(agent.seq, Outcome.FULL, why=why)
    if why := second_owner.why_refused(agent, add, remove):
        return Decision(agent.seq, Outcome.REFUSED, why=why)
    second = second_owner.gives_second_owner(agent, add, remove)
    delta = Delta(agent, add, remove, carried)
    return Decision(agent.seq, Outcome.CHANGE, delta, "", second, _last_owner(agent, add, remove))


def _last_owner(agent: Agent, add: list[Tag], remove: list[Tag]) -> str:
    lost = [tag.name for tag in remove if tag.names_user]
    left = agent.user_tag_count - len(lost) + sum(tag.names_user for tag in add)
    return min(lost) if lost and not left else ""


def _missing(wish: Wish, carried: Collection[int], rules: TagRules) -> list[Tag]:
    tags = [rules.known(name) for name in wish.add]
    return [tag for tag in tags if _is_new(tag) or tag.id not in carried]


def _is_new(tag: Tag) -> bool:
    """True if the tag has no row yet, so that no agent carries it."""
    return tag._state.adding


def in_words(delta: Delta) -> list[str]:
    """Return a change as a plan shows it: +vip, -trial."""
    signs: Sequence[tuple[str, list[Tag]]] = (("+", delta.add), ("-", delta.remove))
    return [f"{sign}{shown(tag.name)}" for sign, tags in signs for tag in tags]
