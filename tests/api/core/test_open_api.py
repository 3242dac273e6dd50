"""The API without a key (API_OPEN): for this machine alone."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from agents.models import ApiKey, ChangeSet
from tests.api.calls import SEED, call, make_token
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/agents/"


@pytest.fixture(autouse=True)
def opened(settings: Settings) -> None:
    settings.API_OPEN = True


def ask(
    method: str = "GET", body: object = None, *, token: str = "", host: str = "127.0.0.1:8283",
    **headers: str,
) -> HttpResponse:  # fmt: skip
    return call(method, URL, body, token=token, Host=host, **headers)


def test_it_answers_without_a_key() -> None:
    assert ask("POST", SEED | {"tags": ["user_1"]}).json()["tags"] == ["user_1"]
    assert [row.actor_name for row in ChangeSet.objects.all()] == ["open API"]


def test_a_key_it_does_not_know_is_ignored() -> None:
    assert ask(token="any-token").status_code == 200


def test_a_key_it_knows_keeps_its_limits() -> None:
    own, _ = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    token = make_token(limit_tag="user_1", scope="read")
    assert [agent["id"] for agent in ask(token=token).json()] == [own.public_id]
    assert ask("POST", SEED, token=token).status_code == 403
    ApiKey.objects.update(disabled_at=timezone.now())
    assert ask(token=token).status_code == 401


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8283"])
def test_a_loopback_host_is_answered(host: str) -> None:
    assert ask(host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.0.1",
        "",
        "[",
        "@",
    ],
)
def test_another_host_is_refused(host: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert ask(host=host).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://localhost:3000", "http://127.0.0.1", "file://", ""],
)
def test_a_foreign_origin_is_refused(origin: str) -> None:
    assert ask(Origin=origin).status_code == 403
    assert ask("POST", SEED, Origin=origin).status_code == 403


def test_its_own_origin_is_answered() -> None:
    assert ask(Origin="http://127.0.0.1:8283").status_code == 200


def test_a_page_of_another_site_is_refused() -> None:
    assert ask(Sec_Fetch_Site="cross-site").status_code == 403
    assert ask(Sec_Fetch_Site="same-site").status_code == 403
    assert ask(Sec_Fetch_Site="none").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"],
)
def test_a_forwarded_request_is_refused(name: str) -> None:
    assert ask(**{name: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("version", ["HTTP/1", "HTTP/1.0"])
def test_http_1_0_is_refused(version: str) -> None:
    client = Client(SERVER_PROTOCOL=version, headers={"Host": "127.0.0.1"})
    assert client.get(URL).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/members/", None),
        ("GET", "/v1/keys/", None),
        ("POST", "/v1/keys/", {"name": "mine", "limit_tag": "user_1"}),
        ("DELETE", "/v1/keys/0123456789ab", None),
        ("GET", "/v1/webhooks/", None),
        ("POST", "/v1/webhooks/", {"url": "https://example.org/"}),
        ("GET", "/v1/webhooks/wh_1", None),
        ("PATCH", "/v1/webhooks/wh_1", {"enabled": False}),
        ("DELETE", "/v1/webhooks/wh_1", None),
        ("POST", "/v1/webhooks/wh_1/rotate", None),
        ("POST", "/v1/webhooks/wh_1/ping", None),
        ("GET", "/v1/webhooks/wh_1/deliveries", None),
        ("POST", "/v1/users/offboard", {"name": "user_1", "how": "tag"}),
        ("POST", "/v1/users/offboard", {"name": "user_1", "how": "agents", "apply": True}),
        ("POST", "/v1/tags/delete", {"name": "user_1", "apply": True}),
    ],
)
def test_what_would_do_most_harm_needs_a_key(method: str, path: str, body: object) -> None:
    make_agent(tags=["user_1"])
    make_token(limit_tag="user_1")
    refused = call(method, path, body, token="", Host="127.0.0.1:8283")
    assert refused.status_code == 403
    assert "sign in to the pages, or use an API key" in refused.json()["detail"]
    assert ApiKey.objects.filter(disabled_at=None).count() == 1
    token = make_token(scope="manage")
    assert call(method, path, body, token=token, Host="127.0.0.1:8283").status_code in (200, 404)


@pytest.mark.parametrize("address", ["10.0.0.1", "", "unix", "2001:db8::1"])
def test_another_machine_is_refused(address: str) -> None:
    client = Client(REMOTE_ADDR=address, headers={"Host": "127.0.0.1"})
    assert client.get(URL).status_code == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_answered(address: str) -> None:
    assert Client(REMOTE_ADDR=address, headers={"Host": "[::1]"}).get(URL).status_code == 200


def test_the_guards_stand_before_every_route() -> None:
    for path in ("/v1/health/", "/v1/openapi.json", "/v1/nonexistent"):
        assert call("GET", path, token="", Host="evil.example").status_code == 403
