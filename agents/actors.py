"""Who acts. An `Actor` is made once, at the edge, and passed down to every read and write."""

from dataclasses import dataclass, field
from enum import StrEnum

from agents.errors import NotAllowed
from agents.tagnames import shown


class Power(StrEnum):
    """What an actor may do at all. Which agents it may do it to is the tag limit's matter."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"
    ADMIN = "admin"


class Kind(StrEnum):
    """What sort of actor it is; kept in history."""

    PERSON = "person"
    KEY = "key"
    OPEN = "open"  # a call to an API that was opened without keys
    COMMAND = "command"
    JOB = "job"


class Source(StrEnum):
    """Where a change came from; kept in history."""

    PAGE = "page"
    API = "api"
    IMPORT = "import"
    COMMAND = "command"
    BULK = "bulk"


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


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone or something that reads or writes.

    `limit` is the text of the one tag whose agents exist for this actor; None means all do.
    `may_tag` are patterns (`*` stands for any text) of tags that a limited actor may write.
    """

    kind: Kind
    id: str
    name: str
    source: Source
    powers: frozenset[Power] = READ
    limit: str | None = None
    may_tag: tuple[str, ...] = field(default=())
    # Where replicas are read: when it last wrote, within MARK_SECONDS, by the database's clock.
    wrote_at: float | None = field(default=None, compare=False)

    def can(self, power: Power) -> bool:
        return power in self.powers

    def require(self, power: Power, what: str) -> None:
        """Raise NotAllowed, saying `what` is not allowed, unless the actor has the power."""
        if power not in self.powers:
            raise NotAllowed(f"{shown(self.name)} may not {what}: that needs {power} rights.")


def command_actor(name: str, source: Source = Source.COMMAND) -> Actor:
    """Whoever runs a management command on the server: they own the database anyway."""
    return Actor(Kind.COMMAND, f"command:{name}", name, source, ADMIN)
