"""Tags of one agent: added and removed as a delta, or replaced as a set."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from agents.core.actors import MANAGE, READ
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound, PreconditionFailed
from agents.core.etag import etag_of
from agents.domain.tags.edit import change_tags
from agents.models import Act, Agent, AgentTag, Change, ChangeSet, Op, Tag
from tests.helpers import (
    ROOT,
    drift,
    everything,
    make_agent,
    make_editor,
    make_key_actor,
    replace_tags,
    tags_of,
)

pytestmark = pytest.mark.django_db


def changes_of(change_set: ChangeSet | None) -> list[tuple[str, str, str, str]]:
    assert change_set
    changes = change_set.changes.order_by("id")
    return list(changes.values_list("op", "agent_id", "agent_name", "tag"))


def test_change_tags_it_works() -> None:
    agent = make_agent(name="Ada", tags=["old", "stays"])
    result = change_tags(
        agent_id=agent.public_id,
        add=["vip", "user_1"],
        remove=["old"],
        actor=make_editor(),
        reason="asked for",
    )
    assert result.tags == tags_of(agent) == ["stays", "user_1", "vip"]
    assert (result.added, result.removed) == (["vip", "user_1"], ["old"])
    assert changes_of(result.change_set) == [
        (Op.ADD, agent.public_id, "Ada", "vip"),
        (Op.ADD, agent.public_id, "Ada", "user_1"),
        (Op.REMOVE, agent.public_id, "Ada", "old"),
    ]
    change_set = ChangeSet.objects.latest("id")
    assert change_set == result.change_set
    assert (change_set.act, change_set.reason, change_set.undoes) == (Act.TAGS, "asked for", None)
    who = (change_set.actor_kind, change_set.actor_id, change_set.actor_name, change_set.source)
    assert who == ("person", "user:Mara", "Mara", "page")
    after = Agent.objects.get(seq=agent.seq)
    assert (after.tag_count, after.user_tag_count) == (3, 1)
    assert (after.version, after.created_at) == (agent.version + 1, agent.created_at)
    assert after.updated_at > agent.updated_at
    assert drift() == []


def test_change_tags_row_says_since_when_and_by_what() -> None:
    agent = make_agent()
    change_set = change_tags(agent_id=agent.public_id, add=["a"], actor=ROOT).change_set
    assert change_set
    row = AgentTag.objects.get(agent=agent)
    assert (row.change_set_id, row.added_at) == (change_set.id, change_set.created_at)
    tag = Tag.objects.get(name="a")
    assert (tag.n, tag.last_added_at, tag.last_added_by) == (1, tag.created_at, "test")
    assert tag.created_at <= change_set.created_at
    second = change_tags(agent_id=make_agent().public_id, add=["a"], actor=ROOT).change_set
    assert second
    tag.refresh_from_db()
    assert (tag.n, tag.last_added_at, tag.last_added_by) == (2, second.created_at, "test")


@pytest.mark.parametrize(
    "write",
    [{"add": ["a"]}, {"remove": ["none such"]}, {"add": ["a", "a"], "remove": ["x"]}, {}],
)
def test_change_tags_that_is_so_already_records_nothing(write: dict[str, Any]) -> None:
    agent = make_agent(tags=["a"])
    before = everything()
    result = change_tags(agent_id=agent.public_id, actor=ROOT, **write)
    assert (result.tags, result.added, result.removed, result.change_set) == (["a"], [], [], None)
    assert everything() == before


def test_change_tags_removing_what_never_was_makes_no_tag() -> None:
    change_tags(agent_id=make_agent().public_id, remove=["ghost"], actor=ROOT)
    assert not Tag.objects.filter(name="ghost").exists()


def test_change_tags_tag_without_agents_stays() -> None:
    agent = make_agent(tags=["a"])
    change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT)
    assert Tag.objects.get(name="a").n == 0


def test_change_tags_text_is_exact() -> None:
    names = ["a", "A", "a ", " a", "é", "e\u0301", "a/", "a%2F", "..", "a,b", '"', "a\tb\nc"]
    agent = make_agent(tags=names)
    assert tags_of(agent) == sorted(names)
    change_tags(agent_id=agent.public_id, remove=["a", "e\u0301"], actor=ROOT)
    assert tags_of(agent) == sorted(set(names) - {"a", "e\u0301"})


def test_change_tags_longest_tag_fits_every_index() -> None:
    name = "🎈" * 512
    agent = make_agent(tags=[name, "\ufdfa" * 512])
    assert tags_of(agent) == sorted([name, "\ufdfa" * 512])


@pytest.mark.parametrize(
    ("write", "field"),
    [
        ({"add": ["ok", ""]}, "add"),
        ({"add": ["x" * 513]}, "add"),
        ({"add": ["a\0"]}, "add"),
        ({"add": ["a\ud800"]}, "add"),
        ({"add": [None]}, "add"),
        ({"remove": ["\x1b"]}, "remove"),
        ({"add": ["a"], "remove": ["a"]}, "add"),
        ({"add": [str(n) for n in range(1001)]}, "add"),
        ({"add": ["b"], "reason": "x" * 1001}, "reason"),
        ({"add": ["b"], "reason": "\0"}, "reason"),
    ],
)
def test_change_tags_bad_input(write: dict[str, Any], field: str) -> None:
    agent = make_agent(tags=["a"])
    before = everything()
    with pytest.raises(Invalid) as refused:
        change_tags(agent_id=agent.public_id, actor=ROOT, **write)
    assert refused.value.field == field
    assert everything() == before


def test_change_tags_more_than_an_agent_may_have(settings: Settings) -> None:
    settings.MAX_TAGS_PER_AGENT = 3
    agent = make_agent(tags=["a", "b"])
    before = everything()
    with pytest.raises(Invalid) as refused:
        change_tags(agent_id=agent.public_id, add=["c", "d"], actor=ROOT)
    assert refused.value.message == "An agent has at most 3 tags; this would make 4."
    assert everything() == before
    change_tags(agent_id=agent.public_id, add=["c", "d"], remove=["a"], actor=ROOT)
    assert tags_of(agent) == ["b", "c", "d"]


def test_change_tags_above_a_lowered_limit_tags_can_be_removed(settings: Settings) -> None:
    agent = make_agent(tags=["a", "b", "c"])
    settings.MAX_TAGS_PER_AGENT = 1
    change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT)
    assert tags_of(agent) == ["b", "c"]


def test_change_tags_up_to_1000() -> None:
    agent = make_agent(tags=[f"t{n}" for n in range(999)])
    change_tags(agent_id=agent.public_id, add=["last"], actor=ROOT)
    with pytest.raises(Invalid) as refused:
        change_tags(agent_id=agent.public_id, add=["one more"], actor=ROOT)
    assert refused.value.message == "An agent has at most 1,000 tags; this would make 1,001."
    assert len(tags_of(agent)) == 1000
    replace_tags(agent_id=agent.public_id, tags=[f"u{n}" for n in range(1000)], actor=ROOT)
    assert len(tags_of(agent)) == 1000
    assert drift() == []


def test_change_tags_no_such_agent() -> None:
    before = everything()
    with pytest.raises(NotFound) as refused:
        change_tags(agent_id="agent-0", add=["new"], actor=ROOT)
    assert refused.value.message == "Agent with ID agent-0 not found"
    assert everything() == before


def test_change_tags_read_only() -> None:
    agent = make_agent()
    before = everything()
    with pytest.raises(NotAllowed):
        change_tags(agent_id=agent.public_id, add=["a"], actor=make_editor(powers=READ))
    with pytest.raises(NotAllowed):
        replace_tags(agent_id=agent.public_id, tags=["a"], actor=make_key_actor(powers=READ))
    assert everything() == before


def test_change_tags_updated_at_never_goes_back() -> None:
    agent = make_agent()
    future = agent.updated_at.replace(year=2080)
    Agent.objects.update(updated_at=future)
    change_tags(agent_id=agent.public_id, add=["a"], actor=ROOT)
    assert Agent.objects.get().updated_at > future


def test_replace_tags_it_works() -> None:
    agent = make_agent(tags=["z", "b", "stays", "a"])
    replace_tags(agent_id=agent.public_id, tags=["new", "stays", "new"], actor=ROOT)
    assert tags_of(agent) == ["new", "stays"]
    changes = ChangeSet.objects.latest("id").changes.values_list("op", "tag")
    assert sorted(changes) == [("add", "new"), ("remove", "a"), ("remove", "b"), ("remove", "z")]
    assert drift() == []


def test_replace_tags_with_none() -> None:
    agent = make_agent(tags=["a", "user_1"])
    replace_tags(agent_id=agent.public_id, tags=[], actor=ROOT)
    assert tags_of(agent) == []
    after = Agent.objects.get()
    assert (after.tag_count, after.user_tag_count) == (0, 0)


def test_replace_tags_by_the_same_records_nothing() -> None:
    agent = make_agent(tags=["a", "b"])
    before = everything()
    replace_tags(agent_id=agent.public_id, tags=["b", "a"], actor=ROOT)
    assert everything() == before


def test_if_match_current_etag() -> None:
    agent = make_agent(tags=["b", "a"])
    etag = etag_of(agent.public_id, agent.version, ["a", "b"])
    result = change_tags(agent_id=agent.public_id, add=["c"], actor=ROOT, if_match=etag)
    assert result.added == ["c"]
    etag = etag_of(agent.public_id, result.agent.version, result.tags)
    replace_tags(agent_id=agent.public_id, tags=["d"], actor=ROOT, if_match=f'"x", {etag}')
    replace_tags(agent_id=agent.public_id, tags=["e"], actor=ROOT, if_match="*")


@pytest.mark.parametrize("form", ['"0"', "", "{}x", '"{}"'])
def test_if_match_another_etag(form: str) -> None:
    agent = make_agent(tags=["a"])
    old = etag_of(agent.public_id, agent.version, ["a"])
    before = everything()
    with pytest.raises(PreconditionFailed):
        change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT, if_match=form.format(old))
    with pytest.raises(PreconditionFailed):
        replace_tags(agent_id=agent.public_id, tags=["a"], actor=ROOT, if_match=form.format(old))
    assert everything() == before


def test_if_match_after_a_rename_of_a_tag() -> None:
    agent = make_agent(tags=["a"])
    etag = etag_of(agent.public_id, agent.version, ["a"])
    Tag.objects.filter(name="a").update(name="b")
    with pytest.raises(PreconditionFailed):
        change_tags(agent_id=agent.public_id, add=["c"], actor=ROOT, if_match=etag)


def test_change_tags_protected_tag_needs_a_manager() -> None:
    agent = make_agent(tags=["view:card"])
    before = everything()
    for actor in (make_editor(), make_key_actor()):
        with pytest.raises(NotAllowed) as refused:
            change_tags(agent_id=agent.public_id, add=["origin:x"], actor=actor)
        assert refused.value.message == "origin:x is protected: only a manager may add it."
        with pytest.raises(NotAllowed) as refused:
            replace_tags(agent_id=agent.public_id, tags=["vip"], actor=actor)
        assert refused.value.message == "view:card is protected: only a manager may remove it."
    assert everything() == before
    replace_tags(agent_id=agent.public_id, tags=["origin:x"], actor=make_editor(powers=MANAGE))
    assert tags_of(agent) == ["origin:x"]


def test_change_tags_protected_tag_that_is_there_already() -> None:
    agent = make_agent(tags=["view:card"])
    result = change_tags(agent_id=agent.public_id, add=["view:card", "a"], actor=make_editor())
    assert result.added == ["a"]
    replace_tags(agent_id=agent.public_id, tags=["view:card"], actor=make_editor())
    assert tags_of(agent) == ["view:card"]


def test_change_tags_protected_by_its_row() -> None:
    agent = make_agent(tags=["gold"])
    Tag.objects.filter(name="gold").update(protected=True)
    with pytest.raises(NotAllowed):
        change_tags(agent_id=agent.public_id, remove=["gold"], actor=make_editor())


def test_change_tags_limited_actor_its_own_agent() -> None:
    agent = make_agent(tags=["user_1", "old"])
    actor = make_key_actor("user_1")
    change_tags(agent_id=agent.public_id, add=["vip", "user_1"], remove=["old"], actor=actor)
    assert tags_of(agent) == ["user_1", "vip"]


def test_change_tags_limited_actor_cannot_remove_its_own_tag() -> None:
    agent = make_agent(tags=["user_1"])
    actor = make_key_actor("user_1", may_tag=("*",))
    for write in (
        lambda: change_tags(agent_id=agent.public_id, remove=["user_1"], actor=actor),
        lambda: replace_tags(agent_id=agent.public_id, tags=["a"], actor=actor),
    ):
        with pytest.raises(NotAllowed) as refused:
            write()
        assert refused.value.message == "API key “app” is limited to user_1 and may not remove it."


@pytest.mark.parametrize("name", ["user_2", "user:1", "origin:x", "git-memory-enabled"])
def test_change_tags_limited_actor_user_and_protected_tags(name: str) -> None:
    agent = make_agent(tags=["user_1"])
    with pytest.raises(NotAllowed) as refused:
        change_tags(agent_id=agent.public_id, add=[name], actor=make_key_actor("user_1"))
    said = f"API key “app” may not add {name}: its rights do not include this tag."
    assert refused.value.message == said
    # Whether others use it makes no difference to what is said.
    make_agent(tags=[name])
    with pytest.raises(NotAllowed) as refused:
        change_tags(agent_id=agent.public_id, add=[name], actor=make_key_actor("user_1"))
    assert refused.value.message == said


def test_change_tags_limited_actor_with_a_list_of_tags() -> None:
    agent = make_agent(tags=["user_1", "vip"])
    actor = make_key_actor("user_1", may_tag=("mood:*", "view:card"))
    change_tags(agent_id=agent.public_id, add=["mood:good", "view:card"], actor=actor)
    for write in ({"add": ["other"]}, {"remove": ["vip"]}, {"add": ["user_2"]}):
        with pytest.raises(NotAllowed):
            change_tags(agent_id=agent.public_id, actor=actor, **write)
    assert tags_of(agent) == ["mood:good", "user_1", "view:card", "vip"]


def test_change_tags_limited_actor_foreign_agent_is_none() -> None:
    foreign = make_agent(tags=["user_2", "secret"])
    actor = make_key_actor("user_1")
    before = everything()
    said = set()
    for agent_id in (foreign.public_id, "agent-0"):
        for write in ({"add": ["a"]}, {"remove": ["secret"]}, {"remove": ["none"]}, {}):
            with pytest.raises(NotFound) as refused:
                change_tags(agent_id=agent_id, actor=actor, if_match='"0"', **write)
            said.add(refused.value.message.replace(agent_id, "ID"))
        with pytest.raises(NotFound) as refused:
            replace_tags(agent_id=agent_id, tags=["user_2"], actor=actor)
        said.add(refused.value.message.replace(agent_id, "ID"))
    assert said == {"Agent with ID ID not found"}
    assert everything() == before


def test_change_tags_conflict_is_a_client_error() -> None:
    assert (PreconditionFailed("").status, Conflict("").status) == (412, 409)


@pytest.mark.parametrize(("count", "queries"), [(1, 12), (40, 12)])
def test_replace_tags_constant_queries(count: int, queries: int, is_postgres: bool) -> None:
    agent = make_agent(tags=[f"a{n}" for n in range(count)])
    make_agent(tags=[f"b{n}" for n in range(count)])
    with CaptureQueriesContext(connection) as captured:
        replace_tags(agent_id=agent.public_id, tags=[f"b{n}" for n in range(count)], actor=ROOT)
    assert len(captured) == queries  # in a test BEGIN and COMMIT are a savepoint's


def test_change_tags_history_of_renamed_agent_names_it_as_it_is() -> None:
    agent = make_agent(name="Old", tags=["a"])
    Agent.objects.update(name="New")
    change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT)
    assert Change.objects.latest("id").agent_name == "New"
