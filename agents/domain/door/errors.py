"""What `/authorize` answers instead of yes."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a request was refused. The counts of refusals, the metrics and the answers use these words."""

    AMBIGUOUS = "ambiguous_address"
    ROUTE = "unknown_route"
    NOBODY = "route_for_nobody"
    UNLIMITED = "route_for_unlimited_keys"
    SOURCE = "unknown_source"
    ORIGIN = "wrong_origin"
    AGENT = "unknown_agent"
    RIGHT = "missing_right"
    ID = "unknown_id"
    TWO_AGENTS = "ids_of_two_agents"
    TWICE = "id_twice"
    PARAMETER = "parameter_for_unlimited_keys"
    TOO_MANY = "too_many_unknown_ids"


_SENTENCES = {
    Reason.AMBIGUOUS: "The address of the request can be read in more than one way.",
    Reason.ROUTE: "ADE does not know this method and path, so the key cannot use it.",
    Reason.NOBODY: "This route is not available here.",
    Reason.UNLIMITED: "A key that is limited to some agents cannot use this route.",
    Reason.SOURCE: "This address leads to a server that is not among ADE's sources.",
    Reason.ORIGIN: "The key cannot be used by pages of this origin.",
    Reason.AGENT: "There is no such agent here for this key.",
    Reason.RIGHT: "The key does not have the right that this route needs.",
    Reason.ID: "An ID in the address belongs to no agent that this key can access.",
    Reason.TWO_AGENTS: "The IDs in the address do not belong to the same agent.",
    Reason.TWICE: "A query parameter with an ID was sent twice.",
    Reason.PARAMETER: "A key that is limited to some agents cannot send one of these parameters.",
    Reason.TOO_MANY: "The key asked for too many unknown IDs. Wait a minute.",
}


class Refused(Exception):
    """A decision against the request: 403."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_SENTENCES[reason])
        self.reason = reason
        self.message = _SENTENCES[reason]


class CannotDecide(Exception):
    """ADE does not know: 500, which the proxy turns into 503. The request may be sent again."""
