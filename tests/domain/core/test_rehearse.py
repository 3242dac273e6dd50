"""What is tried before a server is asked obeys the rights of that moment, as a write does."""

import pytest

from agents.core.errors import NotAllowed
from agents.core.reach import Reach
from agents.domain import keys
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent, delete_agent
from agents.domain.core.transactions import rehearse
from agents.domain.directory.merge import delete_tag
from agents.domain.directory.rename import rename_tag
from tests.helpers import ROOT, everything, make_agent, make_limited_key

pytestmark = pytest.mark.django_db


def test_a_right_that_ended_ends_what_is_rehearsed() -> None:
    agent = make_agent(tags=["user_1"])
    actor = make_limited_key(Reach.of_tags(["user_1"]))
    rehearse(lambda: delete_agent(agent_id=agent.public_id, actor=actor))
    keys.disable_key(key_id=actor.id.removeprefix("key:"), actor=ROOT)
    before = everything()
    for run in (
        lambda: delete_agent(agent_id=agent.public_id, actor=actor),
        lambda: create_agent(NewAgent(model="a/b"), actor=actor),
    ):
        with pytest.raises(NotAllowed, match="was disabled"):
            rehearse(run)
    assert everything() == before


@pytest.mark.parametrize("ends", ["renamed", "deleted"])
def test_a_tag_that_changed_ends_it_too(ends: str) -> None:
    make_agent(tags=["user_1"])
    actor = make_limited_key(Reach.of_tags(["user_1"]))
    if ends == "renamed":
        rename_tag(old="user_1", new="user_2", actor=ROOT)
    else:
        delete_tag(name="user_1", actor=ROOT)
    with pytest.raises(NotAllowed):
        rehearse(lambda: create_agent(NewAgent(model="a/b"), actor=actor))
