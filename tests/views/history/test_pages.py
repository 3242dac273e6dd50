"""GET and POST /agents/<id>/history/: what changed, and undo."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.domain.tags.edit import change_tags
from agents.models import ChangeSet
from agents.templatetags.ade import in_words
from tests.helpers import ROOT, make_agent, make_key_actor, tags_of
from tests.views.browsing import HX, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def entries(response: object) -> list[str]:
    rows = soup(response).select(".feed-sets > li")
    return [" ".join(row.get_text().split()) for row in rows]


def test_it_works() -> None:
    agent = make_agent(tags=["a"])
    change_tags(
        agent_id=agent.public_id, add=["b"], remove=["a"], actor=make_key_actor(), reason="moved"
    )
    response = signed_in("viewer").get(f"/agents/{agent.public_id}/history/")
    assert entries(response) == [
        "API key “app” changed tags · api now “moved” +added b \N{MINUS SIGN}removed a",
        "test created · command now +added a",
    ]


def test_undo_takes_one_change_set_back_on_this_agent() -> None:
    agent, client = make_agent(tags=["a"]), signed_in()
    change_tags(agent_id=agent.public_id, add=["b"], remove=["a"], actor=ROOT)
    data = {"change_set": ChangeSet.objects.latest("id").id}
    response = client.post(f"/agents/{agent.public_id}/history/", data, headers=HX)
    assert response.status_code == 200
    assert text_at(response, "#history-said") == ("Undone: b removed again. Undone: a added again.")
    assert tags_of(agent) == ["a"]
    assert len(entries(response)) == 3


def test_undo_without_htmx_leads_back_and_says_so_once() -> None:
    agent, client = make_agent(), signed_in()
    change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT)
    data = {"change_set": ChangeSet.objects.latest("id").id}
    path = f"/agents/{agent.public_id}/history/"
    response = client.post(path, data)
    assert (response.status_code, response["Location"]) == (303, path)
    assert text_at(client.get(path), "#messages") == "Undone: b removed again."
    assert text_at(client.get(path), "#messages") == ""


def test_undo_by_a_viewer_is_403_and_not_offered() -> None:
    agent, client = make_agent(), signed_in("viewer")
    change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT)
    data = {"change_set": ChangeSet.objects.latest("id").id}
    path = f"/agents/{agent.public_id}/history/"
    assert client.post(path, data).status_code == 403
    assert soup(client.get(path)).select("main form") == []
    assert tags_of(agent) == ["b"]


def test_history_goes_on_from_page_to_page_and_shows_each_change_once() -> None:
    agent, client = make_agent(), signed_in("viewer")
    for number in range(60):
        change_tags(agent_id=agent.public_id, add=[f"t{number}"], actor=ROOT)
    path = f"/agents/{agent.public_id}/history/"
    first = client.get(path)
    (link,) = soup(first).select("a[href^='?before=']")
    second = client.get(path + link["href"])
    assert soup(second).select("a[href^='?before=']") == []
    shown = [row.split()[-1] for row in entries(first) + entries(second)][:-1]
    assert shown == [f"t{number}" for number in reversed(range(60))]


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30])
def test_history_from_no_place_is_400(before: str) -> None:
    agent = make_agent()
    response = signed_in().get(f"/agents/{agent.public_id}/history/?before={before}")
    assert response.status_code == 400


@pytest.mark.parametrize("tab", ["", "settings/", "history/", "recent/"])
def test_queries_do_not_grow_with_the_rows(tab: str) -> None:
    client, counts = signed_in(), []
    for size in (1, 3):
        agent = make_agent()
        for number in range(size):
            change_tags(agent_id=agent.public_id, add=[f"t{number}"], actor=ROOT)
        client.get(f"/agents/{agent.public_id}/{tab}", headers=HX)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"/agents/{agent.public_id}/{tab}")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_fields_are_named_in_words_and_what_they_are_of_exactly() -> None:
    assert in_words("context_window_limit") == "context window limit"
    assert in_words("webhook wh_1a_2b") == "webhook wh_1a_2b"
