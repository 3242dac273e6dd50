"""A tag's text is the same to the byte, whichever way it comes in and whoever tells it, and is never
taken for one that only looks like it. What is no legal tag is refused everywhere alike.

`make prove` does the same with many times as many texts.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings

from agents.core.tag_text import problem, tidy
from agents.views.core.csv_text import csv_text
from tests.api.calls import call
from tests.fuzz.desk import MODEL, Desk, agent_file, as_sent, upload
from tests.fuzz.texts import SEEDS, illegal_tags, legal_tags, twins_of
from tests.fuzz.ways_in import EXACT, TYPED
from tests.fuzz.ways_out import counted, told_of_agent, told_of_all, told_of_list, words_of_refusal
from tests.helpers import drift, everything, make_agent
from tests.views.browsing import soup

pytestmark = pytest.mark.django_db

Check = Callable[[Desk, str], None]
# What the ways give agents besides.
_OF_OUR_OWN = {"before", "picked"}


def with_texts(check: Check, texts: Any, examples: int) -> None:
    """Check so many of these texts, each in a database of its own."""
    desk = Desk()

    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(texts)
    def checked(text: Any) -> None:
        place = transaction.savepoint()
        try:
            check(desk, text)
        finally:
            transaction.savepoint_rollback(place)

    checked()


def is_exact(desk: Desk, tag: str) -> None:
    """Let it in by every way beside its twins, and hear it from everyone."""
    ways = EXACT | (TYPED if tidy(tag) == tag else {})
    agents = {name: way(desk, tag) for name, way in ways.items()}
    twins = {str(make_agent(tags=[twin]).public_id): twin for twin in twins_of(tag)}
    carriers = {*agents.values(), *_others(desk, tag, twins)}
    for agent, carried in (dict.fromkeys(agents.values(), tag) | twins).items():
        assert desk.call("GET", f"/v1/agents/{agent}")["tags"] == [carried]
    for agent in list(agents.values())[:1]:
        told = told_of_agent(desk, agent)
        assert told == {name: [tag] for name in told}
    for name, found in told_of_list(desk, tag).items():
        most = 10 if name == "the first ten" else len(carriers)
        assert (name, len(found)) == (name, most)
        assert (name, found.keys() - carriers) == (name, set())
        assert (name, {tuple(tags) for tags in found.values()}) == (name, {(tag,)})
    for name, told in told_of_all(desk, tag).items():
        foreign = set(told) - {tag, *twins.values(), *_OF_OUR_OWN, None, ""}
        assert (name, tag in told, foreign) == (name, True, set())
    numbers = counted(desk, tag)
    assert numbers == dict.fromkeys(numbers, len(carriers))


def _others(desk: Desk, tag: str, twins: dict[str, str]) -> set[str]:
    """The agents that carry it besides those that the ways gave: what they copied from."""
    found = desk.call("GET", f"/v1/agents/?{urlencode({'tags': tag, 'limit': 0})}")
    assert twins.keys().isdisjoint(agent["id"] for agent in found)
    return {agent["id"] for agent in found}


def goes_as_it_came(desk: Desk, tag: str) -> None:
    """Take it off by every way, and give it and take it back as the new name of another."""
    before = {make_agent(tags=[twin]).public_id: [twin] for twin in twins_of(tag)}
    first, second, third = (str(make_agent(tags=[tag]).public_id) for _ in range(3))
    desk.call("POST", f"/v1/agents/{first}/tags", {"remove": [tag]})
    desk.send(f"/agents/{second}/tags/remove/", {"tag": tag})
    plan = desk.call("POST", "/v1/bulk/", {"filter": {}, "op": "remove", "remove": [tag]})
    assert plan["matched"] >= 1
    desk.call("POST", f"/v1/bulk/{plan['id']}/apply")
    assert [_tags(desk, one) for one in (first, second, third)] == [[], [], []]
    named = str(make_agent(tags=["the first name"]).public_id)
    rename = {"name": "the first name", "new": tag, "apply": True}
    # The row of a tag that nobody carries any more is still there, so this may be a merge.
    response = call("POST", "/v1/tags/rename", rename, token=desk.token)
    if response.status_code != 200:
        merge = {"name": "the first name", "into": tag, "apply": True}
        desk.call("POST", "/v1/tags/merge", merge)
    assert _tags(desk, named) == [tag]
    desk.call("POST", "/v1/tags/delete", {"name": tag, "apply": True})
    assert _tags(desk, named) == []
    assert {one: _tags(desk, one) for one in before} == before
    assert drift() == []


def _tags(desk: Desk, agent: str) -> list[str]:
    return list(desk.call("GET", f"/v1/agents/{agent}")["tags"])


def is_refused(desk: Desk, found: tuple[str, str]) -> None:
    """Refused wherever it is given, in the same words; nothing changes, and it is not kept."""
    tag, why = found
    agent = desk.bare()
    before = _kept()
    for name, (status, said) in words_of_refusal(desk, agent, tag).items():
        assert (name, status, why in said) == (name, 422, True), said
    for name, (path, form) in _forms(agent, tag).items():
        answer = desk.browser.post(path, {key: as_sent(value) for key, value in form.items()})
        assert (name, answer.status_code) == (name, 422)
        assert (name, why in soup(answer).get_text()) == (name, True)
    query = urlencode({"tags": tag})
    refused = call("GET", f"/v1/agents/?{query}", token=desk.token)
    # A text that cannot be stored is refused; one that can and is no tag is on no agent.
    assert refused.status_code in (200, 422)
    if refused.status_code == 200:
        assert refused.json() == []
    notice = soup(desk.browser.get("/agents/", {"any": tag})).select_one(".message-warning")
    assert why in notice.get_text()
    assert desk.browser.get("/agents/export.csv", {"any": tag}).status_code == 400
    assert desk.browser.get("/tags/one/", {"name": tag}).status_code == 404
    assert desk.browser.get("/users/one/", {"name": tag}).status_code == 404
    assert _kept() == before


def _kept() -> dict[str, Any]:
    rows = everything()
    del rows["ApiKey"]  # when it was used
    return {name: found for name, found in rows.items() if name != "Agent"}


def _forms(agent: str, tag: str) -> dict[str, tuple[str, dict[str, Any]]]:
    new = {"name": "Max", "model": MODEL}
    return {
        "a chosen suggestion": (f"/agents/{agent}/tags/", {"exact": tag}),
        "a new agent": ("/agents/new/", new | {"exact": tag}),
        "a file": ("/agents/upload/", {"file": upload(agent_file([tag]))}),
        "rows": ("/bulk/csv/", {"rows": csv_text([[agent, tag]])}),
        "a file of rows": ("/bulk/csv/", {"file": upload(csv_text([[agent, tag]]), "a.csv")}),
        "a key": ("/keys/", {"name": "k", "scope": "read", "limit_tag": tag}),
    }


def test_a_tag_is_the_same_by_every_way() -> None:
    with_texts(is_exact, legal_tags, examples=3)


def test_a_tag_goes_as_it_came() -> None:
    with_texts(goes_as_it_came, legal_tags, examples=3)


def test_what_is_no_tag_is_refused_everywhere_alike() -> None:
    with_texts(is_refused, illegal_tags, examples=3)


@pytest.mark.parametrize("body", ['"\\ud800"', '"a\\udfffb"'])
def test_half_a_surrogate_is_refused_as_text(body: str) -> None:
    desk = Desk()
    raw = f'{{"model": "a/b", "tags": [{body}]}}'.encode()
    before = _kept()
    answer = call("POST", "/v1/agents/", raw, token=desk.token)
    assert answer.status_code == 422
    file = upload(f'{{"agents": [{{"id": "1", "name": "n", "model": "a/b", "tags": [{body}]}}]}}')
    assert desk.browser.post("/agents/upload/", {"file": file}).status_code == 422
    assert _kept() == before


def test_the_seeds_are_legal_tags() -> None:
    assert [seed for seed in SEEDS if problem(seed)] == []


@pytest.mark.prove
@pytest.mark.parametrize("tag", SEEDS, ids=ascii)
def test_each_seed_by_every_way(tag: str) -> None:
    is_exact(Desk(), tag)


@pytest.mark.prove
@pytest.mark.parametrize("check", [is_exact, goes_as_it_came])
def test_thousands_of_tags(check: Check) -> None:
    with_texts(check, legal_tags, examples=400)


@pytest.mark.prove
def test_thousands_of_texts_that_are_no_tags() -> None:
    with_texts(is_refused, illegal_tags, examples=400)
