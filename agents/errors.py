"""What can go wrong in the domain, said once; pages and the API each give it their own form."""

import math


class DomainError(Exception):
    """A request that is understood and not carried out. `message` is fit to show."""

    status = 400

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(DomainError):
    """The input breaks a rule. `field` names the input, where there is one."""

    status = 422


class NotAllowed(DomainError):
    """The actor may see this, and may not do that."""

    status = 403


class NotFound(DomainError):
    """No such thing, or not one that the actor may know of."""

    status = 404


class Conflict(DomainError):
    """The state has moved on since the actor last saw it."""

    status = 409


class PreconditionFailed(Conflict):
    """The version named by If-Match is not the current one."""

    status = 412


class TooMany(DomainError):
    """One request too many of this caller; it may ask again after `wait` seconds."""

    status = 429

    def __init__(self, wait: float) -> None:
        self.seconds = max(1, math.ceil(wait))
        plural = "" if self.seconds == 1 else "s"
        super().__init__(f"Too many requests: try again in {self.seconds} second{plural}.")


class BadRequest(DomainError):
    """The request contradicts itself or names what never was."""

    status = 400
