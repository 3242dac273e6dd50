"""GET /agents/<id>/tags/news/: what others changed while a page was open."""

import pytest
from django.test import Client

from ade.ops import noted_use
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.tags.edit import change_tags
from agents.models import Agent
from tests.helpers import ROOT, everything, make_agent, make_editor, tags_of
from tests.views.browsing import HX, chips_in, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

MARIA = make_editor("Maria")
BEN = make_editor("Ben")


def open_page(client: Client, agent: Agent) -> dict[str, str]:
    """What the page of this agent's settings sends along."""
    page = client.get(f"/agents/{agent.public_id}/settings/")
    (editor,) = soup(page).select("tag-editor")
    (tags,) = soup(page).select("#tag-list")
    assert editor["data-opened"] == tags["data-seen"]
    return {"opened": str(editor["data-opened"]), "seen": str(tags["data-seen"])}


def ask(client: Client, agent: Agent, shown: dict[str, str]) -> object:
    return client.get(f"/agents/{agent.public_id}/tags/news/", shown, headers=HX)


def change(agent: Agent, actor: object, *, add: str = "", remove: str = "") -> None:
    names = {"add": [add] if add else [], "remove": [remove] if remove else []}
    change_tags(agent_id=agent.public_id, actor=actor, **names)


def test_no_news_is_204() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    shown = open_page(client, agent)
    before = everything()
    response = ask(client, agent, shown)
    assert (response.status_code, response.content) == (204, b"")
    assert everything() == before


def test_an_edit_of_something_else_is_no_news_of_tags() -> None:
    agent, client = make_agent(name="Bob"), signed_in()
    shown = open_page(client, agent)
    update_agent(agent_id=agent.public_id, edit=AgentEdit(name="Rob"), actor=ROOT)
    assert ask(client, agent, shown).status_code == 204


def test_news_name_who_and_what_and_mark_the_new_tag() -> None:
    agent, client = make_agent(tags=["y", "z"]), signed_in()
    shown = open_page(client, agent)
    change(agent, MARIA, add="vip")
    change(agent, MARIA, remove="z")
    change(agent, BEN, remove="y")
    response = ask(client, agent, shown)
    assert response.status_code == 200
    assert text_at(response, "#tag-status") == (
        "Also changed by Maria: +vip −z. Also changed by Ben: −y."
    )
    assert text_at(response, "#tag-count") == "(1)"
    assert chips_in(response) == ["vip"]
    assert text_at(response, ".is-theirs .tag-theirs").startswith("new · Maria ")
    assert len(soup(response).select(".tag-theirs time[data-clock]")) == 1


def test_what_was_told_is_not_told_again_but_stays_marked() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    change(agent, MARIA, add="vip")
    (tags,) = soup(ask(client, agent, shown)).select("#tag-list")
    shown["seen"] = str(tags["data-seen"])
    assert ask(client, agent, shown).status_code == 204
    change(agent, BEN, add="z")
    response = ask(client, agent, shown)
    assert text_at(response, "#tag-status") == "Also changed by Ben: +z."
    assert len(soup(response).select(".is-theirs")) == 2


def test_what_came_and_went_meanwhile_is_no_news() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    change(agent, MARIA, add="vip")
    change(agent, BEN, remove="vip")
    response = ask(client, agent, shown)
    assert response.status_code == 200
    assert soup(response).select("#tag-status, .is-theirs") == []


def test_the_answer_to_an_own_change_tells_what_others_did_and_not_the_own() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    change(agent, MARIA, add="theirs")
    path = f"/agents/{agent.public_id}/tags/"
    response = client.post(path, {"tag": "mine", **shown}, headers=HX)
    assert text_at(response, "#tag-status") == (
        "Tag mine added. 2 tags. Also changed by Maria: +theirs."
    )
    assert [li.select_one("bdi").get_text() for li in soup(response).select(".is-theirs")] == [
        "theirs"
    ]


def test_the_same_persons_other_page_is_told_as_such_and_not_marked() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}, headers=HX)
    response = ask(client, agent, shown)
    assert text_at(response, "#tag-status") == "Also changed by you, on another page: +vip."
    assert soup(response).select(".is-theirs") == []


def test_many_changes_are_cut_short() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    names = [f"t{number}" for number in range(8)]
    change_tags(agent_id=agent.public_id, add=names, actor=MARIA)
    status = text_at(ask(client, agent, shown), "#tag-status")
    assert status == "Also changed by Maria: +t0 +t1 +t2 +t3 +t4 and 3 more."


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 40, "5-zz", "٣-000000000000"])
def test_a_marker_that_cannot_be_read_is_none(seen: str) -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    response = ask(client, agent, {"seen": seen, "opened": seen})
    assert response.status_code == 200
    assert chips_in(response) == ["a"]
    assert soup(response).select("#tag-status") == []


def test_news_leave_errors_notes_and_undo_of_the_page_alone() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    change(agent, MARIA, add="vip")
    response = ask(client, agent, shown)
    assert soup(response).select("#tag-error, #tag-notes, #tag-undo") == []
    assert "HX-Trigger" not in response.headers


def test_news_of_a_deleted_agent_say_who_deleted_it() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    delete_agent(agent_id=agent.public_id, actor=MARIA)
    response = ask(client, agent, shown)
    assert response.status_code == 404
    assert response["HX-Retarget"] == "#tags"
    assert text_at(response, ".message-error").startswith("This agent was deleted by Maria at ")


def test_news_for_a_viewer_are_403_and_a_list_to_read() -> None:
    agent = make_agent(tags=["a"])
    response = ask(signed_in("viewer"), agent, {})
    assert response.status_code == 403
    assert text_at(response, ".message-error").endswith("You can view but not edit tags.")
    assert chips_in(response, "ul") == ["a"]


def test_news_as_a_page_lead_to_the_settings() -> None:
    agent = make_agent()
    response = signed_in().get(f"/agents/{agent.public_id}/tags/news/")
    assert (response.status_code, response["Location"]) == (
        303,
        f"/agents/{agent.public_id}/settings/#tags",
    )


def test_news_by_post_are_405_and_without_signing_in_401() -> None:
    agent = make_agent()
    path = f"/agents/{agent.public_id}/tags/news/"
    assert signed_in().post(path).status_code == 405
    assert Client().get(path, headers=HX).status_code == 401
    assert tags_of(agent) == []


def test_asking_is_no_use_of_the_session() -> None:
    agent, client = make_agent(), signed_in()
    shown = open_page(client, agent)
    session = client.session
    session["used_at"] -= 600
    session.save()
    used = client.session["used_at"]
    client.get(f"/agents/{agent.public_id}/tags/news/", shown, headers=HX | {"ADE-Poll": "1"})
    noted_use.flush()
    assert client.session["used_at"] == used
    ask(client, agent, shown)
    noted_use.flush()
    assert client.session["used_at"] > used
