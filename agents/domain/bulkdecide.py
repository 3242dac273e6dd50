"""What a bulk change does to each agent: one rule, for the plan and for the run."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from agents.actors import Actor
from agents.domain import guard, tagrows
from agents.domain.bulkwrite import Delta
from agents.models import Agent, AgentTag, Tag
from agents.tagnames import shown


class Outcome(StrEnum):
    """What becomes of one agent."""

    CHANGE = "change"
    SAME = "same"  # it is so already
    REFUSED = "refused"  # by the rules for protected tags and tag limits
    FULL = "full"  # it has the most tags that an agent may have
    GONE = "gone"  # deleted since the plan, or not there for this actor
    KEPT = "kept"  # an undo that found it changed since


@dataclass(frozen=True, slots=True)
class Wish:
    """Tags wanted on and off an agent. With `swap` only agents that carry one of `remove` change."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    swap: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """One agent's outcome: the change to make, or why there is none."""

    seq: int
    outcome: Outcome
    delta: Delta | None = None
    why: str = ""


class Rules:
    """The tags of a batch of wishes, and what the actor may do with them."""

    def __init__(self, wishes: Iterable[Wish], actor: Actor) -> None:
        self.actor = actor
        self.add = {name for wish in wishes for name in wish.add}
        self.remove = {name for wish in wishes for name in wish.remove}
        self._known: dict[str, Tag] = {}
        self._refusals: dict[tuple[str, bool], str | None] = {}

    def read(self) -> None:
        """Know the tags without a lock; one that has no row is thought of as it would be."""
        names = self.add | self.remove
        rows = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
        self._known = {name: tagrows.new_tag(name) for name in self.add - rows.keys()} | rows

    def lock(self) -> None:
        """Lock the tags, and make those to add that are missing. Call it inside a write."""
        self.read()
        allowed = {name for name in self.add if self.refusal(name, adding=True) is None}
        self._refusals.clear()
        locked = tagrows.lock_made(allowed, also=self.remove)
        # A tag to take off that was renamed since it was read is another tag now.
        refused = {name: tag for name, tag in self._known.items() if name in self.add}
        self._known = refused | {tag.name: tag for tag in locked}

    def tag(self, name: str) -> Tag | None:
        """The tag's row; None where there is none and so no agent carries it."""
        return self._known.get(name)

    def refusal(self, name: str, *, adding: bool) -> str | None:
        """Why the actor may not add this tag, or take it off."""
        key = name, adding
        if key not in self._refusals:
            tag = self._known[name]
            self._refusals[key] = guard.refusal(self.actor, tag, adding=adding)
        return self._refusals[key]

    @property
    def ids(self) -> list[int]:
        """The keys of the tags that have rows."""
        return [tag.id for tag in self._known.values() if not _is_new(tag)]


def decide(
    wishes: Mapping[int, Wish], *, actor: Actor, rules: Rules, lock: bool = False
) -> list[Decision]:
    """Decide for each of these agents, in the order given. With `lock` they are held for writing."""
    agents = Agent.objects.visible_to(actor).filter(seq__in=wishes.keys())
    if lock:
        agents = agents.select_for_update(no_key=True)
    found = {agent.seq: agent for agent in agents.order_by("seq")}
    carried = _carried(found.keys(), rules)
    limited_to = _limited_to(found.keys(), actor) if lock else None
    return [
        _decide_one(found[seq], wish, carried[seq], rules)
        if seq in found and (limited_to is None or seq in limited_to)
        else Decision(seq, Outcome.GONE, why="the agent is not there any more")
        for seq, wish in wishes.items()
    ]


def _carried(seqs: Collection[int], rules: Rules) -> dict[int, set[int]]:
    """Which of the rules' tags each agent carries. Read after the agents' lock."""
    carried: dict[int, set[int]] = defaultdict(set)
    rows = AgentTag.objects.filter(agent_id__in=seqs, tag_id__in=rules.ids)
    for seq, tag_id in rows.values_list("agent_id", "tag_id"):
        carried[seq].add(tag_id)
    return carried


def _limited_to(seqs: Collection[int], actor: Actor) -> set[int] | None:
    """Under their lock, those of the agents that exist for a limited actor; None for others."""
    if actor.limit is None:
        return None
    rows = AgentTag.objects.filter(agent_id__in=seqs, tag__name=actor.limit)
    return set(rows.values_list("agent_id", flat=True))


def _decide_one(agent: Agent, wish: Wish, carried: set[int], rules: Rules) -> Decision:
    known = [tag for name in wish.remove if (tag := rules.tag(name)) is not None]
    remove = [tag for tag in known if tag.id in carried]
    if wish.swap and not remove:
        return Decision(agent.seq, Outcome.SAME)
    add = _missing(wish, carried, rules)
    if not add and not remove:
        return Decision(agent.seq, Outcome.SAME)
    for tags, adding in ((remove, False), (add, True)):
        for tag in tags:
            if why := rules.refusal(tag.name, adding=adding):
                return Decision(agent.seq, Outcome.REFUSED, why=why)
    count = agent.tag_count + len(add) - len(remove)
    if add and count > settings.MAX_TAGS_PER_AGENT:
        most = settings.MAX_TAGS_PER_AGENT
        return Decision(agent.seq, Outcome.FULL, why=f"it would have {count:,} tags of {most:,}")
    return Decision(agent.seq, Outcome.CHANGE, Delta(agent, add, remove))


def _missing(wish: Wish, carried: set[int], rules: Rules) -> list[Tag]:
    tags = [rules._known[name] for name in wish.add]
    return [tag for tag in tags if _is_new(tag) or tag.id not in carried]


def _is_new(tag: Tag) -> bool:
    """True if the tag has no row yet, so that no agent carries it."""
    return tag._state.adding


def in_words(delta: Delta) -> list[str]:
    """A change as a plan shows it: +vip, -trial."""
    signs: Sequence[tuple[str, list[Tag]]] = (("+", delta.add), ("-", delta.remove))
    return [f"{sign}{shown(tag.name)}" for sign, tags in signs for tag in tags]
