"""POST /agents/<id>/tags/: adding what was typed."""

import pytest
from django.test import Client

from agents.models import Change, ChangeSet
from tests.helpers import everything, make_agent, make_user, tags_of
from tests.views.browsing import HX, chips_in, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    agent = make_agent(tags=["user_1"])
    response = signed_in().post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}, headers=HX)
    assert response.status_code == 200
    assert chips_in(response) == ["user_1", "vip"]
    assert text_at(response, "#tag-status") == "Tag vip added. 2 tags."
    assert text_at(response, "#tag-count") == "(2)"
    assert tags_of(agent) == ["user_1", "vip"]


def test_add_without_htmx_leads_back_to_the_page_which_says_so_once() -> None:
    agent, client = make_agent(), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"})
    assert response.status_code == 303
    path = f"/agents/{agent.public_id}/settings/?undo={ChangeSet.objects.latest('id').pk}"
    assert response["Location"] == f"{path}#tags"
    page = client.get(path)
    assert text_at(page, "#tags .message-success") == "Tag vip added. 1 tag."
    assert text_at(page, "#tag-undo button") == "Undo adding vip"
    again = client.get(f"/agents/{agent.public_id}/settings/")
    assert soup(again).select("#tags .message-success") == []


def test_add_of_an_illegal_tag_is_422_keeps_the_text_and_changes_nothing() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    before = everything()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "x" * 513}, headers=HX)
    assert response.status_code == 422
    assert text_at(response, "#tag-error") == "Tag is 513 characters; the limit is 512."
    (edit,) = soup(response).select("[data-edit]")
    assert edit["data-edit"] == "x" * 513
    assert everything() == before


def test_add_of_an_illegal_tag_without_htmx_is_422_and_the_text_stands_in_the_field() -> None:
    agent, client = make_agent(), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "a\x07b"})
    assert response.status_code == 422
    assert is_page(response)
    (field,) = soup(response).select("#tag-input")
    assert field["value"] == "a\x07b"
    assert field["aria-invalid"] == "true"
    assert text_at(response, "#tag-error") == "Tag “a⟨U+0007⟩b” contains a control character."
    assert tags_of(agent) == []


def test_add_of_nothing_is_422() -> None:
    agent, client = make_agent(), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": " , "}, headers=HX)
    assert response.status_code == 422
    assert text_at(response, "#tag-error") == "Type a tag first."


def test_add_of_several_is_one_change_set_and_refuses_only_the_bad_one() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    text = 'a, b\n"c, d"\t' + "x" * 600
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": text}, headers=HX)
    assert response.status_code == 200
    assert (
        text_at(response, "#tag-status")
        == "2 tags added, 1 already there, 1 refused: too long. 3 tags."
    )
    assert tags_of(agent) == ["a", "b", "c, d"]
    assert list(Change.objects.filter(tag__in=["b", "c, d"]).values_list("tag", flat=True)) == [
        "b",
        "c, d",
    ]
    assert Change.objects.filter(tag__in=["b", "c, d"]).values("change_set").distinct().count() == 1


def test_add_of_more_than_a_paste_may_hold_adds_none() -> None:
    agent, client = make_agent(), signed_in()
    text = ",".join(f"t{number}" for number in range(101))
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": text}, headers=HX)
    assert response.status_code == 422
    assert text_at(response, "#tag-error") == "You typed 101 tags; add at most 100 at once."
    assert tags_of(agent) == []


def test_add_of_a_chosen_suggestion_takes_its_text_as_it_is() -> None:
    agent, client = make_agent(), signed_in()
    client.post(f"/agents/{agent.public_id}/tags/", {"exact": "a,  b\r\nc"}, headers=HX)
    assert tags_of(agent) == ["a,  b\nc"]


def test_add_says_when_tidying_changed_the_text() -> None:
    agent, client = make_agent(), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "a   b"}, headers=HX)
    assert text_at(response, "#tag-status") == "Tag a b added. It was tidied to “a b”. 1 tag."


