"""/v1/keys/: short-lived keys, each for one user of an application."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.utils import timezone

from agents.models import ApiKey, ChangeSet
from tests.api.calls import call, make_token, wheres
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/keys/"
PHONE = {"name": "phone of Ann", "limit_tag": "user_1"}


@pytest.fixture
def manage() -> str:
    """The key of the application itself."""
    return make_token(scope="manage")


def make(manage: str, **fields: object) -> HttpResponse:
    return call("POST", URL, PHONE | fields, token=manage)


def test_made_key_holds_one_user(manage: str) -> None:
    own, _ = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    answer = make(manage).json()
    found = call("GET", "/v1/agents/", token=answer["token"]).json()
    assert [agent["id"] for agent in found] == [own.public_id]


def test_answer_says_what_the_key_may_and_its_token_once(manage: str) -> None:
    before = timezone.now()
    answer = make(manage, scope="read", may_tag=["note:*"], expires_in=60)
    after = timezone.now()
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    row = ApiKey.objects.get(key_id=made["id"])
    assert made.pop("token").startswith(f"ade_{row.key_id}_")
    assert {name: made[name] for name in ("name", "scope", "limit_tag", "may_tag", "is_good")} == {
        "name": "phone of Ann",
        "scope": "read",
        "limit_tag": "user_1",
        "may_tag": ["note:*"],
        "is_good": True,
    }
    minute = timedelta(seconds=60)
    assert before + minute <= row.expires_at <= after + minute
    assert call("GET", URL, token=manage).json() == [made]


def test_making_is_recorded_as_the_key_that_did_it(manage: str) -> None:
    make(manage)
    assert ChangeSet.objects.latest("id").actor_name == "API key “app”"
    assert ApiKey.objects.latest("id").created_by == "API key “app”"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": ""}, ["body", "name"]),
        ({"limit_tag": ""}, ["body", "limit_tag"]),
        ({"limit_tag": None}, ["body", "limit_tag"]),
        ({"scope": "manage"}, ["body", "scope"]),
        ({"may_tag": [""]}, ["body", "may_tag"]),
        ({"expires_in": 0}, ["body", "expires_in"]),
        ({"expires_in": 10**10}, ["body", "expires_in"]),
    ],
)
def test_bad_input_makes_no_key(manage: str, fields: dict[str, object], where: list[str]) -> None:
    assert wheres(make(manage, **fields)) == [where]
    assert ApiKey.objects.count() == 1


def test_long_life_is_refused(manage: str) -> None:
    answer = make(manage, expires_in=86_401)
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "detail": "Without admin rights a key must expire within 86,400 seconds.",
            "code": "forbidden",
        },
    )


@pytest.mark.parametrize("fields", [{"scope": "read"}, {"scope": "write"}, {"limit_tag": "user_1"}])
def test_without_manage_scope_there_is_nothing_to_do_here(fields: dict[str, str]) -> None:
    token = make_token(**fields)
    key_id = ApiKey.objects.get().key_id
    assert call("GET", URL, token=token).status_code == 403
    assert call("POST", URL, PHONE, token=token).status_code == 403
    assert call("DELETE", f"{URL}{key_id}", token=token).status_code == 403
    assert ApiKey.objects.filter(disabled_at=None).count() == 1


def test_disabled_key_is_out_at_once(manage: str) -> None:
    made = make(manage).json()
    answer = call("DELETE", f"{URL}{made['id']}", token=manage)
    assert (answer.status_code, answer.json()["is_good"]) == (200, False)
    assert call("GET", "/v1/agents/", token=made["token"]).status_code == 401
    assert call("DELETE", f"{URL}{made['id']}", token=manage).status_code == 200


def test_other_keys_do_not_exist_here(manage: str) -> None:
    make_token(name="limited, without an end", limit_tag="user_1")
    for key in ApiKey.objects.all():
        unknown = call("DELETE", f"{URL}000000000000", token=manage)
        answer = call("DELETE", f"{URL}{key.key_id}", token=manage)
        assert (answer.status_code, answer.json()) == (404, unknown.json())
    assert call("GET", URL, token=manage).json() == []


def test_list_pages_and_filters(manage: str) -> None:
    first, second, third = (make(manage, limit_tag=tag).json()["id"] for tag in ("a", "b", "a"))

    def listed(query: str) -> list[str]:
        return [key["id"] for key in call("GET", f"{URL}?{query}", token=manage).json()]

    assert listed("") == [third, second, first]
    assert listed("limit=1") == [third]
    assert listed(f"limit=1&after={third}") == [second]
    assert listed(f"after={first}") == []
    assert listed("limit_tag=a") == [third, first]
    assert call("GET", f"{URL}?after=000000000000", token=manage).status_code == 400
