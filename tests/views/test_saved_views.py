"""Saved views: saving the list, opening it again, pinning, sharing, deleting."""

import pytest

from agents.models import SavedView
from tests.helpers import make_agent
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    make_agent(name="Bob", tags=["vip, or so"])
    client = signed_in("editor")
    query = "any=vip%2C+or+so&sort=name"
    page = client.get(f"/agents/?{query}")
    (link,) = [a for a in soup(page).select(".list-more a") if a.get_text() == "Save as a view"]
    assert link["href"] == f"/views/new/?{query}"
    response = client.post(link["href"], {"name": "Gold", "shared": "on", "pinned": "on"})
    assert (response.status_code, response["Location"]) == (303, "/agents/?view=gold")
    response = signed_in("viewer").get("/agents/?view=gold")
    assert (response.status_code, response["Location"]) == (302, f"/agents/?{query}")
    assert text_at(client.get("/agents/"), ".view-tabs") == "All Gold"


def test_private_view_is_not_there_for_others() -> None:
    client = signed_in("manager")
    client.post("/views/new/", {"name": "Mine", "pinned": "on"})
    other = signed_in("admin")
    assert other.get("/agents/?view=mine").status_code == 404
    assert other.get("/views/mine/").status_code == 404
    assert other.post("/views/mine/delete/").status_code == 404
    assert soup(other.get("/agents/")).select(".view-tabs") == []
    assert SavedView.objects.count() == 1


def test_bad_name_keeps_what_was_typed() -> None:
    response = signed_in().post("/views/new/?any=a", {"name": "x" * 65, "shared": "on"})
    assert response.status_code == 422
    form = soup(response).select_one("main form")
    assert form.select_one("#id_name")["value"] == "x" * 65
    assert form.select_one("#id_shared").has_attr("checked")
    assert text_at(response, ".field-error") == "The name is 65 characters; the limit is 64."
    assert not SavedView.objects.exists()


def test_view_is_changed_and_deleted() -> None:
    client = signed_in()
    client.post("/views/new/?any=a", {"name": "Gold"})
    page = client.get("/views/gold/")
    assert soup(page).select_one("#id_name")["value"] == "Gold"
    response = client.post("/views/gold/", {"name": "Silver", "pinned": "on"})
    assert (response.status_code, response["Location"]) == (303, "/views/")
    assert "Silver" in text_at(client.get("/views/"), "tbody")
    assert client.post("/views/gold/delete/").status_code == 303
    assert not SavedView.objects.exists()
