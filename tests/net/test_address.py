"""Addresses of servers: one spelling each, and what is refused where it is typed."""

from ipaddress import ip_network

import pytest

from agents.core.errors import Invalid
from agents.net.connectors.address import AddressCheck, Networks, kind_of, source_address

pytestmark = pytest.mark.only_sqlite  # the database plays no part

HERE = Networks([ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("10.0.0.0/8")])


@pytest.mark.parametrize(
    ("kind", "typed", "normal"),
    [
        ("letta", " https://Letta.Example:443/v1/ ", "https://letta.example"),
        ("letta", "http://127.0.0.1:8283", "http://127.0.0.1:8283"),
        ("letta", "https://letta.example/base/v1", "https://letta.example/base"),
        ("letta", "http://[::1]:8283/", "http://[::1]:8283"),
        ("app-server", "ws://127.0.0.1:8380", "ws://127.0.0.1:8380/ws"),
        ("app-server", "wss://app.example:443/path/ws/", "wss://app.example/path/ws"),
    ],
)
def test_address_has_one_spelling(kind: str, typed: str, normal: str) -> None:
    assert source_address(kind, typed, HERE) == normal
    assert source_address(kind, normal, HERE) == normal
    assert kind_of(typed) == kind


@pytest.mark.parametrize(
    ("kind", "typed", "why"),
    [
        ("letta", "ws://127.0.0.1", "must be like http://127.0.0.1:8283"),
        ("app-server", "http://127.0.0.1", "must be like ws://127.0.0.1:8380/ws"),
        ("letta", "http://127.0.0.1/a b", "must be like"),
        ("letta", "http://127.0.0.1:22", "port"),
        ("letta", "http://192.168.0.1", "add its network to SOURCE_ALLOWED_NETWORKS"),
        ("letta", "http://169.254.169.254/", "not a public address"),
        ("letta", "http://me:secret@letta.example", "user name or password"),
        ("letta", "http://letta.example/?a=b", "Remove"),
        ("letta", "http://letta.example:x", "cannot be read"),
    ],
)
def test_address_that_cannot_be_is_refused(kind: str, typed: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        source_address(kind, typed, HERE)
    assert (refused.value.field, "secret" in refused.value.message) == ("url", False)


def test_token_without_tls_goes_to_this_machine_and_named_networks() -> None:
    plain = Networks(HERE.allowed, plain=[ip_network("10.1.0.0/16")])
    check = AddressCheck("http://letta.example", "t0ken", plain)
    refused = [
        address
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "10.2.0.1", "8.8.8.8")
        if check(address)
    ]
    assert refused == ["10.2.0.1", "8.8.8.8"]
    for url, token in (("https://letta.example", "t0ken"), ("http://letta.example", None)):
        assert AddressCheck(url, token, plain)("8.8.8.8") is None
    assert AddressCheck("https://letta.example", None, plain)("192.168.0.1")
