"""Open a connection to a source: the one place that turns a row into a connector."""

from django.conf import settings

from agents.core.errors import Invalid
from agents.domain.sources import tokens
from agents.models import AgentSource, SourceKind
from agents.net.connectors.address import Networks, kind_of, source_address
from agents.net.connectors.address import place_of as place_of
from agents.net.connectors.base import Connector
from agents.net.connectors.connect import connect as _connect

URL_LENGTH = 2000  # characters


def guessed_kind(url: str) -> SourceKind:
    """The kind of server that has such an address."""
    return SourceKind(kind_of(url))


def checked_address(url: object, kind: SourceKind, *, token: bool) -> str:
    """Return the normal form of an address if ADE may send requests there. Raises Invalid.

    Names are looked up when the connection is opened; that checks the address again, and whether a
    `token` may go there.
    """
    if not isinstance(url, str) or len(url) > URL_LENGTH:
        raise Invalid(f"An address has at most {URL_LENGTH:,} characters.", field="url")
    return source_address(kind, url, networks())


def seal(source: AgentSource, token: str | None) -> bytes | None:
    """The token as the database stores it, bound to the id and address of a saved source."""
    if token is None:
        return None
    return tokens.seal(token, source_id=source.pk, kind=source.kind, url=source.url)


def move(source: AgentSource, *, same_place: bool) -> None:
    """Drop the token of a source that now has another address. The caller saves it."""
    if not same_place:
        source.sealed_token = None


def networks() -> Networks:
    """The networks that sources may use."""
    return Networks(allowed=settings.SOURCE_ALLOWED_NETWORKS, plain=settings.SOURCE_PLAIN_NETWORKS)


def connect(*, kind: str, url: str, token: str | None) -> Connector:
    """A connector to any server; open it with `with`. Raises SourceError."""
    return _connect(kind, url, token=token, networks=networks())


def connect_to(source: AgentSource) -> Connector:
    """A connector to a source; open it with `with`. Raises SourceError, also for an unreadable token."""
    return connect(kind=source.kind, url=source.url, token=tokens.token_of(source))
