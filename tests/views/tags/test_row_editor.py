"""The tag editor in a row of the list: GET /agents/<id>/tags/editor/ and /agents/<id>/tags/row/."""

import pytest

from tests.helpers import make_agent, tags_of
from tests.views.browsing import HX, chips_in, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def test_the_editor_opens_with_ids_of_its_own() -> None:
    client = signed_in()
    first, second = make_agent(tags=["a"]), make_agent(tags=["a"])
    ids = []
    for agent in (first, second):
        response = client.get(f"/agents/{agent.public_id}/tags/editor/", headers=HX)
        assert response.status_code == 200
        assert not is_page(response)
        ids.append({element["id"] for element in soup(response).select("[id]")})
    assert ids[0] & ids[1] == set()
    assert not any(one.startswith("tag-input") for one in ids[0])


def test_every_id_that_the_editor_names_is_there() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    page = soup(client.get(f"/agents/{agent.public_id}/tags/editor/", headers=HX))
    ids = {element["id"] for element in page.select("[id]")}
    for name in ("for", "form", "aria-controls", "aria-labelledby", "aria-describedby"):
        for element in page.select(f"[{name}]"):
            assert set(str(element[name]).split()) <= ids
    for element in page.select("[hx-target^='#']"):
        assert element["hx-target"][1:] in ids
    for element in page.select("[hx-sync^='#']"):
        assert element["hx-sync"][1:].split(":")[0] in ids


def test_a_change_in_a_row_answers_with_the_rows_ids() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    path = f"/agents/{agent.public_id}/tags/"
    editor = soup(client.get(f"{path}editor/", headers=HX)).select_one("tag-editor")
    prefix = editor["data-prefix"]
    response = client.post(path, {"tag": "vip", "place": "row"}, headers=HX)
    assert chips_in(response, f"#{prefix}-list") == ["a", "vip"]
    assert text_at(response, f"#{prefix}-status") == "Tag vip added. 2 tags."
    assert tags_of(agent) == ["a", "vip"]


def test_a_refusal_in_a_row_is_put_into_the_row() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("viewer")
    path = f"/agents/{agent.public_id}/tags/"
    response = client.post(path, {"tag": "vip", "place": "row"}, headers=HX)
    assert response.status_code == 403
    assert response["HX-Retarget"].startswith("#tag-")
    assert response["HX-Retarget"] != "#tags"


def test_the_row_comes_back_with_links_that_narrow_the_list_it_stands_in() -> None:
    agent, client = make_agent(tags=["user_1", "a&b"]), signed_in()
    response = client.get(
        f"/agents/{agent.public_id}/tags/row/",
        headers=HX | {"HX-Current-URL": "http://testserver/agents/?any=x&q=bo&after=junk&evil=1"},
    )
    assert response.status_code == 200
    assert [link["href"] for link in soup(response).select(".chip")] == [
        "?any=x&q=bo&all=a%26b",
    ]
    (edit,) = soup(response).select(".row-edit")
    assert edit["href"] == f"/agents/{agent.public_id}/settings/#tags"
    assert edit.has_attr("autofocus")


def test_rows_of_the_list_link_to_the_editor_for_those_who_may_write() -> None:
    agent = make_agent()
    (edit,) = soup(signed_in().get("/agents/")).select(".row-edit")
    assert edit["hx-get"] == f"/agents/{agent.public_id}/tags/editor/"
    assert not edit.has_attr("autofocus")
    assert soup(signed_in("viewer").get("/agents/")).select(".row-edit") == []


def test_a_viewer_gets_the_tags_to_read() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("viewer")
    response = client.get(f"/agents/{agent.public_id}/tags/editor/", headers=HX)
    assert soup(response).select("input, button") == []
    assert chips_in(response, "ul") == ["a"]


@pytest.mark.parametrize("what", ["editor", "row"])
def test_without_htmx_it_leads_to_a_page(what: str) -> None:
    agent, client = make_agent(), signed_in()
    response = client.get(f"/agents/{agent.public_id}/tags/{what}/")
    places = {"editor": f"/agents/{agent.public_id}/settings/#tags", "row": "/agents/"}
    assert (response.status_code, response["Location"]) == (303, places[what])


@pytest.mark.parametrize("what", ["editor", "row"])
def test_of_an_unknown_agent_it_is_404(what: str) -> None:
    client = signed_in()
    assert client.get(f"/agents/agent-0/tags/{what}/", headers=HX).status_code == 404
    assert client.post(f"/agents/agent-0/tags/{what}/").status_code == 405
