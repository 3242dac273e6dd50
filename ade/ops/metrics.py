"""Metrics. Each process counts for itself, and `/metrics` adds the counts up."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ade.ops import runtime_folder

# Before anything is measured: it decides where the counts are kept.
runtime_folder.prepare_metrics()

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: E402  # after that

REGISTRY = CollectorRegistry()
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

# Its _count is the number of requests. No label has a value that someone outside can choose.
_REQUESTS = Histogram(
    "ade_http_request_seconds",
    "Time to answer a request, by route.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
_QUERIES = Counter("ade_db_queries", "Statements sent to the database.", registry=REGISTRY)
_QUERY_SECONDS = Counter("ade_db_seconds", "Time the database took.", registry=REGISTRY)
SIGN_INS = Counter("ade_sign_ins", "Attempts to sign in.", ["result"], registry=REGISTRY)
REFUSED = Counter(
    "ade_rate_limited", "Requests over a rate limit.", ["counted_by"], registry=REGISTRY
)
BODIES = Counter(
    "ade_bodies_given_up", "Bodies that were not read to their end.", ["why"], registry=REGISTRY
)
CONNECTIONS_REFUSED = Counter(
    "ade_connections_refused",
    "Connections ended or requests refused because file descriptors or worker slots ran out.",
    ["why"],
    registry=REGISTRY,
)
SLOTS = Gauge(
    "ade_worker_slots",
    "Requests that the web processes work on at once at most.",
    registry=REGISTRY,
    multiprocess_mode="sum",
)
SLOTS_IN_USE = Gauge(
    "ade_worker_slots_in_use",
    "Requests that the web processes work on now.",
    registry=REGISTRY,
    multiprocess_mode="sum",
)
TAG_CHANGES = Counter(
    "ade_tag_changes", "Tags added to and removed from agents.", ["op", "source"], registry=REGISTRY
)
SOURCE_PUSHES = Counter(
    "ade_source_pushes",
    "Agents whose tags were sent to their source.",
    ["result"],
    registry=REGISTRY,
)
SOURCE_FAILURES = Counter(
    "ade_source_failures", "Attempts to reach a source that failed.", registry=REGISTRY
)
LISTS = Counter(
    "ade_list_reads",
    "Lists that a replica may answer, by the database that answered.",
    ["database"],
    registry=REGISTRY,
)
DOOR = Counter(
    "ade_door_decisions",
    "Requests that a proxy asked about: allowed, or why not.",
    ["decision"],
    registry=REGISTRY,
)
OUTAGES = Counter("ade_db_unreachable", "Requests that found no database.", registry=REGISTRY)


@dataclass(slots=True)
class Spent:
    """What one request asked of the database."""

    queries: int = 0
    seconds: float = 0.0


_spent: ContextVar[Spent | None] = ContextVar("spent", default=None)


def begin_spending() -> Spent:
    """Count what this thread asks of the database from here on."""
    spent = Spent()
    _spent.set(spent)
    return spent


def count_spent(spent: Spent) -> None:
    """Add a request's share to the sums."""
    if spent.queries:
        _QUERIES.inc(spent.queries)
        _QUERY_SECONDS.inc(spent.seconds)


def observe(method: str | None, route: str, status: int, seconds: float) -> None:
    """Count one request that was answered."""
    known = method if method in _METHODS else "other"
    _REQUESTS.labels(known, route, f"{status // 100}xx").observe(seconds)


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Time the statements of a connection; a receiver of `connection_created`."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    spent = _spent.get()
    if spent is None:
        return execute(sql, params, many, context)
    started = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        spent.queries += 1
        spent.seconds += perf_counter() - started
