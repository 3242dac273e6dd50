"""What a running gate counts, in Prometheus' text format. No label has a value that a client can choose."""

from collections import Counter
from enum import StrEnum

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"  # a type of request that the gate does not know


class Client(StrEnum):
    """Who is connected or asks."""

    CONNECTOR = "connector"
    USER = "user"
    OPENAI = "openai"
    UNKNOWN = "unknown"  # a page that has not sent its key yet


class Why(StrEnum):
    """Why something was refused."""

    KEY = "unknown_key"
    ORIGIN = "wrong_origin"
    CONNECTIONS = "too_many_connections"
    ADE = "no_answer_of_ade"
    APP_SERVER = "no_answer_of_app_server"
    AGENT = "unknown_agent"  # foreign agents and conversations too
    TYPE = "unknown_type"
    REQUEST = "invalid_request"
    JSON = "invalid_json"
    SLOW = "slow_client"
    ENDED = "right_ended"


class Counts:
    """The counters of one gate, from its start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[Client, str]] = Counter()
        self.refusals: Counter[Why] = Counter(dict.fromkeys(Why, 0))
        self.connected: Counter[Client] = Counter(dict.fromkeys(Client, 0))
        self.upstream_up: bool | None = None  # None: nobody has asked for it yet
        self.upstream_connections = 0
        self.upstream_failures = 0
        self.ade_failures = 0

    def upstream_lost(self) -> None:
        """Note that the App Server could not be reached, or closed a connection by itself."""
        self.upstream_up = False
        self.upstream_failures += 1

    def text(self) -> str:
        """Return all metrics."""
        lines = [
            *_family("requests_total", "counter", "Requests, by who sent them and their type."),
            *(
                f'ade_gate_requests_total{{client="{client}",type="{kind}"}} {number}'
                for (client, kind), number in sorted(self.requests.items())
            ),
            *_family("refusals_total", "counter", "Refusals, by reason."),
            *(
                f'ade_gate_refusals_total{{reason="{why}"}} {number}'
                for why, number in self.refusals.items()
            ),
            *_family("connections", "gauge", "Open requests and WebSockets, by who opened them."),
            *(
                f'ade_gate_connections{{client="{client}"}} {number}'
                for client, number in self.connected.items()
            ),
        ]
        if self.upstream_up is not None:
            about = "1 if the App Server answered when it was last needed."
            lines += _one("upstream_up", "gauge", about, int(self.upstream_up))
        lines += [
            *_one(
                "upstream_connections", "gauge", "Open connections to the App Server.",
                self.upstream_connections,
            ),
            *_one(
                "upstream_failures_total", "counter",
                "Connections to the App Server that failed or were lost.", self.upstream_failures,
            ),
            *_one(
                "ade_failures_total", "counter", "Questions to ADE without a usable answer.",
                self.ade_failures,
            ),
        ]  # fmt: skip
        return "\n".join([*lines, ""])


def _family(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP ade_gate_{name} {about}", f"# TYPE ade_gate_{name} {kind}"]


def _one(name: str, kind: str, about: str, number: int) -> list[str]:
    return [*_family(name, kind, about), f"ade_gate_{name} {number}"]
