"""A write whose rights end between its authentication and its commit writes nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ade.accounts import members
from ade.accounts.members import By
from ade.models import Role, User
from agents.core.actors import Actor
from agents.core.errors import DomainError, NotAllowed
from agents.core.reach import EVERYTHING, NOTHING, Reach
from agents.domain import keys
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents, delete_agent
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.members import give_reach
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode, offboard
from agents.models import Agent, AgentTag, ApiKey, ChangeSet, Tag
from agents.views.core.actors import actor_of
from tests.domain.core.meeting import meet
from tests.helpers import ROOT, drift, make_agent, make_limited_key, make_user, tags_of

pytestmark = pytest.mark.django_db

Write = Callable[[Actor, Agent], object]
OWN = Reach.of_tags(["user_1"])
BY = By("test", "Test")


def create_some(actor: Actor, _: Agent) -> object:
    return create_agents([NewAgent(model="a/b", name=f"new {n}") for n in range(3)], actor=actor)


def add_tag(actor: Actor, agent: Agent) -> object:
    return change_tags(agent_id=agent.public_id, add=["note:x"], actor=actor)


def delete(actor: Actor, agent: Agent) -> object:
    return delete_agent(agent_id=agent.public_id, actor=actor)


WRITES: list[Write] = [create_some, add_tag, delete]


def end_key() -> None:
    keys.disable_key(key_id=ApiKey.objects.get().key_id, actor=ROOT)


def let_key_expire() -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def narrow_key() -> None:
    ApiKey.objects.update(may_tag='["other:*"]')


def lower_scope() -> None:
    ApiKey.objects.update(scope="read")


def merge_away() -> None:
    make_agent(tags=["user_2"])
    merge_tags(source="user_1", target="user_2", actor=ROOT)


def end_user(how: OffboardMode) -> None:
    offboard(name="user_1", how=how, actor=ROOT)


ENDS: dict[str, Callable[[], Any]] = {
    "off-boarded": lambda: end_user(OffboardMode.TAG),
    "off-boarded with agents": lambda: end_user(OffboardMode.AGENTS),
    "renamed": lambda: rename_tag(old="user_1", new="user_9", actor=ROOT),
    "deleted": lambda: delete_tag(name="user_1", actor=ROOT),
    "merged": merge_away,
    "key disabled": end_key,
    "key expired": let_key_expire,
    "list changed": narrow_key,
    "scope lowered": lower_scope,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("write", WRITES)
def test_a_limited_key_writes_nothing_after(end: str, write: Write) -> None:
    actor = make_limited_key(OWN, may_tag=("note:*",))
    agent = make_agent(tags=["user_1"])
    ENDS[end]()
    before = Agent.objects.count(), AgentTag.objects.count(), ChangeSet.objects.count()
    with pytest.raises(DomainError) as refused:
        write(actor, agent)
    assert refused.value.status in (403, 404)
    after = Agent.objects.count(), AgentTag.objects.count(), ChangeSet.objects.count()
    assert after == before
    assert not Tag.objects.filter(name="user_1", n__gt=0).exists() or end.startswith(
        ("key", "l", "s")
    )
    assert drift() == []


@pytest.mark.only_postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["off-boarded", "renamed", "deleted", "merged", "key disabled"])
def test_what_is_under_way_waits_and_then_writes_nothing(end: str) -> None:
    actor = make_limited_key(OWN, may_tag=("note:*",))
    agent = make_agent(tags=["user_1"])
    if end == "merged":
        make_agent(tags=["user_2"])
    told: list[DomainError] = []

    def create() -> None:
        try:
            create_some(actor, agent)
        except DomainError as error:
            told.append(error)

    meet(ENDS[end], create)
    assert [error.status for error in told] == [403]
    assert not Agent.objects.filter(name__startswith="new").exists()
    assert drift() == []


def page_actor(user: User, rf: Any) -> Actor:
    request = rf.get("/")
    request.user = user
    return actor_of(request)


MEMBER_ENDS: dict[str, Callable[[User], Any]] = {
    "disabled": lambda user: members.disable(user, by=BY),
    "role lowered": lambda user: members.change_role(user, role=Role.VIEWER, by=BY),
    "limited": lambda user: give_reach(user, OWN, by=BY),
    "deleted": lambda user: user.delete(),
}


@pytest.mark.parametrize("end", MEMBER_ENDS)
@pytest.mark.parametrize("write", WRITES)
def test_a_member_writes_nothing_after(end: str, write: Write, rf: Any) -> None:
    user = make_user("mara")
    actor, agent = page_actor(user, rf), make_agent(tags=["a"])
    MEMBER_ENDS[end](user)
    before = Agent.objects.count(), AgentTag.objects.count()
    with pytest.raises(NotAllowed):
        write(actor, agent)
    assert (Agent.objects.count(), AgentTag.objects.count()) == before


def test_more_rights_than_before_are_no_reason_to_refuse(rf: Any) -> None:
    user = make_user("mara")
    actor, agent = page_actor(user, rf), make_agent()
    members.change_role(user, role=Role.ADMIN, by=BY)
    add_tag(actor, agent)
    assert tags_of(agent) == ["note:x"]


# --- Reaches that follow their tags ---------------------------------------------------------


def limited_member(reach: Reach, name: str = "lena") -> User:
    return give_reach(make_user(name), reach, by=BY)


def test_reaches_follow_rename_and_merge() -> None:
    make_agent(tags=["a"])
    make_agent(tags=["b"])
    key = keys.create_key(name="k", actor=ROOT, reach=Reach.of_tags(["a", "b"])).key
    member = limited_member(Reach.of_tags(["a", "x"]))
    rename_tag(old="a", new="c", actor=ROOT)
    key.refresh_from_db()
    member.refresh_from_db()
    assert key.reach == Reach.of_tags(["b", "c"])
    assert member.stored_reach == Reach.of_tags(["c", "x"]).stored()
    merge_tags(source="c", target="b", actor=ROOT)
    key.refresh_from_db()
    assert (key.reach, key.limit_tag) == (Reach.of_tags(["b"]), "b")


def test_deletion_ends_those_for_whom_nothing_is_left() -> None:
    make_agent(tags=["a"])
    ended = keys.create_key(name="1", actor=ROOT, reach=Reach.of_tags(["a"])).key
    left = keys.create_key(name="2", actor=ROOT, reach=Reach.of_tags(["a", "b"])).key
    out = limited_member(Reach.of_tags(["a"]))
    stays = limited_member(Reach.of_tags(["a", "b"]), "tom")
    delete_tag(name="a", actor=ROOT)
    for row in (ended, left, out, stays):
        row.refresh_from_db()
    assert not keys.is_good(ended)
    assert (keys.is_good(left), left.reach) == (True, Reach.of_tags(["b"]))
    assert (out.is_active, out.stored_reach) == (False, NOTHING.stored())
    assert (stays.is_active, stays.stored_reach) == (True, Reach.of_tags(["b"]).stored())


def test_a_limited_member_sees_and_writes_its_own_agents_only(rf: Any) -> None:
    mine, other = make_agent(tags=["a"]), make_agent(tags=["z"])
    actor = page_actor(limited_member(Reach.of_tags(["a", "b"])), rf)
    assert list(Agent.objects.visible_to(actor)) == [mine]
    with pytest.raises(DomainError) as refused:
        delete(actor, other)
    assert refused.value.status == 404
    with pytest.raises(DomainError) as refused:
        create_agents([NewAgent(model="a/b")], actor=actor)
    assert refused.value.field == "tags"
    [made] = create_agents([NewAgent(model="a/b", tags=["b"])], actor=actor)
    assert tags_of(made) == ["b"]


def test_a_reach_of_agents_by_id(rf: Any) -> None:
    mine, other = make_agent(tags=["a"]), make_agent(tags=["a"])
    actor = make_limited_key(Reach.of_agents([mine.public_id]), may_tag=("note:*",))
    assert list(Agent.objects.visible_to(actor)) == [mine]
    add_tag(actor, mine)
    with pytest.raises(DomainError) as refused:
        add_tag(actor, other)
    assert refused.value.status == 404
    with pytest.raises(NotAllowed):
        create_some(actor, mine)


def test_an_admin_has_no_reach_and_a_limited_member_is_no_admin() -> None:
    admin = make_user("ada", role="admin")
    with pytest.raises(Exception, match="admin"):
        give_reach(admin, OWN, by=BY)
    User.objects.filter(pk=admin.pk).update(stored_reach="unreadable")
    admin.refresh_from_db()
    assert not admin.is_admin
    assert not admin.is_manager
    assert EVERYTHING.stored() is None
