"""What an actor may do at all, and which agents exist for it."""

import pytest

from agents.core.actors import ADMIN, MANAGE, READ, ROLE_POWERS, SCOPE_POWERS, WRITE, Power
from agents.core.errors import NotAllowed
from agents.models import Agent
from tests.helpers import make_agent, make_editor, make_key_actor


def test_powers_each_role_may_what_the_one_before_may() -> None:
    roles = ["viewer", "editor", "manager", "admin"]
    assert [ROLE_POWERS[role] for role in roles] == [READ, WRITE, MANAGE, ADMIN]
    assert READ < WRITE < MANAGE < ADMIN
    assert SCOPE_POWERS == {"read": READ, "write": WRITE, "manage": MANAGE}


def test_require_missing_power() -> None:
    viewer = make_editor("Vi", READ)
    assert viewer.can(Power.READ)
    with pytest.raises(NotAllowed) as refused:
        viewer.require(Power.WRITE, "change tags")
    assert refused.value.message == "Vi may not change tags: that needs write rights."
    make_editor().require(Power.WRITE, "change tags")


@pytest.mark.django_db
def test_visible_to_unlimited_actor_sees_all() -> None:
    make_agent(tags=["user_1"])
    make_agent()
    assert Agent.objects.visible_to(make_key_actor()).count() == 2


@pytest.mark.django_db
def test_visible_to_limited_actor_sees_its_own() -> None:
    own = make_agent(tags=["user_1", "vip"])
    make_agent(tags=["user_2", "vip"])
    make_agent(tags=["USER_1", "user_1 ", "user_10"])
    assert list(Agent.objects.visible_to(make_key_actor("user_1"))) == [own]
    assert list(Agent.objects.visible_to(make_key_actor("user_3"))) == []
