"""All plans say first, and in the same way, which agents would have no owner and what ends for good."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.domain.keys import create_key
from agents.domain.members import change_member
from agents.domain.tags.edit import change_tags
from agents.models import ChangeSet, Scope
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent, make_user
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def _bulk(op: str, **form: str) -> Callable[[Client], Any]:
    def ask(client: Client) -> Any:
        client.post("/bulk/selection/", {"list": "/agents/?any=user_1", "act": "all"})
        return client.post(f"/bulk/new/?any=user_1&op={op}", form, follow=True)

    return ask


def _undo(client: Client) -> Any:
    number = ChangeSet.objects.order_by("id")[0].id
    return client.get(f"/history/{number}/undo/")


PLANS: dict[str, Callable[[Client], Any]] = {
    "bulk remove": _bulk("remove", remove="user_1"),
    "bulk replace": _bulk("replace", remove="user_1", add="former"),
    "delete": lambda client: client.get("/tags/delete/?name=user_1"),
    "merge": lambda client: client.get("/tags/merge/?name=user_1&other=vip"),
    "rename": lambda client: client.get("/tags/rename/?name=user_1&other=former"),
    "many": lambda client: client.get("/tags/many/?act=delete&tag=user_1"),
    "off-board": lambda client: client.get("/users/offboard/?name=user_1&how=tag"),
    "undo": _undo,
}


@pytest.mark.parametrize("plan", PLANS)
def test_plan_says_how_many_agents_would_have_no_owner(plan: str) -> None:
    make_agent(tags=["user_1", "vip"])
    if plan != "undo":
        make_agent(tags=["user_1", "user_2"])
    page = PLANS[plan](signed_in("manager"))
    assert page.status_code == 200
    of = 1 if plan == "undo" else 2
    assert soup(page).select("#plan-h + .plan-first")
    assert f"1 of {of} agent{'s' if of == 2 else ''} would have no owner." in text_at(
        page, ".plan-first"
    )
    assert soup(page).select(".plan dl.impact, .plan table")
    assert "agent" in text_at(page, "#apply")


@pytest.mark.parametrize(
    "plan",
    [
        _bulk("remove", remove="vip"),
        _bulk("replace", remove="user_1", add="user_3"),
        _bulk("move", add="user_3"),
        lambda client: client.get("/tags/rename/?name=user_1&other=user_3"),
        lambda client: client.get("/tags/delete/?name=vip"),
        lambda client: client.get("/users/offboard/?name=user_1&how=move&to=user_4"),
    ],
)
def test_plan_does_not_say_it_where_an_owner_stays(plan: Callable[[Client], Any]) -> None:
    make_agent(tags=["user_1", "vip"])
    make_agent(tags=["user_4"])
    page = plan(signed_in("manager"))
    assert page.status_code == 200
    assert "no owner" not in soup(page).select_one("main").get_text().replace(
        "without an owner", ""
    )


def test_plan_says_first_what_ends_for_good() -> None:
    make_agent(tags=["user_1"])
    create_key(name="phone", actor=ROOT, limit_tag="user_1")
    change_member(member_id=make_user("lena").pk, limit=["user_1"], actor=ROOT)
    client = signed_in("manager")
    for page in ("tags/delete/?name=user_1", "tags/many/?act=delete&tag=user_1"):
        said = text_at(client.get(f"/{page}"), ".plan-first")
        assert "1 API key limited to user_1 will be disabled." in said
        assert "1 member limited to user_1 will be disabled." in said
    merge = client.get("/tags/merge/?name=user_1&other=user_1")
    assert merge.status_code == 422
    make_agent(tags=["user_2"])
    said = text_at(client.get("/tags/merge/?name=user_1&other=user_2"), ".plan-first")
    assert "Only an admin may do this" in said
    page = client.get("/users/offboard/?name=user_1&how=agents")
    assert "1 agent will be deleted for good, with its memory." in text_at(page, ".plan-first")
    assert "no owner" not in text_at(page, ".plan-first")
    assert text_at(page, "#apply") == "Delete 1 agent for good"


def test_api_plans_say_it_too() -> None:
    token = make_token(scope=Scope.MANAGE)
    agent = make_agent(tags=["user_1"])
    make_agent(tags=["user_1", "user_2"])
    plan = call("POST", "/v1/tags/delete", {"name": "user_1"}, token=token).json()
    assert plan["ownerless"] == 1
    body = {"filter": {"tags": ["user_1"]}, "op": "remove", "remove": ["user_1"]}
    (row,) = call("POST", "/v1/bulk/", body, token=token).json()["tags"]
    assert (row["remove"], row["ownerless"]) == (2, 1)
    assert row["notices"] == ["1 agent without an owner"]
    # The plan is another one once an agent got another owner.
    change_tags(agent_id=agent.public_id, add=["user_3"], actor=ROOT)
    body = {"name": "user_1", "apply": True, "fingerprint": plan["fingerprint"]}
    assert call("POST", "/v1/tags/delete", body, token=token).status_code == 409
