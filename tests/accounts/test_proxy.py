"""BEHIND_PROXY: what is taken from the Forwarded header, and from no other."""

import re
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from processes import ROOT

from ade.http import client_address
from ade.server.proxy import ProxyMiddleware, forwarded

pytestmark = pytest.mark.only_sqlite  # the database plays no part


@pytest.mark.parametrize(
    ("header", "proxies", "expected"),
    [
        ("for=192.0.2.1;proto=https", 1, ("192.0.2.1", "https")),
        ('For="192.0.2.1"; Proto="HTTPS"', 1, ("192.0.2.1", "https")),
        ("for=192.0.2.1:4711;proto=http", 1, ("192.0.2.1", "http")),
        ('for="[2001:db8::1]:4711";proto=https', 1, ("2001:db8::1", "https")),
        ('for="2001:db8::1";proto=https', 1, ("2001:db8::1", "https")),
        ("for=1.1.1.1, for=192.0.2.1", 1, ("192.0.2.1", "")),
        ("for=1.1.1.1,for=192.0.2.1;proto=https,for=10.0.0.1", 2, ("192.0.2.1", "https")),
        ('for="1.1.1.1, for=192.0.2.1', 1, ("192.0.2.1", "")),
        ('for="1.1.1.1;proto=https;x=", for="192.0.2.1";proto=http', 1, ("192.0.2.1", "http")),
        ("for=192.0.2.1", 2, ("", "")),
        ("", 1, ("", "")),
        ("for=unknown;proto=ftp;by=_x", 1, ("", "")),
        ("for=192.0.2.1.evil", 1, ("", "")),
    ],
)
def test_forwarded(header: str, proxies: int, expected: tuple[str, str]) -> None:
    assert forwarded(header, proxies) == expected


def seen(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{client_address(request)} {request.scheme}")


@pytest.mark.parametrize(
    ("behind", "headers", "expected"),
    [
        (True, {"Forwarded": "for=192.0.2.1;proto=https"}, "192.0.2.1 https"),
        (True, {}, "127.0.0.1 http"),
        (False, {"Forwarded": "for=192.0.2.1;proto=https"}, "127.0.0.1 http"),
        (False, {"X-Forwarded-For": "192.0.2.1"}, "127.0.0.1 http"),
        (False, {"X-Forwarded-Proto": "https"}, "127.0.0.1 http"),
    ],
)
def test_only_it_is_believed(
    settings: Any, behind: bool, headers: dict[str, str], expected: str
) -> None:
    settings.BEHIND_PROXY = behind
    answer = ProxyMiddleware(seen)(RequestFactory(headers=headers).get("/"))
    assert answer.content.decode() == expected


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/v1/agents/", "/readyz"])
def test_a_proxy_with_the_old_file_is_told(settings: Any, name: str, path: str) -> None:
    """It would let a client's own Forwarded pass."""
    settings.BEHIND_PROXY = True
    answer = Client(headers={name: "https", "Forwarded": "for=192.0.2.1"}).get(path)
    assert answer.status_code == 400
    assert "It must remove them and" in answer.content.decode()
    assert "set Forwarded: see docs/operate/deploy.md, TLS." in answer.content.decode()


# Headers that a client says of itself: another spelling of them gains it nothing.
CLIENTS_OWN = {
    "ADE-Poll", "Accept-Encoding", "Access-Control-Request-Method", "Content-Encoding", "Content-Length", "Content-Type", "HX-Current-URL",
    "HX-Request", "Idempotency-Key", "If-Match", "If-None-Match", "Retry-After", "Sec-Fetch-Site", "Transfer-Encoding",
    "User-Agent", "X-CSRFToken", "X-Stainless-Lang",
}  # fmt: skip
# Kept for the log only, if it cannot forge a line; docs/operate/deploy.md has the proxy set it.
CHECKED = {"X-Request-ID"}
# Looked for, to refuse the request.
REFUSED = {"X-Forwarded-For", "X-Forwarded-Proto"}


def test_no_other_header_with_a_hyphen_is_read() -> None:
    """A new one belongs in a set above, or must not be trusted: its name collides."""
    read = set()
    for path in [*(ROOT / "ade").rglob("*.py"), *(ROOT / "agents").rglob("*.py")]:
        text = path.read_text("utf-8")
        read |= set(re.findall(r'request\.headers(?:\.get\(|\[)"([\w-]+-[\w-]+)"', text))
        read |= {
            name.replace("_", "-").title() for name in re.findall(r'"HTTP_([A-Z]+_[A-Z_]+)"', text)
        }
    known = {name.lower() for name in CLIENTS_OWN | CHECKED | REFUSED}
    assert {name for name in read if name.lower() not in known} == set()
    assert "X-Request-ID" in read
