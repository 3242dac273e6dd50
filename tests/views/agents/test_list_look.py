"""How the list looks: its columns, its density, its heads, the tags that match, and saved views as tabs."""

import pytest
from django.test import Client

from agents.domain.saved_views import save_view
from tests.helpers import make_agent, make_editor
from tests.views.browsing import HX, chips_in, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def heads(client: Client, query: str = "") -> list[str]:
    return [
        head.get_text(strip=True)
        for head in soup(client.get(f"/agents/?{query}")).select("th[scope=col]")
    ]


def test_columns_are_chosen_and_kept() -> None:
    make_agent(tags=["user_1", "vip"])
    client = signed_in("viewer")
    assert heads(client) == ["Agent", "Owner", "Tags", "Model", "Changed"]
    look = {"choose": "columns", "columns": ["created", "tags"], "density": "roomy"}
    response = client.post("/accounts/look/", look | {"next": "/agents/?sort=name"})
    assert (response.status_code, response["Location"]) == (303, "/agents/?sort=name")
    assert heads(client) == ["Agent", "Tags", "Created"]
    page = client.get("/agents/")
    assert chips_in(page, ".row-tags") == ["user_1", "vip"]
    assert soup(page).select("agent-list[data-density=roomy]")
    client.post("/accounts/look/", {"choose": "columns"})
    assert heads(client) == ["Agent"]


def test_theme_is_kept_and_leads_back() -> None:
    client = signed_in("viewer")
    response = client.post("/accounts/look/", {"theme": "dark", "next": "/tags/"})
    assert response["Location"] == "/tags/"
    page = soup(client.get("/tags/"))
    assert page.html is not None
    assert page.html["data-theme"] == "dark"
    assert page.select("meta[name=color-scheme]")[0]["content"] == "dark"


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil.example", "x", ""]
)
def test_a_look_leads_to_no_other_site(path: str) -> None:
    assert signed_in().post("/accounts/look/", {"next": path})["Location"] == "/"


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "dark.roomy." + "x-" * 200, "....", "é.ü"])
def test_a_forged_look_is_the_default(cookie: str) -> None:
    client = signed_in("viewer")
    client.cookies["ade_look"] = cookie
    assert client.get("/agents/").status_code == 200


def test_heads_sort_and_say_how() -> None:
    make_agent()
    page = soup(signed_in().get("/agents/?any=x&sort=name&show_hidden=1"))
    assert page.select(".head-agent") == []  # no agent matches, so there is no table
    make_agent(tags=["x"])
    page = soup(signed_in("viewer").get("/agents/?any=x&sort=name"))
    (agent,) = page.select(".head-agent")
    assert agent["aria-sort"] == "ascending"
    assert agent.select("a")[0]["href"] == "?any=x&sort=-name"
    (changed,) = page.select(".head-updated")
    assert not changed.has_attr("aria-sort")
    assert changed.select("a")[0]["href"] == "?any=x&sort=-updated"


def test_matching_tags_come_first_and_are_marked() -> None:
    make_agent(tags=["user_1", "a", "b", "c", "d", "zebra"])
    page = signed_in().get("/agents/?all=zebra")
    assert chips_in(page, ".row-tags")[0] == "zebra"
    assert [chip.get_text() for chip in soup(page).select(".chip-match bdi")] == ["zebra"]


def test_owners_have_a_column() -> None:
    make_agent(tags=["user_1", "user_2", "x"])
    make_agent(tags=["x"])
    client = signed_in()
    page = soup(client.get("/agents/?sort=created"))
    first, second = page.select(".row-owner")
    assert first.select(".two-owners")[0].get_text() == "two owners"
    assert second.get_text(" ", strip=True).startswith("No owner Assign")
    assert not soup(signed_in("viewer").get("/agents/")).select(".row-owner .row-act")


def test_a_row_folds_many_owners_and_shows_the_matching_one() -> None:
    make_agent(tags=[f"user_{n}" for n in range(1, 13)])
    owners = soup(signed_in().get("/agents/?all=user_9")).select(".row-owner")[0]
    shown = [chip.get_text() for chip in owners.select(".chips > .chip bdi")]
    assert (len(shown), shown[0]) == (3, "user_9")
    assert owners.select("summary")[0].get_text() == "+9 more owners"
    assert owners.select(".two-owners")[0].get_text() == "12 owners"


def test_views_are_tabs_with_counts_that_come_later() -> None:
    for n in range(9):
        save_view(
            name=f"v{n}", pairs=[("any", "t")], shared=True, pinned=n == 8, actor=make_editor()
        )
    make_agent(tags=["t"])
    client = signed_in()
    assert text_at(client.get("/agents/"), ".view-tabs") == "All v8 v0 v1 v2 v3 v4 v5 v6 More…"
    url = "http://testserver/agents/?any=t"
    later = client.get("/views/-/tabs/", headers=HX | {"HX-Current-URL": url})
    assert text_at(later, ".view-tabs").startswith("All v8 1 v0 1")
    assert len(soup(later).select("[aria-current]")) == 8


def test_title_names_the_filter() -> None:
    make_agent(tags=["tier:gold"])
    page = soup(signed_in().get("/agents/?all=tier:gold"))
    assert page.title is not None
    assert " ".join(page.title.get_text().split()) == "Agents with tier:gold · ADE"


def test_leaving_the_list_drops_the_selection() -> None:
    agent = make_agent(tags=["t"])
    client = signed_in("manager")
    client.post("/bulk/selection/", {"list": "/agents/?any=t", "act": "all"})
    stays = client.get("/agents/?any=t", headers={"Referer": "http://testserver/agents/?any=t"})
    assert text_at(stays, ".bulk-said") == "All matching agents are selected."
    left = f"http://testserver/agents/{agent.public_id}/"
    gone = client.get("/agents/?any=t", headers={"Referer": left})
    assert text_at(gone, ".bulk-said") == "No agents selected."
