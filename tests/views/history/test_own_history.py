"""The history of a limited member: the changes of its agents, and no trace of others."""

import re

import pytest
from django.test import Client

from agents.core.filters import AgentFilter
from agents.core.reach import Reach
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import update_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.rename import rename_tag
from agents.domain.tags.edit import change_tags
from agents.models import BulkOp, Change
from agents.queries.history import own
from agents.tasks.bulk import begin
from tests.helpers import ROOT, make_agent, make_limited_key, make_user
from tests.views.browsing import soup

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    member = make_user("lena", role="manager", stored_reach=Reach.of_tags(["user_1"]).stored())
    client = Client()
    client.force_login(member)
    return client


def lines(client: Client, query: str = "") -> list[str]:
    """What each entry of the page says, and then the address of the next page."""
    page = soup(client.get(f"/history/{query}"))
    found = [" ".join(one.get_text().split()) for one in page.select(".sets-lines")]
    return found + [str(link["href"]) for link in page.select(".pager a")]


def test_it_works(client: Client) -> None:
    own_agent, other = make_agent(tags=["user_1"], name="Bot"), make_agent(tags=["user_2"])
    change_tags(agent_id=own_agent.public_id, add=["vip"], actor=ROOT)
    change_tags(agent_id=other.public_id, add=["secret"], actor=ROOT)
    rename_tag(old="user_1", new="user_9", actor=ROOT)
    rename_tag(old="secret", new="user_7", actor=ROOT)
    text = client.get("/history/").content.decode()
    assert "secret" not in text
    assert "user_2" not in text
    renamed, added, made = lines(client)
    assert re.search("renamed .*user_1.*user_9", renamed)
    assert "vip" in added
    assert "Bot" in added
    assert "user_1" in made
    assert not re.search(r'href="/history/\d', text)  # pages of whole change-sets are for others


def test_a_bulk_change_shows_only_own_agents_and_counts_only_them(client: Client) -> None:
    for number in range(3):
        make_agent(tags=["user_1" if number else "user_2"])
    change = BulkChange(BulkOp.ADD, add=["vip"])
    plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
    begin(plan_id=plan.id, actor=ROOT)
    assert lines(client)[0] == "+added vip on 2 agents"


def test_pages_have_every_change_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "PAGE", 7)
    agents = [make_agent(tags=["user_1"]) for _ in range(3)]
    for number in range(12):
        make_agent(tags=["user_2"])
        edit = AgentEdit(description=f"text {number}")
        agent = agents[0] if number < 8 else agents[number % 3]
        update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
        change_tags(agent_id=agent.public_id, add=[f"t{number}"], actor=ROOT)
    actor = make_limited_key(Reach.of_tags(["user_1"]))
    before, seen = None, list[int]()
    while True:
        page = own.own_history(actor, before=before)
        seen += [change.id for row in page.rows for change in row.changes[::-1]]
        before = page.older
        if before is None:
            break
    ids = [agent.public_id for agent in agents]
    wanted = Change.objects.filter(agent_id__in=ids).order_by("-id").values_list("id", flat=True)
    assert seen == list(wanted)
