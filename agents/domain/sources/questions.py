"""Put into the inbox what a person must know of agents that a source brings in."""

from collections.abc import Collection
from datetime import datetime

from agents.core.tag_text import problem
from agents.domain.sources import fields, owners
from agents.domain.sources.inbox import ask
from agents.domain.sources.merge import Incoming
from agents.domain.tags import second_owner
from agents.domain.tags.locks import LockedAgent
from agents.models import AgentSource, ChangeSet, InboxItem, InboxKind, SourcedAgent
from agents.net.connectors.base import SeenAgent

LIMIT_QUESTIONS = 200  # open questions of one source about limits of ADE; the others are the same


class Questions:
    """The questions of one transaction about agents of a source."""

    def __init__(self, source: AgentSource, now: datetime) -> None:
        self._source = source
        self._now = now
        self._room: int | None = None  # for questions about limits; None: not counted yet

    def given_here(self, names: Collection[str]) -> set[str]:
        """Return the owner tags among these that only ADE gives to agents of this source."""
        if not self._source.owners_given_here or self._source.listed_at is None:
            return set()
        return owners.among(names)

    def put_back(
        self, row: SourcedAgent, locked: LockedAgent, names: set[str], incoming: Incoming
    ) -> None:
        """Owner tags that only ADE gives were changed at the source: have them sent again, or ask.

        The caller saves the row.
        """
        if row.put_back_since is None or row.put_back_since < self._now - owners.PUT_BACK_TIME:
            row.put_back_since, row.put_back_count = self._now, 0
        row.put_back_count += 1
        if row.put_back_count <= owners.PUT_BACK_MOST:
            row.push_after = None
            return
        row.behind_since = None
        details = {
            "name": locked.agent.name,
            "add": sorted(incoming.add & names),
            "remove": sorted(incoming.remove & names),
            "held": True,
        }
        ask(self._source.id, InboxKind.OWNER, agent_id=row.public_id, details=details)

    def owners_changed(
        self,
        locked: LockedAgent,
        add: Collection[str],
        remove: Collection[str],
        change_set: ChangeSet,
    ) -> None:
        """Ask about owner tags that a change brought in from the source."""
        concerned = owners.among({*add, *remove})
        if not concerned:
            return
        owners.ask_owner(
            self._source.id,
            agent_id=locked.agent.public_id,
            name=locked.agent.name,
            add=concerned & set(add),
            remove=concerned & set(remove),
            change_set_id=change_set.id,
        )

    def came_back(
        self,
        past: dict[str, owners.Past],
        names: Collection[str],
        seen: SeenAgent,
        change_set: ChangeSet | None = None,
    ) -> None:
        """Ask about names that ADE has renamed, merged or off-boarded and an agent has again."""
        for name in past.keys() & set(names):
            owners.ask_came_back(
                self._source.id, name, past[name], agent_id=seen.id, agent_name=seen.name,
                change_set_id=change_set.id if change_set else None,
            )  # fmt: skip

    def adopted(self, locked: LockedAgent, here: set[str], incoming: Incoming) -> None:
        """Report an agent of ADE that became one of the source and has other owners there."""
        mine, theirs = owners.among(here), owners.among(incoming.held.tags)
        if not mine and second_owner.warns_of(locked.agent):
            owners.ask_two_owners(self._source.id, [locked.agent.public_id])
        if mine and theirs and mine != theirs:
            details = {"name": locked.agent.name, "here": sorted(mine), "there": sorted(theirs)}
            agent_id = locked.agent.public_id
            ask(self._source.id, InboxKind.ADOPTED, agent_id=agent_id, details=details)

    def limit(self, agent_id: str, name: str, why: str) -> None:
        """Report an agent, or its tags, that a limit of ADE keeps out."""
        if self._room is None:
            same = InboxItem.objects.filter(
                source=self._source, kind=InboxKind.LIMIT, decided_at=None
            )
            self._room = LIMIT_QUESTIONS - same.count()
        if self._room > 0 and problem(agent_id) is None:
            self._room -= 1
            details = {"name": fields.plain(name), "why": why}
            ask(self._source.id, InboxKind.LIMIT, agent_id=agent_id, details=details)
