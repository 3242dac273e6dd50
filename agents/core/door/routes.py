"""Find the route of a request in the table, exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache

from agents.core.agent_rights import Right
from agents.core.door.paths import Target
from agents.core.door.table import ROUTES

# ADE's own routes, which Letta does not have. ADE checks the key of each itself, so all below these names
# may go there.
ADE_ONLY = frozenset(
    {
        *("access", "bulk", "client-side-access-tokens", "history", "keys"),
        *("users", "webhooks"),
    }
)
# The same, of an agent or a tag.
_ADE_ONLY_TEMPLATES = (
    ("POST", "/v1/agents/{agent_id}/tags"),
    ("GET", "/v1/agents/{agent_id}/identities"),
    ("GET", "/v1/agents/export"),
    ("POST", "/v1/tags/rename"),
    ("POST", "/v1/tags/merge"),
    ("POST", "/v1/tags/delete"),
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ENTRY = re.compile(r"([A-Z]+) +(/\S+) +(letta|ade|nobody) +(\S+)")


class Who(StrEnum):
    """Who answers a route."""

    LETTA = "letta"
    ADE = "ade"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the table; see there. `needs` is a right, or "manage", "key" or "-"."""

    method: str
    template: str
    who: Who
    needs: str
    unlimited_only: bool = False
    asks_setting: bool = False
    query_ids: Mapping[str, str] = field(default_factory=dict)
    query_other: frozenset[str] = frozenset()
    body_ids: frozenset[str] = frozenset()

    @property
    def right(self) -> Right | None:
        """The right that the key must have."""
        return Right(self.needs) if self.needs in list(Right) else None

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.template.strip("/").split("/"))

    @property
    def slash(self) -> bool:
        return self.template.endswith("/")


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and what its path names. `old` is true under /latest/."""

    route: Route
    names: Mapping[str, str]
    old: bool = False


@cache
def routes() -> tuple[Route, ...]:
    """Return all routes of the table."""
    found: list[Route] = []
    for line in ROUTES.splitlines():
        if entry := _ENTRY.fullmatch(line.strip()):
            method, template, who, needs = entry.groups()
            plain = needs.lstrip("*?")
            route = Route(method, template, Who(who), plain, needs[0] == "*", needs[0] == "?")
            found.append(route)
        elif line.strip() and not line.startswith("#"):
            found[-1] = _with_ids(found[-1], line)
    return tuple(found)


def _with_ids(route: Route, line: str) -> Route:
    kind, *words = line.split()
    if kind == "body":
        return replace(route, body_ids=frozenset(words))
    if kind != "query":
        raise ValueError(f"The table of routes has an unknown line: {line}")
    cut = words.index("|") if "|" in words else len(words)
    ids = dict(word.partition("=")[::2] for word in words[:cut])
    return replace(route, query_ids=ids, query_other=frozenset(words[cut + 1 :]))


@cache
def _by_shape() -> Mapping[tuple[str, int, str], list[Route]]:
    """The routes by method, number of segments and first name; those with more plain names first."""
    shapes: dict[tuple[str, int, str], list[Route]] = {}
    own = [Route(method, path, Who.ADE, "key") for method, path in _ADE_ONLY_TEMPLATES]
    for route in sorted([*routes(), *own], key=_placeholders):
        shapes.setdefault((route.method, len(route.parts), route.parts[1]), []).append(route)
    return shapes


def _placeholders(route: Route) -> list[bool]:
    return [part.startswith("{") for part in route.parts]


def find_route(method: str, target: Target) -> Match | None:
    """Return the route of a request. None: it is not in the table.

    A collection's path may come without its final slash. No other path may have an extra one.
    """
    segments = target.segments
    if method not in _METHODS or len(segments) < 2 or segments[0] not in ("v1", "latest"):
        return None
    old = segments[0] == "latest"
    if segments[1] in ADE_ONLY and not old:
        return Match(Route(method, "/v1/" + segments[1], Who.ADE, "key"), {})
    for route in _by_shape().get((method, len(segments), segments[1]), ()):
        names = _names(route, segments)
        if names is not None:
            return Match(route, names, old) if route.slash or not target.slash else None
    return None


def _names(route: Route, segments: tuple[str, ...]) -> dict[str, str] | None:
    names: dict[str, str] = {}
    for part, segment in zip(route.parts[1:], segments[1:], strict=True):
        if part.startswith("{"):
            names[part[1:-1]] = segment
        elif part != segment:
            return None
    return names
