"""An agent held for writing, with its tags: the locks, in their order, and the delta under them.

Order of locks everywhere: tags by id, then agents by seq. On SQLite the transaction itself is the
lock. After a tag is locked its text is read again: a rename may have come first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from agents.actors import Actor
from agents.domain import guard, tagrows
from agents.errors import Invalid, NotFound, PreconditionFailed
from agents.etag import etag_of, matches
from agents.models import Agent, AgentTag, ChangeSet, Tag

_ATTEMPTS = 20


class _Moved(Exception):
    """Someone renamed or added a tag between our look and our lock."""


def agent_not_found(agent_id: str) -> NotFound:
    """The one wording for an agent that is not there, or not there for this actor."""
    return NotFound(f"Agent with ID {agent_id} not found")


@dataclass(slots=True)
class Held:
    """One agent under lock: its row, the tags it carries, and the rows of all tags locked."""

    agent: Agent
    actor: Actor
    carried: dict[str, Tag]
    known: dict[str, Tag]

    @property
    def names(self) -> list[str]:
        """The agent's tags, ordered by their bytes."""
        return sorted(self.carried)

    def require_version(self, if_match: str | None) -> None:
        """Raise PreconditionFailed unless `if_match` is None or names the current ETag."""
        if if_match is None:
            return
        if not matches(if_match, etag_of(self.agent.public_id, self.agent.version, self.carried)):
            raise PreconditionFailed("The agent has changed since the version in If-Match.")

    def delta(self, add: Iterable[str], remove: Iterable[str]) -> tuple[list[Tag], list[Tag]]:
        """The tags to put on and to take off, without those that are so already."""
        to_add = [self.known[name] for name in add if name not in self.carried]
        to_remove = [self.carried[name] for name in remove if name in self.carried]
        guard.check_delta(self.actor, add=to_add, remove=to_remove)
        count = len(self.carried) + len(to_add) - len(to_remove)
        if to_add and count > settings.MAX_TAGS_PER_AGENT:
            raise Invalid(
                f"An agent has at most {settings.MAX_TAGS_PER_AGENT:,} tags; "
                f"this would make {count:,}.",
                field="tags",
            )
        return to_add, to_remove

    def touch(self) -> datetime:
        """Move the agent's version and `updated_at`, in memory; the caller saves the row."""
        now = timezone.now()
        # The clock may stand still or go back; updated_at never does.
        self.agent.updated_at = max(now, self.agent.updated_at + timedelta(microseconds=1))
        self.agent.version += 1
        return now

    def write_tags(self, add: Sequence[Tag], remove: Sequence[Tag], change_set: ChangeSet) -> None:
        """Write the rows and counters of a delta. The caller has checked it and saves the agent."""
        if remove:
            ids = [tag.id for tag in remove]
            AgentTag.objects.filter(agent_id=self.agent.seq, tag_id__in=ids).delete()
            Tag.objects.filter(id__in=ids).update(n=F("n") - 1)
        if add:
            AgentTag.objects.bulk_create(
                AgentTag(
                    tag_id=tag.id,
                    agent_id=self.agent.seq,
                    added_at=change_set.created_at,
                    change_set_id=change_set.id,
                )
                for tag in add
            )
            Tag.objects.filter(id__in=[tag.id for tag in add]).update(
                n=F("n") + 1,
                last_added_at=change_set.created_at,
                last_added_by=change_set.actor_name,
            )
        for tag in remove:
            del self.carried[tag.name]
        self.carried.update({tag.name: tag for tag in add})
        self.agent.tag_count = len(self.carried)
        self.agent.user_tag_count = sum(tag.names_user for tag in self.carried.values())


def hold(
    agent_id: str,
    *,
    actor: Actor,
    make: Sequence[str] = (),
    also: Sequence[str] = (),
    whole: bool = False,
) -> Held:
    """Lock the tags named and then the agent, and read both as they are under the locks.

    Tags in `make` are made where they are missing; those in `also` are locked if they exist; with
    `whole`, all that the agent carries are locked as well. Call it inside a transaction. Raises
    NotFound where the agent does not exist for this actor.
    """
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _attempt(agent_id, actor, make, also, whole)
        except _Moved:
            continue
    raise AssertionError("tags moved at every one of many attempts")


def _attempt(
    agent_id: str, actor: Actor, make: Sequence[str], also: Sequence[str], whole: bool
) -> Held:
    seq = Agent.objects.visible_to(actor).filter(public_id=agent_id).values_list("seq", flat=True)
    found = seq.first()
    if found is None:
        raise agent_not_found(agent_id)
    wanted = set(tagrows.ensure(make).values()) if make else set()
    if also:
        wanted |= set(Tag.objects.filter(name__in=also).values_list("id", flat=True))
    if whole:
        wanted |= _carried_ids(found)
    known = {tag.name: tag for tag in lock_tags(wanted)}
    if not known.keys() >= set(make):
        raise _Moved
    agent = Agent.objects.select_for_update(no_key=True).filter(seq=found).first()
    if agent is None:
        raise agent_not_found(agent_id)
    carried = {tag.name: tag for tag in Tag.objects.filter(agenttag__agent_id=found)}
    if actor.limit is not None and actor.limit not in carried:
        raise agent_not_found(agent_id)
    if whole and not {tag.id for tag in carried.values()} <= wanted:
        raise _Moved
    return Held(agent, actor, carried, known)


def lock_made(names: Iterable[str]) -> list[Tag]:
    """Make these tags where they are missing, and lock them in the order of their ids."""
    wanted = set(names)
    for _ in range(_ATTEMPTS):
        rows = lock_tags(tagrows.ensure(wanted).values())
        # Renamed between look and lock: then a tag of the old name is made anew.
        if {tag.name for tag in rows} == wanted:
            return rows
    raise AssertionError("tags moved at every one of many attempts")


def lock_tags(ids: Iterable[int]) -> list[Tag]:
    """Lock these tags in the order of their ids and read them as they are now."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    return list(Tag.objects.select_for_update(no_key=True).filter(id__in=wanted).order_by("id"))


def _carried_ids(seq: int) -> set[int]:
    return set(AgentTag.objects.filter(agent_id=seq).values_list("tag_id", flat=True))
