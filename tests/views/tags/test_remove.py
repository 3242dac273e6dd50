"""POST /agents/<id>/tags/remove/ and .../undo/."""

import pytest

from agents.domain.agents.write import delete_agent
from agents.domain.tags.edit import change_tags
from agents.models import ChangeSet
from tests.helpers import ROOT, everything, make_agent, tags_of
from tests.views.browsing import HX, chips_in, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    agent = make_agent(tags=["a", "b", "c"])
    path = f"/agents/{agent.public_id}/tags/remove/"
    response = signed_in().post(path, {"tag": "b"}, headers=HX)
    assert response.status_code == 200
    assert chips_in(response) == ["a", "c"]
    assert text_at(response, "#tag-status") == "Tag b removed. 2 tags. Undo available."
    assert text_at(response, "#tag-undo button") == "Undo removing b"
    assert tags_of(agent) == ["a", "c"]


@pytest.mark.parametrize(("removed", "focused"), [("a", ["b"]), ("b", ["c"]), ("c", ["b"])])
def test_remove_hands_the_focus_to_the_next_tag_or_else_the_previous(
    removed: str, focused: list[str]
) -> None:
    agent = make_agent(tags=["a", "b", "c"])
    path = f"/agents/{agent.public_id}/tags/remove/"
    response = signed_in().post(path, {"tag": removed}, headers=HX)
    assert [button["value"] for button in soup(response).select("[data-focus]")] == focused


def test_remove_of_the_last_tag_leaves_the_focus_to_the_field() -> None:
    agent = make_agent(tags=["a"])
    path = f"/agents/{agent.public_id}/tags/remove/"
    response = signed_in().post(path, {"tag": "a"}, headers=HX)
    assert soup(response).select("[data-focus]") == []


def test_remove_without_htmx_leads_back() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/remove/", {"tag": "a"})
    undo = f"undo={ChangeSet.objects.latest('id').pk}"
    page = f"/agents/{agent.public_id}/settings/?{undo}"
    assert (response.status_code, response["Location"]) == (303, f"{page}#tags")
    assert tags_of(agent) == []
    assert text_at(client.get(page), "#tag-undo button") == "Undo removing a"


def test_the_address_offers_to_undo_only_changes_of_this_agent() -> None:
    agent, other, client = make_agent(), make_agent(), signed_in()
    change_tags(agent_id=other.public_id, add=["b"], actor=ROOT)
    page = f"/agents/{agent.public_id}/settings/?undo={ChangeSet.objects.latest('id').pk}"
    assert soup(client.get(page)).select("#tag-undo button") == []
    assert client.get(f"/agents/{agent.public_id}/settings/?undo=x").status_code == 400


def test_remove_repeated_succeeds_and_records_nothing() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    path = f"/agents/{agent.public_id}/tags/remove/"
    client.post(path, {"tag": "a"}, headers=HX)
    before = everything()
    response = client.post(path, {"tag": "a"}, headers=HX)
    assert response.status_code == 200
    assert text_at(response, "#tag-status") == "a was no longer on this agent."
    assert everything() == before


def test_remove_of_a_tag_with_a_line_break_survives_what_a_form_makes_of_it() -> None:
    agent, client = make_agent(tags=["a\nb"]), signed_in()
    client.post(f"/agents/{agent.public_id}/tags/remove/", {"tag": "a\r\nb"}, headers=HX)
    assert tags_of(agent) == []


def test_remove_of_nothing_is_422() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/remove/", {}, headers=HX)
    assert response.status_code == 422
    assert tags_of(agent) == ["a"]


def test_remove_of_a_protected_tag_is_403_for_an_editor_and_keeps_the_editor() -> None:
    agent = make_agent(tags=["origin:x"])
    path = f"/agents/{agent.public_id}/tags/remove/"
    response = signed_in("editor").post(path, {"tag": "origin:x"}, headers=HX)
    assert response.status_code == 403
    assert text_at(response, "#tag-error") == (
        "origin:x is protected: only a manager may remove it."
    )
    assert chips_in(response) == ["origin:x"]
    assert "HX-Retarget" not in response.headers


def test_remove_by_a_viewer_is_403() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("viewer")
    path = f"/agents/{agent.public_id}/tags/remove/"
    assert client.post(path, {"tag": "a"}).status_code == 403
    assert client.post(path, {"tag": "a"}, headers=HX).status_code == 403
    assert tags_of(agent) == ["a"]


def test_remove_from_a_deleted_agent_says_who_deleted_it() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    response = client.post(f"/agents/{agent.public_id}/tags/remove/", {"tag": "a"}, headers=HX)
    assert response.status_code == 404
    assert text_at(response, ".message-error").startswith("This agent was deleted by test at ")
    assert response["HX-Retarget"] == "#tags"


def test_remove_by_get_is_405() -> None:
    agent = make_agent()
    assert signed_in().get(f"/agents/{agent.public_id}/tags/remove/").status_code == 405


def test_undo_takes_the_change_back_and_offers_to_redo() -> None:
    agent, client = make_agent(tags=["a", "b"]), signed_in()
    removed = client.post(f"/agents/{agent.public_id}/tags/remove/", {"tag": "a"}, headers=HX)
    (field,) = soup(removed).select("#tag-undo [name=change_set]")
    data = {"change_set": field["value"]}
    response = client.post(f"/agents/{agent.public_id}/tags/undo/", data, headers=HX)
    assert response.status_code == 200
    assert text_at(response, "#tag-status") == "Undone: a added again."
    assert text_at(response, "#tag-undo button") == "Redo what was undone"
    assert tags_of(agent) == ["a", "b"]


def test_undo_leaves_alone_what_has_changed_since_and_says_so() -> None:
    agent, client = make_agent(), signed_in()
    path = f"/agents/{agent.public_id}/tags/"
    client.post(path, {"tag": "vip"}, headers=HX)
    added = ChangeSet.objects.latest("id").id
    client.post(f"{path}remove/", {"tag": "vip"}, headers=HX)
    before = everything()
    response = client.post(f"{path}undo/", {"change_set": added}, headers=HX)
    assert response.status_code == 200
    assert text_at(response, "#tag-status").startswith("Editor removed vip at ")
    assert everything() == before


@pytest.mark.parametrize("number", ["", "x", "-1", "999", "9" * 30, "٣"])
def test_undo_of_no_such_change_is_404(number: str) -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    data = {"change_set": number}
    response = client.post(f"/agents/{agent.public_id}/tags/undo/", data)
    assert response.status_code == 404


def test_undo_of_another_agents_change_is_404() -> None:
    client, other = signed_in(), make_agent()
    client.post(f"/agents/{other.public_id}/tags/", {"tag": "vip"})
    data = {"change_set": ChangeSet.objects.latest("id").id}
    path = f"/agents/{make_agent().public_id}/tags/undo/"
    assert client.post(path, data).status_code == 404
    assert tags_of(other) == ["vip"]


def test_undo_by_a_viewer_is_403() -> None:
    agent = make_agent(tags=["a"])
    data = {"change_set": ChangeSet.objects.latest("id").id}
    path = f"/agents/{agent.public_id}/tags/undo/"
    assert signed_in("viewer").post(path, data).status_code == 403