def test_add_repeated_succeeds_says_so_and_records_nothing() -> None:
    agent, client = make_agent(tags=["vip"]), signed_in()
    before = everything()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}, headers=HX)
    assert response.status_code == 200
    assert text_at(response, "#tag-status") == "vip is already on this agent."
    assert [li["class"] for li in soup(response).select("#tag-list li")] == [
        ["tag-item", "is-there"]
    ]
    assert everything() == before


def test_add_is_recorded_with_who_and_where_from() -> None:
    agent, client = make_agent(), signed_in()
    client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}, headers=HX)
    last = ChangeSet.objects.latest("id")
    assert (last.act, last.actor_name, last.source) == ("tags", "editor", "page")


def test_add_of_a_lookalike_offers_the_other_and_takes_it_in_one_change_set() -> None:
    make_agent(tags=["user_1"])
    agent, client = make_agent(), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "User 1"}, headers=HX)
    assert text_at(response, "#tag-notes form") == (
        "User 1 looks like user_1 (1 agent). Use user_1 instead"
    )
    data = {"exact": "user_1", "instead_of": "User 1"}
    response = client.post(f"/agents/{agent.public_id}/tags/", data, headers=HX)
    assert text_at(response, "#tag-status") == "User 1 replaced by user_1. 1 tag."
    assert tags_of(agent) == ["user_1"]


def test_add_of_unseen_characters_warns_and_shows_them_as_marks() -> None:
    agent, client = make_agent(), signed_in()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vi\u200bp"}, headers=HX)
    assert chips_in(response) == ["vi⟨U+200B⟩p"]
    assert text_at(response, "#tag-notes") == "vi⟨U+200B⟩p contains invisible characters."


def test_add_of_a_protected_tag_needs_a_manager() -> None:
    agent = make_agent()
    path = f"/agents/{agent.public_id}/tags/"
    response = signed_in("editor").post(path, {"tag": "origin:x"}, headers=HX)
    assert response.status_code == 422
    assert text_at(response, "#tag-error") == "origin:x is protected: only a manager may add it."
    assert signed_in("manager").post(path, {"tag": "origin:x"}, headers=HX).status_code == 200
    assert tags_of(agent) == ["origin:x"]


def test_add_by_a_viewer_is_403_and_leaves_a_list_to_read() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("viewer")
    before = everything()
    response = client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}, headers=HX)
    assert response.status_code == 403
    assert response["HX-Retarget"] == "#tags"
    assert chips_in(response) == ["a"]
    assert soup(response).select("button") == []
    assert client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}).status_code == 403
    assert everything() == before


def test_add_without_signing_in_leads_to_the_sign_in() -> None:
    agent = make_agent()
    response = Client().post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"})
    assert response.status_code in (302, 303)
    assert response["Location"].startswith("/accounts/login/")
    assert tags_of(agent) == []


def test_add_to_an_unknown_agent_is_404() -> None:
    client = signed_in()
    assert client.post("/agents/agent-0/tags/", {"tag": "vip"}).status_code == 404
    response = client.post("/agents/agent-0/tags/", {"tag": "vip"}, headers=HX)
    assert response.status_code == 404
    assert text_at(response, ".message-error") == (
        "This agent does not exist, or you cannot access it."
    )


def test_add_by_get_is_405() -> None:
    agent = make_agent()
    assert signed_in().get(f"/agents/{agent.public_id}/tags/").status_code == 405


def test_add_without_a_csrf_token_is_403() -> None:
    agent, client = make_agent(), Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    assert client.post(f"/agents/{agent.public_id}/tags/", {"tag": "vip"}).status_code == 403
    assert tags_of(agent) == []


@pytest.mark.parametrize("name", ["a/b?c#d%", "a/", "..", "<script>alert(1)</script>", "🦙", "a,b"])
def test_any_legal_tag_can_be_added_linked_and_removed(name: str) -> None:
    agent, client = make_agent(), signed_in()
    path = f"/agents/{agent.public_id}/tags/"
    response = client.post(path, {"exact": name}, headers=HX)
    assert chips_in(response) == [name]
    (link,) = soup(response).select("#tag-list a")
    assert client.get(link["href"]).status_code == 200
    (button,) = soup(response).select("#tag-list button")
    client.post(f"{path}remove/", {"tag": button["value"]}, headers=HX)
    assert tags_of(agent) == []
