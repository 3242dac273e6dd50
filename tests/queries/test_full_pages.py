"""Pages of the API are full although most candidates do not fit."""

import pytest
from django.core.management import call_command

from agents.core.filters import AgentFilter, Sort
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.models import Tag
from agents.queries import agents
from agents.queries.core.bounds import FULL
from tests.helpers import ROOT

COMMON = tuple(f"common:{n}" for n in range(12))


def pages_of(wanted: AgentFilter, size: int, budgets: tuple[int, ...]) -> list[int]:
    """The number of agents on each page of a list."""
    found, after = [], None
    while True:
        page = agents.page(
            wanted, actor=ROOT, size=size, after=after, until_one=True, budgets=budgets
        )
        found.append(len(page.seqs))
        if page.older is None:
            return found
        after = agents.decode(page.older, Sort.NEWEST)


@pytest.mark.django_db
def test_a_page_is_full_within_its_budgets() -> None:
    create_agents(
        [NewAgent(model="m/1", tags=[] if n % 20 == 0 else [COMMON[n % 12]]) for n in range(240)],
        actor=ROOT,
    )
    wanted = AgentFilter(none=COMMON, visible=True)
    assert pages_of(wanted, 5, (20, 200)) == [5, 5, 2]
    assert pages_of(wanted, 5, (20,))[0] < 5
    assert sum(FULL) == 200_000


@pytest.mark.prove
@pytest.mark.django_db
def test_a_page_of_200_000_agents_is_full() -> None:
    call_command("bench_data", agents=200_000, verbosity=0)
    names = Tag.objects.order_by("-n").values_list("name", flat=True)[1:13]
    wanted = AgentFilter(none=tuple(names), visible=True)
    pages = pages_of(wanted, 100, FULL)
    assert len(pages) > 10
    assert set(pages[:-1]) == {100}
    assert sum(pages) == agents.count(wanted, actor=ROOT)
