"""GET, PUT and DELETE /v1/agents/{id}/shared, and a change of models by /v1/bulk/."""

import pytest

from agents.models import Agent, Change
from tests.api.bulk.planning import ask
from tests.api.calls import call, make_token
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db


def test_mark_is_set_read_and_removed() -> None:
    token = make_token(scope="manage")
    agent = make_agent(tags=["user_1"])
    path = f"/v1/agents/{agent.public_id}/shared"
    assert call("GET", path, token=token).json() == {"reason": None}
    assert call("PUT", path, {"reason": " "}, token=token).status_code == 422
    assert call("PUT", path, {"reason": "a team"}, token=token).json() == {"reason": "a team"}
    assert call("GET", path, token=token).json() == {"reason": "a team"}
    assert call("DELETE", path, token=token).json() == {"reason": None}
    news = Change.objects.filter(field="meant to be shared").values_list("new", flat=True)
    assert list(news.order_by("id")) == ["a team", None]


def test_models_are_changed_in_bulk() -> None:
    token = make_token(scope="manage")
    make_agent()
    body = {"filter": {}, "op": "model"}
    for wrong in ({}, {"model": "none"}, {"model": "a/b", "add": ["vip"]}):
        assert ask(token, "", body | wrong).status_code in (400, 422)
    assert ask(
        token, "", {"filter": {}, "op": "add", "add": ["x"], "model": "a/b"}
    ).status_code in (
        400,
        422,
    )
    plan = ask(token, "", body | {"model": "a/b"}).json()
    assert plan["op"] == "model"
    ask(token, f"{plan['id']}/apply", {})
    assert Agent.objects.get().model == "a/b"
    ask(token, f"{plan['id']}/undo", {})
    assert Agent.objects.get().model == "letta/letta-free"
