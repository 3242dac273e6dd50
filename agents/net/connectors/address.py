"""The address of a server: its normal form, and which addresses a connector may use."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from agents.core.errors import Invalid
from agents.net.addresses import (
    Network,
    address_problem,
    in_networks,
    is_loopback,
    legal_port,
    literal_problem,
)
from agents.net.connectors.base import Denied

_SETTING = "SOURCE_ALLOWED_NETWORKS"
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SCHEMES = {"letta": ("http", "https"), "app-server": ("ws", "wss")}
_EXAMPLES = {"letta": "http://127.0.0.1:8283", "app-server": "ws://127.0.0.1:8380/ws"}


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks that a connector may use besides the internet, and where a token may go without TLS.

    A token without TLS always may go to this machine.
    """

    allowed: Sequence[Network] = ()
    plain: Sequence[Network] = ()


def kind_of(typed: str) -> str:
    """Guess the kind of a server from its address: WebSocket addresses are App Servers."""
    return "app-server" if typed.strip().lower().startswith(("ws:", "wss:")) else "letta"


def source_address(kind: str, typed: str, networks: Networks, *, field: str = "url") -> str:
    """Return the normal form of an address; host names are not looked up. Raises Invalid.

    A Letta address has no `/v1`, the address of an App Server ends with its path, usually `/ws`.
    """
    like = f"The address must be like {_EXAMPLES[kind]}."
    try:
        parts = urlsplit(typed.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("The address cannot be read.", field=field) from error
    if parts.scheme not in _SCHEMES[kind] or not host or not re.fullmatch(r"[!-~]+", typed.strip()):
        raise Invalid(like, field=field)
    if parts.username is not None or parts.password is not None:
        raise Invalid(
            "The address contains a user name or password. Remove it, and give a token instead.",
            field=field,
        )
    if parts.query or parts.fragment or "?" in typed or "#" in typed:
        raise Invalid(
            "The address ends with the path. Remove ? or # and what follows.", field=field
        )
    if port is not None and not legal_port(port):
        raise Invalid("The port must be 443, 80, or 1024 or higher.", field=field)
    if problem := literal_problem(host, allowed=networks.allowed, setting=_SETTING):
        raise Invalid(problem, field=field)
    name = f"[{host}]" if ":" in host else host
    place = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    path = parts.path.rstrip("/")
    if kind == "letta":
        path = path.removesuffix("/v1").rstrip("/")
    return urlunsplit((parts.scheme, place, path or {"app-server": "/ws"}.get(kind, ""), "", ""))


def place_of(kind: str, url: str) -> tuple[str, ...]:
    """What a token is bound to beside its source: the kind, scheme, host and port."""
    parts = urlsplit(url)
    return kind, parts.scheme, str(parts.hostname), str(parts.port or _PORTS.get(parts.scheme))


class AddressCheck:
    """Says why ADE does not connect to an address of a server, or None."""

    def __init__(self, url: str, token: str | None, networks: Networks) -> None:
        self._networks = networks
        self._exposed = token is not None and urlsplit(url).scheme in ("http", "ws")

    def __call__(self, address: str) -> str | None:
        """Check one address that the name resolved to."""
        networks = self._networks
        if problem := address_problem(address, allowed=networks.allowed, setting=_SETTING):
            return problem
        if self._exposed and not is_loopback(address) and not in_networks(address, networks.plain):
            return (
                f"The token is not sent to {address} without TLS. Use https:// or wss://, or add "
                "the network to SOURCE_PLAIN_NETWORKS."
            )
        return None


def headers_for(token: str | None) -> dict[str, str]:
    """The headers of every request. Raises Denied for a token that no header can carry."""
    headers = {"User-Agent": "ade"}
    if token is not None:
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Denied("The token contains a character that no header can carry.")
        headers["Authorization"] = f"Bearer {token}"
    return headers
