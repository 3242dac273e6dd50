"""Which addresses ADE may send requests to: addresses of the internet, and networks the settings allow."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from agents.core.errors import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PORTS = (443, 80)  # and 1024 or higher: lower ports belong to services that are not web servers
# Listed here because Python's is_global differs by version and accepts NAT64.
_NEVER_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
]  # fmt: skip
# For IPv6, only the range assigned to the internet, without the parts of it that lead elsewhere:
# Teredo and similar, documentation, 6to4.
_GLOBAL_V6 = ip_network("2000::/3")
_NEVER_V6 = [
    ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]  # fmt: skip


def is_public(address: str, allowed: Iterable[Network] = ()) -> bool:
    """True for an address of the internet, or one in an allowed network."""
    try:
        parsed = _unmapped(address)
    except ValueError:
        return False
    if any(parsed in network for network in allowed):
        return True
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _NEVER_V4)
    return parsed in _GLOBAL_V6 and not any(parsed in network for network in _NEVER_V6)


def checked_url(typed: str, *, http: bool, allowed: Iterable[Network], field: str = "url") -> str:
    """Check an address and return its normal form. Host names are not looked up here.

    `http` allows addresses without TLS. Raises Invalid.
    """
    try:
        url = httpx.URL(typed)
        port = _PORTS[url.scheme == "http"] if url.port is None else url.port
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Invalid(
            "This is not a valid address. Use one like https://app.example.org/hook.", field=field
        ) from error
    if url.scheme == "http" and not http:
        raise Invalid("The address must begin with https://.", field=field)
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid("The address must be like https://app.example.org/hook.", field=field)
    if url.userinfo:
        raise Invalid(
            "The address contains a user name or password. Remove it: the signature identifies ADE.",
            field=field,
        )
    if url.fragment or "#" in typed:
        raise Invalid("The address contains a #. Remove it and what follows.", field=field)
    if not legal_port(port):
        raise Invalid("The port must be 443, 80, or 1024 or higher.", field=field)
    if problem := literal_problem(url.host, allowed=allowed, setting="WEBHOOK_ALLOWED_NETWORKS"):
        raise Invalid(problem, field=field)
    return str(url)


def legal_port(port: int) -> bool:
    """True for the ports of the web, and those that are not reserved for other services."""
    return port in _PORTS or 1024 <= port <= 65535


def literal_problem(host: str, *, allowed: Iterable[Network], setting: str) -> str | None:
    """The problem of a host that is written as an address; None for names, which are checked later."""
    try:
        ip_address(host)
    except ValueError:
        return None
    return address_problem(host, allowed=allowed, setting=setting)


def address_problem(address: str, *, allowed: Iterable[Network], setting: str) -> str | None:
    """Say why ADE does not connect to an address, or None. `setting` is what allows more networks."""
    if is_public(address, allowed):
        return None
    return f"{address} is not a public address. To allow it, add its network to {setting}."


def in_networks(address: str, networks: Iterable[Network]) -> bool:
    """True for an address in one of the networks."""
    return any(_unmapped(address) in network for network in networks)


def is_loopback(address: str) -> bool:
    """True for an address of this machine."""
    return _unmapped(address).is_loopback


def _unmapped(address: str) -> Address:
    """Read an address; an IPv4 address that is written as IPv6 is taken as IPv4."""
    parsed: Address = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed
