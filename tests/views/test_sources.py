"""/sources/ and the inbox: what pages show and do. Servers answer in tests/sources."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.core.json_text import dumps
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, AgentTag, InboxItem, SourceMarking
from tests.access.asking import browser_of
from tests.helpers import ROOT, make_agent
from tests.source_rows import make_source, put_at
from tests.views.browsing import HX, soup, text_at

pytestmark = pytest.mark.django_db
TOKEN = "a-very-secret-token"


def states(response: Any) -> dict[str, str]:
    """How each source is doing, in the words of the list."""
    rows = soup(response).select("#source-rows tbody tr")
    found = [(row.select("th a"), row.select(".source-state")) for row in rows]
    return {
        name[0].get_text(): " ".join(state[0].get_text().split()) for name, state in found if name
    }


def question(source: AgentSource, **fields: Any) -> InboxItem:
    details = dumps(fields.pop("details", {}))
    return InboxItem.objects.create(
        source=source, details=details, created_at=timezone.now(), **fields
    )


def test_it_works() -> None:
    source = make_source()
    put_at(make_agent(), source)
    make_agent()
    page = browser_of("admin").get("/sources/")
    assert list(states(page)) == ["letta-prod"]
    rows = soup(page).select("#source-rows tbody tr")
    numbers = [row.select("td.num a")[0].contents[0] for row in rows]
    assert numbers == ["1", "1"]
    assert rows[1].select("a")[0]["href"] == "/agents/?kept_here=1"


def test_the_empty_page_says_what_a_source_is_for() -> None:
    page = browser_of("admin").get("/sources/")
    assert "No server is connected" in text_at(page, "#source-rows")


def test_each_state_has_words() -> None:
    now = timezone.now()
    tried = {"tried_at": now, "next_try_at": now + timedelta(seconds=40)}
    make_source("a", **tried)
    make_source("b", problem="Connection refused.", synced_at=now - timedelta(minutes=3), **tried)
    make_source("c", paused_at=now, pause_reason="Is this another server?")
    make_source("d", synced_at=None, listed_at=None, **tried)
    make_source("e", tried_at=now - timedelta(hours=1), synced_at=now - timedelta(hours=1))
    found = states(browser_of("admin").get("/sources/"))
    assert found["a"] == "● 0 s ago"
    assert found["b"].startswith("● Connection refused. Last answer 3 min ago. Next try in ")
    assert found["c"] == "● Paused now: Is this another server?"
    assert found["d"] == "● The first sync is under way."
    assert found["e"].startswith("● Not read since 1 h ago. Check that the worker")


def test_an_address_that_is_not_allowed_stands_by_its_field() -> None:
    client = browser_of("admin")
    typed = {"url": "ws://10.0.0.1/ws", "name": "x", "token": TOKEN, "take": "all"}
    page = client.post("/sources/", typed)
    assert page.status_code == 422
    assert soup(page).select("#id_url_error")
    assert soup(page).select("#id_name")[0]["value"] == "x"
    assert TOKEN not in page.content.decode()
    tried = client.post("/sources/", typed | {"do": "test"}, headers=HX)
    assert "Address:" in text_at(tried, "#tried")
    assert AgentSource.objects.count() == 0


def test_a_source_is_paused_renamed_and_resumed() -> None:
    source = make_source()
    client, url = browser_of("admin"), f"/sources/{source.id}/"
    client.post(f"{url}pause/")
    source.refresh_from_db()
    assert source.paused_at is not None
    client.post(url, {"name": "east", "url": source.url, "kind": source.kind, "take": "all"})
    client.post(f"{url}resume/")
    source.refresh_from_db()
    assert (source.name, source.paused_at) == ("east", None)


def test_a_token_is_written_and_never_shown() -> None:
    source = make_source()
    client, url = browser_of("admin"), f"/sources/{source.id}/"
    assert client.post(f"{url}token/", {}).status_code == 422
    client.post(f"{url}token/", {"token": TOKEN})
    source.refresh_from_db()
    assert source.sealed_token is not None
    assert "stored encrypted" in text_at(client.get(url), "#source-now")
    client.post(f"{url}token/", {"none": "on"})
    source.refresh_from_db()
    assert source.sealed_token is None


def test_another_host_drops_the_token_and_says_so() -> None:
    source = make_source()
    client, url = browser_of("admin"), f"/sources/{source.id}/"
    client.post(f"{url}token/", {"token": TOKEN})
    form = {"name": source.name, "url": "wss://other.example/ws", "kind": source.kind}
    form |= {"take": "all"}
    page = client.post(url, form, follow=True)
    source.refresh_from_db()
    assert source.sealed_token is None
    assert "Enter the token again" in text_at(page, "#messages")


@pytest.mark.parametrize("what", ["keep", "delete"])
def test_disconnecting_shows_a_plan_and_does_what_it_says(what: str) -> None:
    source = make_source()
    put_at(make_agent(name="Ada"), source)
    client, url = browser_of("admin"), f"/sources/{source.id}/remove/"
    plan = soup(client.get(url)).select("[name=plan]")[0]["value"]
    put_at(make_agent(name="Bob"), source)
    assert client.post(url, {"agents": what, "plan": plan}).status_code == 422
    plan = soup(client.get(url)).select("[name=plan]")[0]["value"]
    assert client.post(url, {"agents": what, "plan": plan}).status_code == 303
    assert not AgentSource.objects.exists()
    assert Agent.objects.filter(source=None).count() == (2 if what == "keep" else 0)


def test_a_change_of_many_agents_shows_its_progress_and_is_paused() -> None:
    source = make_source()
    agent = make_agent()
    made = change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT).change_set
    assert made is not None
    now = timezone.now()
    put_at(agent, source, behind_since=now, behind_by=made.id)
    SourceMarking.objects.create(source=source, change_set_id=made.id, agents=5, created_at=now)
    client, url = browser_of("admin"), f"/sources/{source.id}/"
    assert "4 of 5" in text_at(client.get(url, headers=HX), "#source-now")
    client.post(f"{url}change/", {"change_set": made.id, "to": "pause"})
    assert SourceMarking.objects.get().paused_at is not None
    client.post(f"{url}change/", {"change_set": made.id, "to": "resume"})
    assert SourceMarking.objects.get().paused_at is None


def test_a_question_is_put_back_and_opened_again() -> None:
    source = make_source()
    agent = make_agent(tags=["user_7"])
    put_at(agent, source, seen=["user_7"])
    moved = {"add": ["user_7"], "remove": ["user_1"]}
    make_agent(tags=["user_1"])
    item = question(source, kind="owner", agent_id=agent.public_id, details=moved)
    client = browser_of("manager")
    page = client.get("/sources/inbox/")
    assert "In force already" in text_at(page, ".question")
    client.post(f"/sources/inbox/{item.id}/", {"do": "put-back"})
    tags = AgentTag.objects.filter(agent=agent).values_list("tag__name", flat=True)
    assert list(tags) == ["user_1"]
    assert "Put back by" in text_at(client.get("/sources/inbox/"), ".question")
    client.post(f"/sources/inbox/{item.id}/", {"do": "reopen"})
    assert list(tags.all()) == ["user_7"]
    assert client.post(f"/sources/inbox/{item.id}/", {"do": "x"}).status_code == 400


def test_the_overview_names_sources_with_problems() -> None:
    source = make_source("east", problem="Connection refused.")
    make_source("west", paused_at=timezone.now(), pause_reason="Is this another server?")
    make_source("fine")
    question(source, kind="gone")
    client = browser_of("admin")
    shown = " ".join(soup(client.get("/")).select("main")[0].get_text().split())
    assert "1 source does not answer east: Connection refused." in shown
    assert "1 source is paused west: Is this another server?" in shown
    assert "1 question about a source waits" in shown
    assert "fine" not in shown
    manager = " ".join(soup(browser_of("manager").get("/")).select("main")[0].get_text().split())
    assert "east" not in manager
    assert "1 question about a source waits" in manager


def test_the_plan_of_a_whole_tag_says_how_many_agents_of_a_source_and_how_long() -> None:
    source = make_source("letta-prod", kind="letta")
    for _ in range(3):
        put_at(make_agent(tags=["old"]), source)
    make_agent(tags=["old"])
    page = browser_of("manager").get("/tags/rename/?name=old&other=new")
    said = " ".join(soup(page).select_one("dl.impact").get_text().split())
    assert "Sources at letta-prod: 3 agents, less than a minute until all have it" in said
