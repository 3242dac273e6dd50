"""A Letta server has a feed of changes: a quiet one costs one request, and deletions need a whole list."""

from collections.abc import Iterator

import pytest

from agents.domain.sources import manage
from agents.models import Agent, Change
from tests.domain.sources.conftest import Connected
from tests.domain.sources.letta_stand_in import LettaStandIn, letta_stand_in
from tests.helpers import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def letta() -> Iterator[Connected]:
    """A connected Letta server with 60 agents, read once."""
    with letta_stand_in() as server:
        for number in range(60):
            server.add(f"user_{number % 3}", name=f"Ann {number}")
        connected = Connected(server, name="letta").add()  # type: ignore[arg-type]
        assert connected.pull().new == 60
        yield connected


def server_of(letta: Connected) -> LettaStandIn:
    assert isinstance(letta.server, LettaStandIn)
    return letta.server


def test_a_quiet_feed_costs_one_request_and_messages_no_history(letta: Connected) -> None:
    server, before = server_of(letta), Change.objects.count()
    letta.pull()
    server.requests.clear()
    assert letta.pull().whole is False
    assert server.requests == ["GET /v1/agents/"]
    for agent_id in list(server.agents):
        server.write(agent_id, message_ids=["message-1"])
    letta.pull()
    assert Change.objects.count() == before


def test_changes_of_the_feed_come_in_and_pushes_go_out(letta: Connected) -> None:
    server = server_of(letta)
    first, *_, last = server.agents
    server.write(first, tags=["user_9"], name="Anna")
    came = server.add("vip")
    pulled = letta.pull()
    assert (pulled.whole, pulled.new, pulled.changed) == (False, 1, 1)
    assert (letta.tags(first), letta.tags(came)) == (["user_9"], ["vip"])
    letta.edit(last, add=["here"])
    letta.push()
    assert "here" in server.tags(last)
    before = Change.objects.count()
    assert letta.pull().changed == 0  # its own push is no news
    assert Change.objects.count() == before


def test_a_deletion_shows_in_the_next_whole_list(letta: Connected) -> None:
    server = server_of(letta)
    gone = next(iter(server.agents))
    del server.agents[gone]
    assert letta.pull().gone == 0
    manage.sync_now(source="letta", actor=ROOT)
    assert letta.pull(whole=True).gone == 1
    assert not Agent.objects.filter(public_id=gone).exists()
    assert letta.source.sync_asked_at is None
