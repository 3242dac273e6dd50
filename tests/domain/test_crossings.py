"""Crossings: found within one write, resolved by one plan, undone, or marked as meant."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.http import HttpResponse

from agents.core.errors import Conflict, Invalid, NewCrossing, NotAllowed
from agents.domain.agents.write import delete_agent
from agents.domain.crossings.follow import forget_ended
from agents.domain.crossings.separate import (
    mark_meant,
    plan_separation,
    separate,
    undo_separation,
)
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.memory.agent import attach_block
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import BlockEdit, edit_block
from agents.domain.tags.edit import change_tags
from agents.models import (
    Agent,
    AgentBlock,
    AgentIdentity,
    Block,
    Crossing,
    CrossingHead,
    Identity,
)
from agents.queries.crossings import crossing_page
from agents.tasks.crossings import catch_up
from tests.api.calls import call, call_with_file, make_token
from tests.helpers import ROOT, everything, make_agent, make_editor, make_manager
from tests.views.browsing import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
Way = Callable[[str], HttpResponse]


def make_shared() -> tuple[Agent, Agent, Block]:
    """An agent of user_1 and one of user_2 with the same memory block."""
    one = make_agent(tags=["user_1"], blocks=[NewBlock("human", "Jane")])
    two = make_agent(tags=["user_2"])
    block = Block.objects.get(label="human")
    attach_block(agent_id=two.public_id, block_id=block.public_id, actor=ROOT)
    return one, two, block


def listed() -> list[tuple[str, list[str]]]:
    """The crossings as the page lists them."""
    assert catch_up(seconds=60)
    page = crossing_page(actor=ROOT, size=50)
    return [(one.row.public_id, one.users) for one in page.rows]


def test_a_shared_block_is_listed_after_one_write() -> None:
    make_agent(tags=["user_9"])
    assert listed() == []
    _, two, block = make_shared()
    assert listed() == [(block.public_id, ["user_1", "user_2"])]
    assert Crossing.objects.get().change_set_id is not None
    change_tags(agent_id=two.public_id, add=["user_1"], remove=["user_2"], actor=ROOT)
    assert listed() == []
    assert forget_ended(actor=ROOT) == 1


def test_what_was_shared_before_is_found_too() -> None:
    _, _, block = make_shared()
    identity = create_identity(
        NewIdentity(
            identifier_key="k",
            name="Jane",
            identity_type="user",
            agent_ids=[agent.public_id for agent in Agent.objects.all()],
        ),
        actor=ROOT,
    )
    CrossingHead.objects.all().delete()
    Crossing.objects.all().delete()
    found = {public_id for public_id, _ in listed()}
    assert found == {block.public_id, identity.public_id}


def test_a_tag_can_begin_a_crossing_and_a_deletion_end_it() -> None:
    one, two, block = make_shared()
    change_tags(agent_id=two.public_id, add=[], remove=["user_2"], actor=ROOT)
    assert listed() == []
    change_tags(agent_id=two.public_id, add=["user_3"], remove=[], actor=ROOT)
    assert listed() == [(block.public_id, ["user_1", "user_3"])]
    delete_agent(agent_id=one.public_id, actor=ROOT)
    assert listed() == []


def test_a_tag_that_becomes_a_user_tag_begins_one() -> None:
    _, two, block = make_shared()
    change_tags(agent_id=two.public_id, add=["beta"], remove=["user_2"], actor=ROOT)
    assert listed() == []
    rename_tag(old="beta", new="user_7", actor=ROOT)
    assert listed() == [(block.public_id, ["user_1", "user_7"])]
    change_tags(agent_id=two.public_id, add=["team"], remove=["user_7"], actor=ROOT)
    assert listed() == []
    describe_tag(name="team", user=True, actor=ROOT)
    assert listed() == [(block.public_id, ["team", "user_1"])]


def test_one_plan_separates_and_undo_shares_again() -> None:
    one, two, block = make_shared()
    listed()
    plan = plan_separation(block_id=block.public_id, actor=ROOT)
    assert (plan.keeper, list(plan.copies)) == ("user_1", ["user_2"])
    change_set = separate(
        block_id=block.public_id, actor=ROOT, fingerprint=plan.fingerprint, reason="Privacy"
    )
    assert listed() == []
    copy = AgentBlock.objects.get(agent=two).block
    assert (copy.value, copy.id != block.id) == ("Jane", True)
    assert AgentBlock.objects.get(agent=one).block == block
    undo_separation(change_set_id=change_set.id, actor=ROOT)
    assert AgentBlock.objects.get(agent=two).block == block
    assert Block.objects.get() == block
    assert len(listed()) == 1


def test_copies_that_changed_stay_apart() -> None:
    _, two, block = make_shared()
    change_set = separate(block_id=block.public_id, actor=ROOT)
    copy = AgentBlock.objects.get(agent=two).block
    edit_block(block_id=copy.public_id, edit=BlockEdit(value="John"), actor=ROOT)
    before = everything()
    with pytest.raises(Conflict, match="have changed since"):
        undo_separation(change_set_id=change_set.id, actor=ROOT)
    assert everything() == before


def test_a_plan_that_no_longer_holds_changes_nothing() -> None:
    _, _, block = make_shared()
    plan = plan_separation(block_id=block.public_id, actor=ROOT)
    late = make_agent(tags=["user_3"])
    attach_block(agent_id=late.public_id, block_id=block.public_id, actor=ROOT)
    before = everything()
    with pytest.raises(Conflict, match="Review the new plan"):
        separate(block_id=block.public_id, actor=ROOT, fingerprint=plan.fingerprint)
    with pytest.raises(NotAllowed):
        separate(block_id=block.public_id, actor=make_editor())
    assert everything() == before


def test_a_manager_says_that_it_is_meant() -> None:
    _, _, block = make_shared()
    listed()
    about = {"kind": "block", "public_id": block.public_id, "actor": make_manager()}
    with pytest.raises(Invalid, match="Say why"):
        mark_meant(reason=" ", **about)
    mark_meant(reason="A handbook", **about)
    assert listed() == []
    meant = crossing_page(actor=ROOT, size=50, meant=True).rows
    assert [one.row.meant_reason for one in meant] == ["A handbook"]
    mark_meant(reason=None, **about)
    assert len(listed()) == 1


def test_attaching_warns_or_is_refused(settings: object) -> None:
    _, _, block = make_shared()
    late = make_agent(tags=["user_3"])
    path = f"/v1/agents/{late.public_id}/core-memory/blocks/attach/{block.public_id}"
    settings.SECOND_OWNER = "refuse"  # type: ignore[attr-defined]
    refused = call("PATCH", path, token=make_token())
    assert (refused.status_code, refused.json()["code"]) == (409, "crossing")
    with pytest.raises(NewCrossing):
        make_agent(tags=["user_4"], block_ids=[block.public_id])
    settings.SECOND_OWNER = "warn"  # type: ignore[attr-defined]
    done = call("PATCH", path, token=make_token())
    assert (done.status_code, done.headers["X-ADE-Crossing"]) == (200, "1")


def test_the_api_lists_them() -> None:
    _, _, block = make_shared()
    token = make_token(scope="manage")
    first = call("GET", "/v1/crossings", token=token).json()
    assert (first["complete"], first["crossings"]) == (False, [])
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    answer = call("GET", "/v1/crossings", token=token).json()
    assert answer["complete"]
    assert [(one["id"], one["users"]) for one in answer["crossings"]] == [
        (block.public_id, ["user_1", "user_2"])
    ]
    assert call("GET", "/v1/crossings", token=make_token(scope="write")).status_code == 403
    assert call("GET", "/v1/crossings", token=make_token(limit_tag="user_1")).status_code == 403


def through_a_tag(token: str) -> HttpResponse:
    one = make_agent(tags=["user_1"], blocks=[NewBlock("human", "Jane")])
    free = make_agent(name="Free")
    block = Block.objects.get(label="human")
    attach_block(agent_id=free.public_id, block_id=block.public_id, actor=ROOT)
    assert call("POST", f"/v1/agents/{free.public_id}/tags", {"add": ["vip"]}, token=token).json()
    again = call("POST", f"/v1/agents/{one.public_id}/tags", {"add": ["vip"]}, token=token)
    assert "X-ADE-Crossing" not in again.headers
    return call("POST", f"/v1/agents/{free.public_id}/tags", {"add": ["user_2"]}, token=token)


def through_new_tags(token: str) -> HttpResponse:
    make_agent(tags=["user_1"], blocks=[NewBlock("human", "Jane")])
    free = make_agent(name="Free")
    block = Block.objects.get(label="human")
    attach_block(agent_id=free.public_id, block_id=block.public_id, actor=ROOT)
    return call("PATCH", f"/v1/agents/{free.public_id}", {"tags": ["user_2"]}, token=token)


def through_an_identity(token: str) -> HttpResponse:
    one, two = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    new = NewIdentity("org", "Org", "org", agent_ids=[one.public_id])
    identity = create_identity(new, actor=ROOT)
    path = f"/v1/agents/{two.public_id}/identities/attach/{identity.public_id}"
    return call("PATCH", path, token=token)


def through_a_new_identity(token: str) -> HttpResponse:
    ids = [make_agent(tags=[tag]).public_id for tag in ("user_1", "user_2")]
    body = {"identifier_key": "org", "name": "Org", "identity_type": "org", "agent_ids": ids}
    return call("POST", "/v1/identities/", body, token=token)


def through_an_import(token: str) -> HttpResponse:
    make_agent(tags=["user_1"], blocks=[NewBlock("human", "Jane")])
    agent = Agent.objects.get()
    file = call("GET", f"/v1/agents/{agent.public_id}/export", token=make_token()).json()
    [first] = file["agents"]
    file["agents"] = [first, {**first, "id": "agent-1", "tags": ["user_2"]}]
    return call_with_file("POST", "/v1/agents/import", file, token=token)


@pytest.mark.parametrize(
    "way",
    [
        through_a_tag,
        through_new_tags,
        through_an_identity,
        through_a_new_identity,
        through_an_import,
    ],
)
def test_each_way_to_a_new_crossing_warns_or_is_refused(way: Way, settings: object) -> None:
    made = way(make_token())
    assert (made.status_code, made.headers["X-ADE-Crossing"]) == (200, "1"), made.content
    assert len(listed()) == 1
    assert catch_up(seconds=60)
    for model in (AgentIdentity, AgentBlock, Identity, Block):
        model.objects.all().delete()
    for agent in Agent.objects.all():
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    settings.SECOND_OWNER = "refuse"  # type: ignore[attr-defined]
    refused = way(make_token())
    assert (refused.status_code, refused.json()["code"]) == (409, "crossing"), refused.content
    assert listed() == []


def test_the_tag_editor_says_it() -> None:
    make_agent(tags=["user_1"], blocks=[NewBlock("human", "Jane")])
    free = make_agent(name="Free")
    block = Block.objects.get(label="human")
    attach_block(agent_id=free.public_id, block_id=block.public_id, actor=ROOT)
    page = signed_in("editor").post(
        f"/agents/{free.public_id}/tags/", {"tag": "user_2"}, headers={"HX-Request": "true"}
    )
    assert "now shares 1 memory block or identity with another user" in page.content.decode()
