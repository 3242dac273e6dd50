"""A second owner that comes from a source: always taken in, and shown in the inbox."""

import pytest
from django.test import override_settings

from agents.core.json_text import loads
from agents.domain.agents.shared import mark_shared
from agents.domain.sources.inbox import accept
from agents.domain.tags import second_owner
from agents.models import Agent, InboxItem
from agents.queries import sources as queries
from tests.access.asking import browser_of
from tests.domain.sources.conftest import Connected
from tests.domain.sources.stand_in import StandIn
from tests.helpers import ROOT, make_agent, make_manager
from tests.views.browsing import text_at

pytestmark = pytest.mark.django_db
BOTH = ["user_1", "user_2"]


@pytest.mark.parametrize("setting", ["warn", "refuse"])
def test_an_agent_that_comes_in_with_two_owners_is_counted_and_asked_about(
    local: Connected, setting: str
) -> None:
    first, second = (local.server.add(*BOTH, name=name) for name in ("Ada", "Bob"))
    local.server.add("user_1")
    with override_settings(SECOND_OWNER=setting), second_owner.counting() as counted:
        local.pull()
    assert counted.number == 2
    assert [local.tags(agent) for agent in (first, second)] == [BOTH, BOTH]
    assert local.inbox() == [("two-owners", "", "")]
    client = browser_of("admin")
    shown = text_at(client.get("/sources/inbox/"), ".question")
    assert "Came in with two owners: local 2 agents." in shown
    assert first in shown
    [item] = queries.inbox()
    accept(item_id=item.id, actor=ROOT)
    third = local.server.add(*BOTH)
    local.pull()
    [item] = queries.inbox()  # another agent is another question
    assert local.inbox() == [("two-owners", "", "")]
    assert third in client.get("/sources/inbox/").content.decode()


@pytest.mark.parametrize("setting", ["warn", "refuse"])
def test_a_second_owner_added_there_is_taken_in_and_asked_about(
    local: Connected, setting: str
) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    local.server.retag(agent_id, add="user_2")
    with override_settings(SECOND_OWNER=setting), second_owner.counting() as counted:
        local.pull()
    assert counted.number == 1
    assert local.tags(agent_id) == BOTH
    assert local.inbox() == [("owner", agent_id, "")]


def test_an_adopted_agent_that_gets_two_owners_is_asked_about(server: StandIn) -> None:
    plain, owned, shared = make_agent(), make_agent(tags=["user_3"]), make_agent()
    mark_shared(agent_id=shared.public_id, reason="A team's agent", actor=make_manager())
    for agent in (plain, owned, shared):
        server.add(*BOTH, id=agent.public_id)
    local = Connected(server).add()
    local.pull()
    assert sorted(local.inbox()) == [("adopted", owned.public_id, ""), ("two-owners", "", "")]
    found = InboxItem.objects.get(kind="two-owners")
    assert loads(found.details) == {"agents": [plain.public_id], "count": 1}
    assert Agent.objects.filter(user_tag_count__gt=1).count() == 3


def test_nothing_is_asked_where_two_owners_are_allowed(local: Connected) -> None:
    local.server.add(*BOTH)
    with override_settings(SECOND_OWNER="allow"):
        local.pull()
    assert local.inbox() == []
