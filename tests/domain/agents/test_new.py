"""Agents made, edited and deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from agents.core.actors import MANAGE, READ
from agents.core.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    PreconditionFailed,
)
from agents.core.etag import etag_of
from agents.core.json_text import loads
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents, delete_agent, update_agent
from agents.domain.memory.new import NewBlock
from agents.domain.tags.edit import change_tags
from agents.models import Act, Agent, AgentBlock, AgentTag, Change, ChangeSet, Op, Tag, Tombstone
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
AN_ID = "agent-00000000-0000-4000-8000-000000000001"
OLD = datetime(2024, 2, 29, 12, tzinfo=UTC)


def last_changes() -> list[tuple[Any, ...]]:
    changes = ChangeSet.objects.latest("id").changes.order_by("id")
    return list(changes.values_list("op", "tag", "field", "old", "new"))


def window_of(agent: Agent) -> tuple[str, int | None, str, int]:
    """Model and window as the agent and as its llm_config say them."""
    row = Agent.objects.select_related("detail").get(seq=agent.seq)
    config = loads(row.detail.llm_config)
    return row.model, row.context_window_limit, config["handle"], config["context_window"]


def test_create_agent_it_works() -> None:
    block = NewBlock("human", "Likes tea.", limit=100)
    agent = make_agent(
        name="Ada", tags=["vip", "user_1", "vip"], description="x", blocks=[block], actor=ROOT
    )
    row = Agent.objects.get(public_id=agent.public_id)
    assert (row.name, row.name_folded, row.model) == ("Ada", "ada", "letta/letta-free")
    assert (row.tag_count, row.user_tag_count, row.version) == (2, 1, 1)
    assert row.created_at == row.updated_at
    assert tags_of(row) == ["user_1", "vip"]
    assert AgentBlock.objects.get(agent=row).block.value == "Likes tea."
    assert ChangeSet.objects.get().act == Act.CREATE
    assert [change[:2] for change in last_changes()] == [
        (Op.CREATE, None),
        (Op.ADD, "vip"),
        (Op.ADD, "user_1"),
    ]
    assert drift() == []


def test_create_agents_all_or_none() -> None:
    make_agent(tags=["a"])
    before = everything()
    good = NewAgent(model="a/b", tags=["new"])
    for bad, error in (
        (NewAgent(model="a/b", tags=["\0"]), Invalid),
        (NewAgent(model="a/b", name=" "), Invalid),
        (NewAgent(model="a/b", name="x" * 513), Invalid),
        (NewAgent(model="a/b", embedding="none"), Invalid),
        (NewAgent(model="a/b", context_window_limit=0), Invalid),
        (NewAgent(model="a/b", metadata={"x": float("nan")}), Invalid),
        (NewAgent(model="a/b", system="\0"), Invalid),
        (NewAgent(model="a/b", public_id="agent-1"), Invalid),
        (NewAgent(model="a/b", public_id=AN_ID + "\n"), Invalid),
        (NewAgent(model="a/b", created_at=datetime(1900, 1, 1, tzinfo=UTC)), Invalid),
        (NewAgent(model="a/b", created_at=datetime(2024, 1, 1)), Invalid),  # noqa: DTZ001
        (NewAgent(model="a/b", blocks=[NewBlock("x"), NewBlock("x")]), Invalid),
        (NewAgent(model="a/b", block_ids=["block-0"]), NotFound),
        (NewAgent(model="nothing"), BadRequest),
        (NewAgent(), BadRequest),
    ):
        with pytest.raises(error):
            create_agents([good, bad], actor=ROOT)
        assert everything() == before


def test_create_agent_too_many_tags(settings: Settings) -> None:
    settings.MAX_TAGS_PER_AGENT = 2
    with pytest.raises(Invalid) as refused:
        make_agent(tags=["a", "b", "c"])
    assert refused.value.message == "An agent has at most 2 tags; this one has 3."
    assert Tag.objects.count() == 0


def test_create_agent_id_that_is_taken() -> None:
    make_agent(public_id=AN_ID)
    before = everything()
    with pytest.raises(Conflict) as refused:
        make_agent(public_id=AN_ID, tags=["new"])
    assert refused.value.message == f"An agent with ID {AN_ID} already exists."
    assert everything() == before
    other = AN_ID[:-1] + "2"
    with pytest.raises(Conflict):
        create_agents([NewAgent(model="a/b", public_id=other)] * 2, actor=ROOT)
    assert everything() == before


def test_create_agent_read_only() -> None:
    for actor in (make_editor(powers=READ), make_key_actor("user_1", powers=READ)):
        with pytest.raises(NotAllowed):
            make_agent(actor=actor)


def test_create_agent_by_limited_actor_gets_its_tag() -> None:
    agent = make_agent(tags=["vip"], actor=make_key_actor("user_1"))
    assert tags_of(agent) == ["user_1", "vip"]
    again = make_agent(tags=["user_1"], actor=make_key_actor("user_1", may_tag=("x",)))
    assert tags_of(again) == ["user_1"]


@pytest.mark.parametrize("name", ["user_2", "origin:x"])
def test_create_agent_by_limited_actor_with_a_tag_it_may_not_write(name: str) -> None:
    with pytest.raises(NotAllowed):
        make_agent(tags=[name], actor=make_key_actor("user_1"))
    assert (Agent.objects.count(), Tag.objects.count()) == (0, 0)


def test_create_agent_protected_tag() -> None:
    with pytest.raises(NotAllowed):
        make_agent(tags=["origin:x"], actor=make_editor())
    by_manager = make_agent(tags=["origin:x"], actor=make_editor(powers=MANAGE))
    by_key = make_agent(tags=["origin:x"], actor=make_key_actor())
    assert tags_of(by_manager) == tags_of(by_key) == ["origin:x"]
    with pytest.raises(NotAllowed):
        change_tags(agent_id=by_key.public_id, add=["origin:y"], actor=make_key_actor())


def test_create_agents_one_timestamp_keeps_their_order() -> None:
    specs = [NewAgent(model="a/b", name=str(n), created_at=OLD) for n in range(50)]
    for start in range(0, 50, 10):
        create_agents(specs[start : start + 10], actor=ROOT)
        make_agent(name="other")  # another timestamp in between
    names = Agent.objects.filter(created_at=OLD).order_by("seq").values_list("name", flat=True)
    assert list(names) == [str(n) for n in range(50)]


def test_create_agents_order_of_keys_is_order_of_creation() -> None:
    moments = [OLD + timedelta(microseconds=n) for n in (5, -3, 0, 2_000_000, -1, 1)]
    moments += [datetime(1950, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)]
    create_agents([NewAgent(model="a/b", created_at=moment) for moment in moments], actor=ROOT)
    in_order = Agent.objects.order_by("seq").values_list("created_at", flat=True)
    assert list(in_order) == sorted(moments)


def test_update_agent_it_works() -> None:
    agent = make_agent(name="Ada", tags=["a"])
    edit = AgentEdit(name="Âda", description="new", system="Be kind.")
    after = update_agent(agent_id=agent.public_id, edit=edit, tags=["b"], actor=ROOT)
    row = Agent.objects.select_related("detail").get()
    assert (row.name, row.name_folded, row.description) == ("Âda", "ada", "new")
    assert (row.detail.system, tags_of(row)) == ("Be kind.", ["b"])
    assert row.version == after.version == 2
    assert row.updated_at == after.updated_at > agent.updated_at
    assert ChangeSet.objects.latest("id").act == Act.FIELDS
    assert last_changes() == [
        (Op.SET, None, "name", "Ada", "Âda"),
        (Op.SET, None, "description", None, "new"),
        (Op.SET, None, "system", "", "Be kind."),
        (Op.ADD, "b", "", None, None),
        (Op.REMOVE, "a", "", None, None),
    ]
    assert drift() == []


@pytest.mark.parametrize(
    ("edit", "tags"),
    [
        (AgentEdit(), None),
        (AgentEdit(name="Ada"), None),
        (AgentEdit(model="letta/letta-free"), ["a"]),
        (AgentEdit(extra={"timezone": "UTC"}), None),
    ],
)
def test_update_agent_to_what_it_is_records_nothing(edit: AgentEdit, tags: list[object]) -> None:
    agent = make_agent(name="Ada", tags=["a"])
    before = everything()
    update_agent(agent_id=agent.public_id, edit=edit, tags=tags, actor=ROOT)
    assert everything() == before


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (AgentEdit(name=""), "name"),
        (AgentEdit(name=None), "name"),
        (AgentEdit(description="\0"), "description"),
        (AgentEdit(model=None), "model"),
        (AgentEdit(model="gpt"), "model"),
        (AgentEdit(embedding=7), "embedding"),
        (AgentEdit(context_window_limit=True), "context_window_limit"),
        (AgentEdit(context_window_limit=-1), "context_window_limit"),
        (AgentEdit(llm_config=[]), "llm_config"),
        (AgentEdit(metadata={"a": "\ud800"}), "metadata"),
    ],
)
def test_update_agent_bad_input(edit: AgentEdit, field: str) -> None:
    agent = make_agent(tags=["a"])
    before = everything()
    with pytest.raises((Invalid, BadRequest)) as refused:
        update_agent(agent_id=agent.public_id, edit=edit, tags=["b"], actor=ROOT)
    assert refused.value.field == field
    assert everything() == before


def test_update_agent_who_may_not() -> None:
    agent = make_agent(tags=["user_2"])
    before = everything()
    edit = AgentEdit(name="x")
    for actor, error in (
        (make_editor(powers=READ), NotAllowed),
        (make_key_actor("user_1"), NotFound),
    ):
        with pytest.raises(error):
            update_agent(agent_id=agent.public_id, edit=edit, actor=actor)
    with pytest.raises(PreconditionFailed):
        update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT, if_match='"0"')
    assert everything() == before


def test_model_window_and_config_say_the_same() -> None:
    agent = make_agent(model="a/one", context_window_limit=1000)
    assert window_of(agent) == ("a/one", 1000, "a/one", 1000)
    for edit, expected in (
        (AgentEdit(model="b/two"), ("b/two", 1000, "b/two", 1000)),
        (AgentEdit(context_window_limit=None), ("b/two", None, "b/two", 128_000)),
        (AgentEdit(context_window_limit=2000), ("b/two", 2000, "b/two", 2000)),
        (
            AgentEdit(llm_config={"model": "x", "model_endpoint_type": "c", "context_window": 9}),
            ("c/x", 9, "c/x", 9),
        ),
        (
            AgentEdit(llm_config={"handle": "d/y", "model": "Y"}, context_window_limit=5),
            ("d/y", 5, "d/y", 5),
        ),
        (
            AgentEdit(llm_config={"model": "x", "model_endpoint_type": "c"}, model="e/z"),
            ("e/z", 5, "e/z", 5),
        ),
    ):
        update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
        assert window_of(agent) == expected


def test_llm_config_of_another_model_is_dropped_and_of_this_one_kept() -> None:
    agent = make_agent(llm_config={"handle": "a/one", "model": "One-2024", "temperature": 0.1})
    config = loads(Agent.objects.select_related("detail").get().detail.llm_config)
    assert (config["handle"], config["model"]) == ("letta/letta-free", "letta-free")
    update_agent(
        agent_id=agent.public_id,
        edit=AgentEdit(llm_config={"handle": "a/one", "model": "One-2024", "temperature": 0.1}),
        actor=ROOT,
    )
    config = loads(Agent.objects.select_related("detail").get().detail.llm_config)
    assert (config["handle"], config["model"], config["temperature"]) == ("a/one", "One-2024", 0.1)
    update_agent(agent_id=agent.public_id, edit=AgentEdit(context_window_limit=7), actor=ROOT)
    config = loads(Agent.objects.select_related("detail").get().detail.llm_config)
    assert (config["model"], config["context_window"]) == ("One-2024", 7)


def test_embedding_and_config_say_the_same() -> None:
    agent = make_agent(embedding="openai/text-embedding-3-large")
    for edit, handle, dimensions in (
        (
            AgentEdit(embedding="openai/text-embedding-3-small"),
            "openai/text-embedding-3-small",
            1536,
        ),
        (
            AgentEdit(embedding_config={"handle": "x/y", "embedding_dim": 7}),
            "x/y",
            7,
        ),
        (AgentEdit(embedding="z/y"), "z/y", 1536),
    ):
        update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
        row = Agent.objects.select_related("detail").get()
        config = loads(row.detail.embedding_config)
        assert (row.embedding, config["handle"], config["embedding_dim"]) == (
            handle,
            handle,
            dimensions,
        )
    update_agent(agent_id=agent.public_id, edit=AgentEdit(embedding=None), actor=ROOT)
    row = Agent.objects.select_related("detail").get()
    assert (row.embedding, row.detail.embedding_config) == (None, "null")


def test_history_shortens_long_texts() -> None:
    agent = make_agent()
    edit = AgentEdit(system="x" * 5000)
    update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
    assert last_changes() == [(Op.SET, None, "system", "", "x" * 2000 + "… (5,000 characters)")]


def test_delete_agent_it_works() -> None:
    agent = make_agent(name="Ada", tags=["vip", "user_1"], blocks=[NewBlock("human")])
    make_agent(tags=["vip"])
    delete_agent(agent_id=agent.public_id, actor=make_editor(), reason="gone")
    assert not Agent.objects.filter(seq=agent.seq).exists()
    assert not AgentTag.objects.filter(agent_id=agent.seq).exists()
    change_set = ChangeSet.objects.latest("id")
    assert (change_set.act, change_set.reason) == (Act.DELETE, "gone")
    assert [change[:2] for change in last_changes()] == [
        (Op.DELETE, None),
        (Op.REMOVE, "user_1"),
        (Op.REMOVE, "vip"),
        (Op.SET, None),  # its memory block goes with it
    ]
    stone = Tombstone.objects.get()
    assert (stone.seq, stone.public_id, stone.name) == (agent.seq, agent.public_id, "Ada")
    assert (stone.deleted_by, loads(stone.tags)) == ("Mara", ["user_1", "vip"])
    assert (stone.deleted_at, stone.change_set_id) == (change_set.created_at, change_set.id)
    assert dict(Tag.objects.values_list("name", "n")) == {"vip": 1, "user_1": 0}
    assert drift() == []
    with pytest.raises(NotFound):
        delete_agent(agent_id=agent.public_id, actor=ROOT)


def test_delete_agent_that_came_back_with_its_id() -> None:
    for name in ("first", "second"):
        make_agent(public_id=AN_ID, name=name)
        delete_agent(agent_id=AN_ID, actor=ROOT)
    assert Tombstone.objects.get().name == "second"
    assert Change.objects.filter(op=Op.DELETE, agent_id=AN_ID).count() == 2


def test_delete_agent_who_may_not() -> None:
    agent = make_agent(tags=["user_2"])
    before = everything()
    for actor, error in (
        (make_editor(powers=READ), NotAllowed),
        (make_key_actor("user_1"), NotFound),
    ):
        with pytest.raises(error):
            delete_agent(agent_id=agent.public_id, actor=actor)
    old = etag_of(agent.public_id, agent.version, [])
    with pytest.raises(PreconditionFailed):
        delete_agent(agent_id=agent.public_id, actor=ROOT, if_match=old)
    assert everything() == before
    delete_agent(agent_id=agent.public_id, actor=make_key_actor("user_2"))


def test_replace_tags_of_a_deleted_agent() -> None:
    agent = make_agent(tags=["a"])
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    before = everything()
    with pytest.raises(NotFound):
        replace_tags(agent_id=agent.public_id, tags=["new"], actor=ROOT)
    assert everything() == before
