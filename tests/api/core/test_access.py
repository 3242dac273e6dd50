"""Who is let in to the API, by which key, and what each scope may do."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from ade.ops import noted_use
from agents.models import Agent, ApiKey
from tests.access.asking import operations
from tests.api.calls import SEED, call, make_token

pytestmark = pytest.mark.django_db
URL = "/v1/agents/"


def test_no_key_is_401() -> None:
    response = call("GET", URL, token="")
    assert (response.status_code, response.json()) == (
        401,
        {"detail": "Unauthorized", "code": "unauthorized"},
    )
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer", "Bearer ade_000000000000_x", "Basic YTpi", "x", "Bearer \x00", "é"],
)
def test_a_wrong_key_gets_the_same_401(header: str) -> None:
    response = call("GET", URL, token="", Authorization=header)
    assert (response.status_code, response.json()) == (
        401,
        {"detail": "Unauthorized", "code": "unauthorized"},
    )


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_the_word_is_matched_in_any_case(word: str) -> None:
    response = call("GET", URL, token="", Authorization=f"{word} {make_token()}")
    assert response.status_code == 200


@pytest.mark.parametrize("url", ["/v1/agents/", "/v1/agents", "/v1/tags/", "/v1/agents/count"])
def test_every_collection_asks_for_a_key(url: str) -> None:
    assert call("GET", url, token="").status_code == 401


def test_a_disabled_or_expired_key_is_401() -> None:
    disabled = make_token(name="disabled")
    ApiKey.objects.filter(name="disabled").update(disabled_at=timezone.now())
    expired = make_token(expires_at=timezone.now() + timedelta(hours=1))
    ApiKey.objects.exclude(expires_at=None).update(expires_at=timezone.now())
    assert call("GET", URL, token=disabled).status_code == 401
    assert call("GET", URL, token=expired).status_code == 401


def test_use_of_a_key_is_noted() -> None:
    token = make_token()
    call("GET", URL, token=token)
    assert ApiKey.objects.get().last_used_at is None  # no answer waits for it
    noted_use.flush()
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("write", 200), ("manage", 200)])
def test_writing_takes_a_scope_that_may_write(scope: str, status: int) -> None:
    token = make_token(scope=scope)
    assert call("GET", URL, token=token).status_code == 200
    assert call("POST", URL, SEED, token=token).status_code == status
    assert Agent.objects.count() == (status == 200)


def test_a_read_key_learns_that_before_its_body_is_read() -> None:
    assert call("POST", URL, b"{", token=make_token(scope="read")).status_code == 403


def test_an_unknown_address_is_404_in_json() -> None:
    for path in ("/v1/nonexistent", "/v1/", "/v1/agents/x/y/z"):
        response = call("GET", path, token="")
        assert (response.status_code, response.json()) == (
            404,
            {"detail": "Not Found", "code": "not_found"},
        )


def test_an_answer_starts_no_session() -> None:
    assert dict(call("GET", URL).cookies) == {}


def test_an_unknown_host_is_400() -> None:
    assert call("GET", URL, Host="evil.example").status_code == 400


def test_the_description_names_every_route_that_does_something() -> None:
    paths = call("GET", "/v1/openapi.json", token="").json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route))
        for method, route in operations()
        if not re.search(
            "<(unkept|act_on)|/docs(/<group>)?$|/context$|/v1/(git|metadata|organizations)/", route
        )
    }
