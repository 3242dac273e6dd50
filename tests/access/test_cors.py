"""Which pages on other origins may call the API: those that CORS_ALLOWED_ORIGINS lists."""

import os
import subprocess
import sys

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from tests.api.calls import SEED, call, make_token
from tests.helpers import make_agent

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part
URL = "/v1/agents/"
LISTED, UNLISTED = "https://app.example", "https://evil.example"


@pytest.fixture
def listed(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [LISTED]


def cors_of(response: HttpResponse) -> dict[str, str]:
    """The headers that say something to a browser of another origin."""
    return {
        name: value
        for name, value in response.headers.items()
        if name.lower().startswith("access-control-")
    }


def preflight(origin: str, url: str = URL, **headers: str) -> HttpResponse:
    asked = {"Access_Control_Request_Method": "PATCH", "Origin": origin} | headers
    return call("OPTIONS", url, token="", **asked)


@pytest.mark.parametrize("origin", [LISTED, UNLISTED, "null"])
def test_without_a_list_no_origin_may(origin: str) -> None:
    assert cors_of(call("GET", URL, Origin=origin)) == {}
    assert cors_of(preflight(origin)) == {}


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    "origin", [UNLISTED, "null", "https://app.example.evil.example", "http://app.example", ""]
)
def test_an_unlisted_origin_may_not(origin: str) -> None:
    assert cors_of(call("GET", URL, Origin=origin)) == {}
    assert cors_of(preflight(origin)) == {}


@pytest.mark.usefixtures("listed")
def test_a_listed_origin_may_read_the_answer_and_its_etag() -> None:
    answer = call("GET", URL, Origin=LISTED)
    assert answer.status_code == 200
    assert cors_of(answer) == {
        "access-control-allow-origin": LISTED,
        "access-control-expose-headers": (
            "ETag, Retry-After, X-ADE-Crossing, X-ADE-Second-Owner, X-RateLimit-Limit,"
            " X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-ID"
        ),
    }
    assert answer.headers["Vary"] == "origin, Accept-Encoding"


@pytest.mark.usefixtures("listed")
def test_a_refusal_can_be_read_as_well() -> None:
    for answer, status in (
        (call("GET", URL, token="", Origin=LISTED), 401),
        (call("GET", "/v1/nonexistent", token="", Origin=LISTED), 404),
        (call("POST", URL, b"{", Origin=LISTED), 422),
    ):
        assert (answer.status_code, cors_of(answer)["access-control-allow-origin"]) == (
            status,
            LISTED,
        )


@pytest.mark.usefixtures("listed")
def test_a_preflight_names_what_clients_send() -> None:
    answer = preflight(LISTED, Access_Control_Request_Headers="authorization,if-match")
    said = cors_of(answer)
    assert (answer.status_code, answer.content) == (200, b"")
    assert said["access-control-allow-methods"] == "GET, POST, PATCH, DELETE"
    allowed = set(said["access-control-allow-headers"].split(", "))
    assert {"authorization", "content-type", "if-match", "x-stainless-lang"} - allowed == set()
    assert "access-control-allow-credentials" not in said


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("url", ["/agents/", "/accounts/login/", "/", "/v1"])
def test_nothing_but_the_api_is_for_other_origins(url: str) -> None:
    assert cors_of(call("GET", url, token="", Origin=LISTED)) == {}
    assert cors_of(preflight(LISTED, url)) == {}


@pytest.mark.usefixtures("listed")
def test_an_open_api_wants_a_key_from_a_listed_origin(settings: Settings) -> None:
    settings.API_OPEN = True
    own, _ = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    here = {"Host": "127.0.0.1:8283", "Origin": LISTED, "Sec_Fetch_Site": "cross-site"}
    assert call("GET", URL, token="", **here).status_code == 401
    assert call("POST", URL, SEED, token="any-token", **here).status_code == 401
    answer = call("GET", URL, token=make_token(limit_tag="user_1"), **here)
    assert [agent["id"] for agent in answer.json()] == [own.public_id]


@pytest.mark.usefixtures("listed")
def test_an_open_api_refuses_an_unlisted_origin_whatever_its_key(settings: Settings) -> None:
    settings.API_OPEN = True
    answer = call("GET", URL, Host="127.0.0.1:8283", Origin=UNLISTED)
    assert (answer.status_code, cors_of(answer)) == (403, {})


@pytest.mark.parametrize(
    "origins",
    ["*", "app.example", "https://app.example/", "https://APP.example", "http://", "null"],
)
def test_a_list_that_no_browser_could_match_stops_the_start(origins: str) -> None:
    environment = os.environ | {"CORS_ALLOWED_ORIGINS": origins, "SECRET_KEY": "x"}
    command = [sys.executable, "-c", "import ade.settings"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        f"django.core.exceptions.ImproperlyConfigured: CORS_ALLOWED_ORIGINS: {origins!r} is not "
        "like https://app.example.org or http://localhost:3000."
    )
