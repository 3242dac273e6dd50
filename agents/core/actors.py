"""The actor of a request, command or job: made once, then passed to every read and write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agents.core.agent_rights import ALL_RIGHTS, NO_RIGHTS, READ_RIGHTS, Right
from agents.core.errors import NotAllowed, OutsideLimit
from agents.core.reach import EVERYTHING, Reach
from agents.core.tag_text import shown


class Power(StrEnum):
    """What an actor may do. Its reach says to which agents."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"
    ADMIN = "admin"


class ActorKind(StrEnum):
    """The kind of actor, as history stores it."""

    PERSON = "person"
    KEY = "key"
    OPEN = "open"  # a request without a key, where the settings allow that
    COMMAND = "command"
    JOB = "job"


class Source(StrEnum):
    """Where a change came from, as history stores it."""

    PAGE = "page"
    API = "api"
    IMPORT = "import"
    COMMAND = "command"
    BULK = "bulk"
    SEEN = "seen"  # ADE saw it at a connected server


READ = frozenset({Power.READ})
WRITE = READ | {Power.WRITE}
MANAGE = WRITE | {Power.MANAGE}
ADMIN = MANAGE | {Power.ADMIN}

ROLE_POWERS: dict[str, frozenset[Power]] = {
    "viewer": READ,
    "editor": WRITE,
    "manager": MANAGE,
    "admin": ADMIN,
}
SCOPE_POWERS: dict[str, frozenset[Power]] = {"read": READ, "write": WRITE, "manage": MANAGE}
NO_POWERS: frozenset[Power] = frozenset()


def narrowed_powers(powers: frozenset[Power], rights: frozenset[Right]) -> frozenset[Power]:
    """Return the powers that a key narrowed to these rights keeps.

    A write needs the right to read the agent too: its answer shows the agent.
    """
    if rights >= {Right.READ_AGENT, Right.WRITE_AGENT}:
        return powers if rights == ALL_RIGHTS else powers & WRITE
    return powers & READ if Right.READ_AGENT in rights else NO_POWERS


@dataclass(frozen=True, slots=True)
class Actor:
    """A member, key, command or job that reads or writes.

    `reach` says which agents the actor can access. A limited actor may write the tags that match a
    pattern in `may_tag` (`*` matches any text). With `any_label` it may also write any tag except
    user tags and protected tags.
    """

    kind: ActorKind
    id: str
    name: str
    source: Source
    powers: frozenset[Power] = READ
    reach: Reach = EVERYTHING
    may_tag: tuple[str, ...] = ()
    any_label: bool = False
    # The rights on agents that a narrowed key has. None: those that its powers imply.
    narrowed_to: frozenset[Right] | None = None
    # The rights on each agent by its public id, where they differ. None: `rights` on all of them.
    rights_by_agent: Mapping[str, frozenset[Right]] | None = field(default=None, hash=False)
    # When it last wrote, by the database clock, accurate to MARK_SECONDS. Only where replicas are read.
    wrote_at: float | None = field(default=None, compare=False)

    @property
    def limited(self) -> bool:
        """True if the actor cannot access every agent."""
        return not self.reach.everything

    @property
    def rights(self) -> frozenset[Right]:
        """The rights on each agent within the reach."""
        if self.narrowed_to is not None:
            return self.narrowed_to
        if Power.WRITE in self.powers:
            return ALL_RIGHTS
        return READ_RIGHTS if Power.READ in self.powers else NO_RIGHTS

    def rights_on(self, agent_id: str) -> frozenset[Right]:
        """The rights on one agent within the reach."""
        if self.rights_by_agent is not None:
            return self.rights_by_agent.get(agent_id, NO_RIGHTS)
        return self.rights

    @property
    def limited_as(self) -> str:
        """The subject of a sentence about what this limited actor may not do."""
        which = "some agents" if self.reach.agents else "a tag"
        which = "some tags" if len(self.reach.tags) > 1 else which
        who = "A key that is" if self.kind is ActorKind.KEY else "A member who is"
        return f"{who} limited to {which}"

    def can(self, power: Power) -> bool:
        return power in self.powers

    def require(self, power: Power, what: str) -> None:
        """Raise NotAllowed unless the actor has the power. `what` completes "X may not ..."."""
        if power not in self.powers:
            raise NotAllowed(f"{shown(self.name)} may not {what}: that needs {power} rights.")

    def require_sign_in(self, what: str) -> None:
        """Raise NotAllowed if this is a request without a key."""
        if self.kind == ActorKind.OPEN:
            raise NotAllowed(
                f"The API without a key may not {what}: sign in to the pages, or use an API key "
                "with manage scope."
            )

    def require_unlimited(self, what: str) -> None:
        """Raise NotAllowed if the actor is limited. `what` is the verb phrase, such as "may not ..."."""
        if self.limited:
            raise OutsideLimit(f"{self.limited_as} {what}.")


def command_actor(name: str, source: Source = Source.COMMAND) -> Actor:
    """An actor for a management command. Its rights are unlimited: it runs on the server."""
    return Actor(ActorKind.COMMAND, f"command:{name}", name, source, ADMIN)


def source_actor(source_id: int, name: str) -> Actor:
    """The actor for what is seen at a connected server. History names the server."""
    return Actor(ActorKind.JOB, f"source:{source_id}", name, Source.SEEN, ADMIN)
