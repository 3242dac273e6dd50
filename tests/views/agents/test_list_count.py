"""The number of agents of a list: a little with the page, more after the rows, all on request."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from agents.core.filters import AgentFilter
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.models import Agent
from agents.queries import agents
from agents.queries.core import bounds
from tests.helpers import ROOT
from tests.views.browsing import HX, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

BOTH = "?all=t&all=u"


@pytest.fixture
def sixty() -> None:
    create_agents(
        [NewAgent(name=f"n{n}", model="m/1", tags=["t", "u"]) for n in range(60)], actor=ROOT
    )


def further(response: Any) -> str | None:
    (count,) = soup(response).select("#list-count")
    return count.get("hx-get")


def test_a_page_counts_a_little_and_the_rest_follows(
    sixty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "GLANCED", 10)
    client = signed_in("manager")
    page = client.get(f"/agents/{BOTH}")
    assert text_at(page, "#list-count") == "10+ Count exactly"
    assert text_at(page, "#bulk-all") == "Select all matching"
    rest = client.get(further(page), headers=HX)
    assert text_at(rest, "#list-count") == "60"
    assert further(rest) is None


def test_the_page_of_a_user_counts_the_agents_of_the_user(
    sixty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "GLANCED", 10)
    create_agents([NewAgent(name="a", model="m/1", tags=["u"])], actor=ROOT)
    client = signed_in()
    page = client.get("/users/one/?name=u&none=x")
    assert text_at(page, "#list-count .count") == "61"  # no agent has x, so the counter has it
    page = client.get("/users/one/?name=u&all=t&size=25")
    assert text_at(client.get(further(page), headers=HX), "#list-count") == "60"


def test_a_counter_has_the_number_at_once(sixty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "GLANCED", 10)
    page = signed_in().get("/agents/?all=t")
    assert (text_at(page, "#list-count"), further(page)) == ("60", None)


def test_a_large_count_is_capped_and_exact_on_request(
    sixty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.views.core.agent_list.count.EXACT_COUNT", 20)
    client = signed_in()
    page = client.get("/agents/?all=t")
    assert (text_at(page, ".list-sentence .count"), further(page)) == ("20+", None)
    (link,) = soup(page).select("#list-count a")
    exact = client.get(f"/agents/{link['href']}")
    assert text_at(exact, ".list-sentence .count") == "60"
    assert text_at(exact, "#results tbody") == text_at(page, "#results tbody")


@pytest.mark.parametrize("hidden", [0, 7, 60])
@pytest.mark.parametrize("estimate", [5, 1_000])
def test_hidden_agents_do_not_count(
    sixty: None, hidden: int, estimate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few of them they are subtracted; with many, each candidate is checked."""
    monkeypatch.setattr(bounds, "ESTIMATE", estimate)
    seqs = list(Agent.objects.order_by("seq").values_list("seq", flat=True)[:hidden])
    Agent.objects.filter(seq__in=seqs).update(hidden=True)
    for filters in ({}, {"any": ("t",)}, {"all": ("t", "u")}, {"q": "n"}, {"any": ("t", "u")}):
        wanted = AgentFilter(visible=True, **filters)
        assert agents.count(wanted, actor=ROOT) == 60 - hidden
        assert agents.capped_count(wanted, actor=ROOT) == agents.Count(60 - hidden, exact=True)
        few = agents.capped_count(wanted, actor=ROOT, most=10)
        assert few == (
            agents.Count(0, exact=True) if hidden == 60 else agents.Count(10, exact=False)
        )


@pytest.mark.parametrize("query", ["?all=t&all=u", "?any=t", "?q=n1&all=t", "?q=n1", ""])
def test_a_page_looks_up_each_part_of_its_filter_once(sixty: None, query: str) -> None:
    client = signed_in()
    client.get(f"/agents/{query}")
    sent: Counter[str] = Counter()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        sent[f"{sql} {params}"] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        client.get(f"/agents/{query}")
    assert [statement for statement, times in sent.items() if times > 1] == []
