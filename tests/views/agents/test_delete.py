"""GET and POST /agents/<id>/delete/, and what stands in the place of a deleted agent."""

import pytest
from django.test import Client

from agents.domain.memory.new import NewBlock
from agents.models import Agent, Block, ChangeSet
from tests.helpers import drift, everything, make_agent
from tests.views.browsing import chips_in, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def url_of(agent: Agent) -> str:
    return f"/agents/{agent.public_id}/delete/"


def test_it_works() -> None:
    agent = make_agent(name="Nova", tags=["user_1", "vip"], blocks=[NewBlock("human", "Tea")])
    client = signed_in()
    page = client.get(url_of(agent))
    assert page.status_code == 200
    assert chips_in(page, ".field") == ["user_1", "vip"]
    assert "You can restore it from the trash for 30 days." in text_at(page, ".message-warning")
    response = client.post(url_of(agent), {"name": "Nova", "reason": "Asked for."})
    assert response.status_code == 303
    assert response["Location"] == f"/agents/{agent.public_id}/"
    assert (Agent.objects.count(), Block.objects.count()) == (0, 0)
    change_set = ChangeSet.objects.latest("id")
    assert (change_set.act, change_set.actor_name, change_set.reason) == (
        "delete",
        "editor",
        "Asked for.",
    )
    assert drift() == []


def test_a_tombstone_stands_in_its_place() -> None:
    agent = make_agent(name="Nova", tags=["user_1", "a/b?c#d"])
    client = signed_in()
    client.post(url_of(agent), {"name": "Nova"})
    for path in ("", "settings/", "delete/", "file/"):
        page = client.get(f"/agents/{agent.public_id}/{path}")
        assert page.status_code == 404
        assert text_at(page, "h1") == "Nova"
        assert text_at(page, ".message").startswith("This agent was deleted by editor at ")
        assert chips_in(page, "main") == ["user_1", "a/b?c#d"] or chips_in(page, "main") == [
            "a/b?c#d",
            "user_1",
        ]


@pytest.mark.parametrize(
    "proof",
    ["Nova  Support", " Nova Support ", "{id}", "No\u0301va Support"],
    ids=["spaces", "ends", "id", "composed"],
)
def test_white_space_and_the_form_of_accents_do_not_count(proof: str) -> None:
    name = "N\u00f3va Support" if "\u0301" in proof else "Nova  \n Support"
    agent = make_agent(name=name)
    response = signed_in().post(url_of(agent), {"name": proof.format(id=agent.public_id)})
    assert response.status_code == 303
    assert Agent.objects.count() == 0


@pytest.mark.parametrize("typed", ["", "nova", "Nova2", "*"])
def test_another_name_deletes_nothing(typed: str) -> None:
    agent = make_agent(name="Nova")
    client = signed_in()
    before = everything()
    response = client.post(url_of(agent), {"name": typed, "reason": "Asked for."})
    assert response.status_code == 422
    page = soup(response)
    assert page.select_one("#id_name_error").get_text().strip()
    assert page.select_one("[name=name]").get("value", "") == typed
    assert page.select_one("[name=reason]")["value"] == "Asked for."
    assert everything() == before


def test_a_reason_too_long_deletes_nothing() -> None:
    agent = make_agent(name="Nova")
    response = signed_in().post(url_of(agent), {"name": "Nova", "reason": "x" * 1001})
    assert response.status_code == 422
    assert Agent.objects.count() == 1


def test_a_viewer_may_not() -> None:
    agent = make_agent(name="Nova")
    client = signed_in("viewer")
    before = everything()
    assert client.get(url_of(agent)).status_code == 403
    assert client.post(url_of(agent), {"name": "Nova"}).status_code == 403
    assert everything() == before
    page = soup(client.get(f"/agents/{agent.public_id}/"))
    assert [link.get_text() for link in page.select(".agent-head .actions a")] == ["Export .af"]


def test_deleted_twice_is_404() -> None:
    agent = make_agent(name="Nova")
    client = signed_in()
    answers = [client.post(url_of(agent), {"name": "Nova"}).status_code for _ in range(2)]
    assert answers == [303, 404]


def test_an_unknown_agent_is_404() -> None:
    assert signed_in().post("/agents/agent-0/delete/", {"name": "x"}).status_code == 404


def test_nobody_is_sent_to_sign_in() -> None:
    agent = make_agent(name="Nova")
    assert Client().post(url_of(agent), {"name": "Nova"}).status_code == 303
    assert Agent.objects.count() == 1


def test_other_methods_are_refused() -> None:
    assert signed_in().delete(url_of(make_agent())).status_code == 405
