"""The errors of the domain. Pages and the API turn them into answers."""

import math


class DomainError(Exception):
    """A request that ADE refuses. `message` can be shown to the user.

    `code` is a word for programs, listed in docs/api/reference.md. Empty: the word of its status.
    """

    status = 400
    code = ""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(DomainError):
    """The input breaks a rule. `field` names the input, if there is one."""

    status = 422


class LimitExceeded(Invalid):
    """Something is longer, or there is more of it, than a limit allows."""

    code = "limit_exceeded"


class TagTooLong(LimitExceeded):
    """A tag has more characters than a tag may have."""

    code = "tag_too_long"


class IllegalTag(Invalid):
    """A text that is no legal tag."""

    code = "illegal_tag"


class UnsupportedType(DomainError):
    """The body has a Content-Type that ADE does not read here."""

    status = 415


class NotAllowed(DomainError):
    """The actor may see this but may not do that."""

    status = 403


class OutsideLimit(NotAllowed):
    """The actor is limited to some agents, and this is about all of them."""


class NotFound(DomainError):
    """The object does not exist, or the actor may not see it."""

    status = 404


class Conflict(DomainError):
    """The state has changed since the actor last read it."""

    status = 409


class SecondOwner(Conflict):
    """The write would give an agent a second owner, and the setting SECOND_OWNER refuses that."""

    code = "second_owner"


class NewCrossing(Conflict):
    """The write would share a memory block between users, and the setting SECOND_OWNER refuses that."""

    code = "crossing"


class Busy(Conflict):
    """Other writers kept changing the same rows. The same request may succeed later."""

    code = "busy"


class StillRunning(Conflict):
    """The first request with the same Idempotency-Key is still running."""

    code = "still_running"

    seconds = 1


class SourceUnavailable(DomainError):
    """The server where the agent runs does not do what was asked now. It may after `seconds`."""

    status = 503
    code = "source_unavailable"

    def __init__(self, message: str, *, seconds: int = 5) -> None:
        super().__init__(message)
        self.seconds = seconds


class PreconditionFailed(Conflict):
    """The version in If-Match is not the current version."""

    status = 412


class TooMany(DomainError):
    """The caller has reached its rate limit. It may retry after `wait` seconds."""

    status = 429

    def __init__(self, wait: float) -> None:
        self.seconds = max(1, math.ceil(wait))
        plural = "" if self.seconds == 1 else "s"
        super().__init__(f"Too many requests: try again in {self.seconds} second{plural}.")


class BadRequest(DomainError):
    """The request contradicts itself, or refers to something that never existed."""

    status = 400
