"""What the pages of agents say about the servers where they run."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.core.actors import source_actor
from agents.domain.tags.edit import change_tags
from agents.models import SourcedAgent
from tests.helpers import make_agent
from tests.source_rows import make_source, put_at
from tests.views.browsing import HX, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def names(response: Any) -> list[str]:
    return [link.get_text() for link in soup(response).select(".row-agent > a")]


def chips(response: Any, selector: str) -> list[str]:
    """The tags there, each as a person reads it."""
    return [chip.get_text() for chip in soup(response).select(f"{selector} .chip")]


def test_a_row_names_its_source_and_what_has_not_reached_it() -> None:
    source = make_source("letta-prod")
    put_at(make_agent(name="Ada", tags=["user_1", "vip"]), source, seen=["user_1"])
    make_agent(name="Bob")
    response = signed_in("viewer").get("/agents/?source=letta-prod")
    assert names(response) == ["Ada"]
    assert text_at(response, ".row-source") == "at letta-prod"
    assert chips(response, ".row-owner") == ["user_1 (user)"]
    assert chips(response, ".row-tags") == ["vip not at letta-prod yet"]


def test_agents_kept_in_ade_only_are_a_list_of_their_own() -> None:
    put_at(make_agent(name="Ada"), make_source())
    make_agent(name="Bob")
    response = signed_in("viewer").get("/agents/?kept_here=1")
    assert names(response) == ["Bob"]
    assert text_at(response, ".list-sentence") == "Agents kept in ADE only: 1"


def test_the_age_of_an_agent_stands_on_its_row_while_its_source_is_down() -> None:
    read = timezone.now() - timedelta(minutes=12)
    put_at(make_agent(), make_source(problem="no answer", synced_at=read))
    response = signed_in("viewer").get("/agents/")
    assert text_at(response, ".row-source") == "at letta-prod as of 12 min ago"


def test_the_list_offers_its_sources() -> None:
    put_at(make_agent(), make_source("east"))
    make_source("west")
    response = signed_in("viewer").get("/agents/?source=west")
    offered = soup(response).select("#filter-source option")
    assert [each.get_text() for each in offered] == ["Any source", "east", "west"]
    assert [each["value"] for each in offered if each.has_attr("selected")] == ["west"]


def test_a_console_without_sources_shows_nothing_of_them() -> None:
    agent = make_agent(tags=["vip"])
    client = signed_in("viewer")
    assert not soup(client.get("/agents/")).select("#filter-source, .row-source")
    assert not soup(client.get(f"/agents/{agent.public_id}/")).select("#agent-source")


def test_the_overview_says_what_waits_until_it_has_arrived() -> None:
    agent = make_agent(tags=["vip"])
    put_at(agent, make_source(), seen=["old"], behind_since=timezone.now())
    client, url = signed_in("editor"), f"/agents/{agent.public_id}/"
    page = client.get(url)
    assert chips(page, "#agent-chips") == ["vip not at letta-prod yet", "old"]
    assert "still at letta-prod" in text_at(page, "#agent-chips")
    SourcedAgent.objects.update(seen_tags='["vip"]', behind_since=None)
    line = client.get(f"{url}source/?tab=overview", headers=HX)
    assert chips(line, "#agent-chips") == ["vip"]
    assert "in step" in text_at(line, "#agent-source")


def test_an_open_editor_hears_that_a_tag_has_arrived() -> None:
    agent = make_agent(tags=["vip"])
    put_at(agent, make_source(), behind_since=timezone.now())
    client, url = signed_in("editor"), f"/agents/{agent.public_id}/"
    (shown,) = soup(client.get(f"{url}settings/")).select("#tag-list")
    assert shown["data-every"] == "2"
    asked = {"seen": shown["data-seen"], "opened": shown["data-seen"], "place": "page"}
    assert client.get(f"{url}tags/news/", asked, headers=HX).status_code == 204
    SourcedAgent.objects.update(seen_tags='["vip"]', behind_since=None)
    news = client.get(f"{url}tags/news/", asked, headers=HX)
    assert chips(news, "#tag-list") == ["vip"]
    assert soup(news).select("#tag-list")[0]["data-every"] == "5"


def test_an_added_tag_waits_for_its_source() -> None:
    agent = make_agent()
    put_at(agent, make_source())
    client = signed_in("editor")
    url = f"/agents/{agent.public_id}/tags/"
    assert chips(client.post(url, {"tag": "new"}, headers=HX), "#tag-list") == [
        "new not at letta-prod yet"
    ]


def test_tags_that_ade_cannot_hold_are_shown_as_they_are() -> None:
    agent = make_agent()
    aside = '["", "\\ud800", "a\\u0000b", "' + "x" * 600 + '"]'
    put_at(agent, make_source(), set_aside=aside)
    client = signed_in("editor")
    for page in ("", "settings/"):
        response = client.get(f"/agents/{agent.public_id}/{page}")
        words = [one.get_text() for one in soup(response).select(".tag-aside code")]
        assert words[:2] == ["(an empty tag)", "\\ud800"]
        assert words[2][0] == "a"
        assert "\0" not in words[2]
        assert words[3] == "x" * 80 + "…"


def test_an_agent_of_a_source_that_is_down_stays_with_its_age() -> None:
    read = timezone.now() - timedelta(hours=3)
    agent = make_agent(tags=["vip"])
    put_at(agent, make_source(problem="no answer", synced_at=read), seen=["vip"])
    line = text_at(signed_in("viewer").get(f"/agents/{agent.public_id}/"), "#agent-source")
    assert "does not answer" in line
    assert "as it was 3 h ago" in line
    assert "Tag changes wait here" in line


def test_history_says_where_a_change_was_seen() -> None:
    agent = make_agent()
    source = make_source()
    put_at(agent, source)
    change_tags(agent_id=agent.public_id, add=["vip"], actor=source_actor(source.id, source.name))
    client = signed_in("viewer")
    for url in (f"/agents/{agent.public_id}/history/", "/history/", f"/agents/{agent.public_id}/"):
        assert "seen at letta-prod" in " ".join(soup(client.get(url)).get_text().split()).lower()


@pytest.mark.parametrize("down", ["does not answer", "is paused"])
@pytest.mark.parametrize("page", ["", "settings/", "delete/"])
def test_edits_of_fields_are_refused_while_the_source_is_down(page: str, down: str) -> None:
    now = timezone.now()
    state = {"paused_at": now}
    if down == "does not answer":
        state = {"problem": "Connection refused.", "next_try_at": now + timedelta(seconds=40)}
    agent = make_agent(name="Ada")
    put_at(agent, make_source(**state))
    form = {"name": "Ada", "description": "typed", "model": "m/new", "system": "typed"}
    answer = signed_in("editor").post(f"/agents/{agent.public_id}/{page}", form, headers=HX)
    assert answer.status_code == (503 if down == "does not answer" else 409)
    assert f"letta-prod {down}" in soup(answer).get_text()
    assert page == "delete/" or "typed" in str(soup(answer).select("form"))
    agent.refresh_from_db()
    assert agent.description is None
