"""Real nginx and Caddy in front of a real server: who the client is, and what an open API refuses."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from serve import free_port

from tests.deploy.proxies import (
    NAME,
    Site,
    documented_caddy,
    documented_nginx,
    lenient_caddy,
    nginx,
)

pytestmark = [pytest.mark.whole, pytest.mark.only_sqlite]  # the database plays no part
LIMIT = 10  # requests a minute of one address
SIGN_IN = "/accounts/login/"
# A client's own copies of what the proxy says; {} is another address each time.
SPOOFS = [
    {"X_Forwarded_For": "{}"},
    {"X-Forwarded_For": "{}"},
    {"X_Forwarded-For": "{}"},
    {"X-Forwarded-For": "{}"},
    {"Forwarded": "for={};proto=https"},
    {"Forwarded": 'for="{}'},
    {"X_Real_IP": "{}", "X-Real-IP": "{}", "Client_IP": "{}"},
]


@pytest.fixture(params=[documented_nginx, documented_caddy, lenient_caddy])
def site(
    request: pytest.FixtureRequest, serve: Callable[..., str], database_url: str, tmp_path: Path
) -> Iterator[Site]:
    """ADE behind one of the proxies. Each has a server of its own: they count by address."""
    ade = serve(
        BEHIND_PROXY="true",
        HTTPS="true",
        ALLOWED_HOSTS=NAME,
        RATE_PER_ADDRESS=str(LIMIT),
        OIDC_NAME=request.param.__name__,  # makes the settings differ
    )
    with ExitStack() as stack:
        yield request.param(tmp_path, urlsplit(ade).port, stack)


def test_a_client_is_who_the_proxy_saw(site: Site) -> None:
    """No spelling of any header makes it another address, another scheme or another request id."""
    page = site.get(SIGN_IN)
    assert (page.status_code, "__Host-ade-csrf" in page.headers["Set-Cookie"]) == (200, True)
    for spoof in ({}, {"Forwarded": "proto=https"}, {"X_Forwarded_Proto": "https"}):
        plain = site.get(SIGN_IN, tls=False, **spoof)
        assert plain.status_code in (301, 400), spoof
        assert plain.headers.get("Location", f"https://{NAME}").startswith(f"https://{NAME}")
    for _ in range(LIMIT):
        site.get(SIGN_IN)
    for n, spoof in enumerate(SPOOFS):
        statuses = {
            site.get(
                SIGN_IN, **{name: text.format(address) for name, text in spoof.items()}
            ).status_code
            for address in (f"198.51.100.{n}", f"203.0.113.{n}", f"192.0.2.{n}")
        }
        assert statuses & {429, 400}, spoof  # a place becomes free every few seconds
    assert site.get("/healthz").status_code == 200


def test_a_client_does_not_choose_its_request_id(
    serve: Callable[..., str], database_url: str, tmp_path: Path
) -> None:
    ade = urlsplit(serve(BEHIND_PROXY="true", ALLOWED_HOSTS=NAME)).port
    for made in (documented_nginx, documented_caddy):
        folder = tmp_path / made.__name__
        folder.mkdir()
        with ExitStack() as stack:
            site = made(folder, ade, stack)
            for name in ("X-Request-ID", "X_Request_ID", "X-Request_ID", "X_Request-ID"):
                page = site.get(SIGN_IN, **{name: "chosen-by-a-client"})
                assert page.status_code == 200
                assert page.headers["X-Request-ID"] != "chosen-by-a-client", (made, name)


PLAIN = """server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{ade}; {more} }} }}
upstream kept {{ server {ade}; keepalive 4; }}"""
SETTINGS = {
    "default": "",
    "HTTP/1.1": "proxy_http_version 1.1;",
    "keep-alive": 'proxy_http_version 1.1; proxy_set_header Connection "";',
}
GUARDED = [
    ("GET", "/v1/keys/", None),
    ("POST", "/v1/keys/", {"name": "stranger", "limit_tag": "user_1"}),
    ("DELETE", "/v1/keys/0123456789ab", None),
    ("GET", "/v1/webhooks/", None),
    ("POST", "/v1/webhooks/", {"url": "https://198.51.100.7/"}),
    ("POST", "/v1/users/offboard", {"name": "user_1", "how": "tag", "apply": True}),
]


@pytest.mark.parametrize("more", SETTINGS.values(), ids=SETTINGS)
def test_the_open_api_behind_a_plain_nginx(
    more: str, serve: Callable[..., str], database_url: str, tmp_path: Path
) -> None:
    """A filter, not a lock: HTTP/1.0 is refused whole, HTTP/1.1 cannot be told from a local client."""
    ade, port = urlsplit(serve(API_OPEN="true")).netloc, free_port()
    with (
        nginx(tmp_path, PLAIN.format(port=port, ade=ade, more=more), port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as to_proxy,
    ):
        for method, path, body in GUARDED:
            refused = to_proxy.request(method, path, json=body)
            assert refused.status_code == 403, (method, path, refused.text)
        listed = to_proxy.get("/v1/agents/")
        metrics = to_proxy.get("/metrics")
    if more:
        assert listed.status_code == 200
    else:
        assert (listed.status_code, metrics.status_code) == (403, 403)
