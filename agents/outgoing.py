"""A POST to an address that somebody typed: never to a private one, and never for long.

The name is resolved once, every address it has is checked, and the connection goes to the address
that was checked: a name server that answers otherwise a moment later gains nothing. Redirects are
not followed, proxies of the environment are not used. httpcore is httpx's own engine; it alone
lets us say where to connect while TLS and the Host header keep the name.
"""

import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpcore
import httpx

from agents.errors import Invalid
from agents.lookup import Resolve, look_up, system
from agents.tagnames import shown

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PORTS = (443, 80)  # and those from 1024 on: below lie services that are no web servers
# Spelled out, because what Python calls global differs by its version and lets NAT64 through.
_NEVER_V4 = [
    ip_network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
]  # fmt: skip
# Of version 6 only what is given out for the internet, but for what lies in there and leads
# elsewhere: Teredo and its like, documentation, 6to4.
_GLOBAL_V6 = ip_network("2000::/3")
_NEVER_V6 = [
    ip_network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]  # fmt: skip


class Unsent(Exception):
    """No answer came; the text says why, and is fit to show."""


class Refused(Unsent):
    """The address is one that ADE does not send to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the seconds that the other side asks to wait, if it does."""

    status: int
    retry_after: int | None


def is_public(address: str, allowed: Iterable[Network] = ()) -> bool:
    """True for an address of the internet, or one in the allowed networks."""
    try:
        one: Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(one, IPv6Address) and one.ipv4_mapped:
        one = one.ipv4_mapped
    if any(one in network for network in allowed):
        return True
    if isinstance(one, IPv4Address):
        return not any(one in network for network in _NEVER_V4)
    return one in _GLOBAL_V6 and not any(one in network for network in _NEVER_V6)


def checked_url(typed: str, *, http: bool, allowed: Iterable[Network], field: str = "url") -> str:
    """The address in its one spelling. Names are looked up when it is used, not here.

    `http` allows it without TLS. Raises Invalid.
    """
    try:
        url = httpx.URL(typed)
        port = _PORTS[url.scheme == "http"] if url.port is None else url.port
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Invalid("The address cannot be read.", field=field) from error
    if url.scheme == "http" and not http:
        raise Invalid("The address must begin with https://.", field=field)
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid("The address must be like https://app.example.org/hook.", field=field)
    if url.userinfo:
        raise Invalid("The address holds a password: the signature is proof enough.", field=field)
    if url.fragment or "#" in typed:
        raise Invalid("The address goes up to the query, without #.", field=field)
    if port not in _PORTS and not 1024 <= port <= 65535:
        raise Invalid("The port must be 443, 80, or 1024 and up.", field=field)
    if _is_literal(url.host) and not is_public(url.host, allowed):
        raise Invalid(_private(url.host), field=field)
    return str(url)


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    allowed: Sequence[Network] = (),
    answer_bytes: int,
    resolve: Resolve = system,
) -> Answer:
    """Send it once; `seconds` is for all of it, the look-up of the name too.

    Of the answer's body `answer_bytes` are read, so that the other side is not cut off, and thrown
    away. Raises Unsent, Refused.
    """
    to = httpx.URL(url)
    deadline = time.monotonic() + seconds
    backend = _Guarded(allowed, resolve, deadline)
    target = httpcore.URL(scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=to.raw_path)
    waits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_tls(), network_backend=backend, max_keepalive_connections=0
            ) as pool,
            pool.stream(
                "POST",
                target,
                headers=list(headers.items()),
                content=body,
                extensions={"timeout": waits},
            ) as response,
        ):
            answer = Answer(response.status, _retry_after(response.headers))
            _read_some(response, answer_bytes)
            return answer
    except httpcore.TimeoutException as error:
        raise Unsent(f"No answer within {seconds:g} seconds.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unsent(_told(error)) from error


def _read_some(response: httpcore.Response, most: int) -> None:
    """What goes wrong from here on changes nothing: the status was said."""
    read = 0
    try:
        for part in response.iter_stream():
            read += len(part)
            if read > most:
                return
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return


class _Guarded(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and lets nothing last beyond the deadline."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve, deadline: float) -> None:
        self._allowed, self._resolve, self._deadline = allowed, resolve, deadline
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            left = _left(self._deadline)
            addresses = look_up(host.strip("[]"), port, seconds=left, resolve=self._resolve)
        except TimeoutError as error:
            raise Unsent(f"The name {shown(host, 100)} was not found in time.") from error
        except (OSError, UnicodeError) as error:
            raise Unsent(f"The name {shown(host, 100)} is not known.") from error
        # One bad address is enough: which of them is taken must not be up to chance.
        for address in addresses:
            if not is_public(address, self._allowed):
                raise Refused(_private(address))
        failure: Exception = Unsent(f"The name {shown(host, 100)} has no address.")
        for address in addresses:
            try:
                stream = self._real.connect_tcp(address, port, timeout=_left(self._deadline))
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _Timed(stream, self._deadline)
        raise failure


class _Timed(httpcore.NetworkStream):
    """A stream each of whose waits ends at the deadline: drops that come slowly do not move it."""

    def __init__(self, real: httpcore.NetworkStream, deadline: float) -> None:
        self._real, self._deadline = real, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._real.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secure = self._real.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _Timed(secure, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._real.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


@cache
def _tls() -> ssl.SSLContext:
    """As httpx trusts: its list of authorities, or what SSL_CERT_FILE names."""
    return httpx.create_ssl_context()


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _private(address: str) -> str:
    return f"{address} is not an address of the internet, and WEBHOOK_ALLOWED_NETWORKS lacks it."


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return int(value)
    return None


def _told(error: Exception) -> str:
    """The failure in a sentence; TLS names what is wrong with the certificate."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or "it failed"
            return f"No secure connection: {shown(str(reason), 150)}."
        cause = cause.__cause__ or cause.__context__
    why = shown(str(error), 150).rstrip(".") or type(error).__name__
    return f"No answer: {why}."
