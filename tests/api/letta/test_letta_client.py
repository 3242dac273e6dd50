"""A running server, driven by the real Letta client for Python."""

import json

import letta_client
import pytest
from letta_client import Letta

from agents.domain.memory.new import NewBlock
from agents.models import Agent
from tests.api.calls import SEED, make_token
from tests.helpers import make_agent, tags_of


def connect(address: str, token: str | None = None) -> Letta:
    return Letta(base_url=address, api_key=token or make_token(), max_retries=0)


def test_the_readme_snippet_finds_the_users_agent(live: str) -> None:
    client = connect(live)
    agent = client.agents.create(**SEED, tags=["my_uuid"])
    make_agent(tags=["other"])
    assert [found.id for found in client.agents.list(tags=["my_uuid"])] == [agent.id]
    assert agent.tags == ["my_uuid"]
    assert agent.llm_config is not None
    assert agent.llm_config.context_window == 200000


def test_pages_are_followed_to_the_end(live: str) -> None:
    made = [make_agent(tags=["t"]).public_id for _ in range(7)]
    client = connect(live)
    assert [agent.id for agent in client.agents.list(tags=["t"], limit=2)] == made[::-1]
    pages = client.agents.list(tags=["t"], limit=3, order="asc")
    assert [agent.id for agent in pages] == made
    assert len(list(client.agents.list(tags=["t", "x"], match_all_tags=True))) == 0


def test_an_agent_is_read_edited_and_deleted(live: str) -> None:
    client = connect(live)
    agent = make_agent(tags=["a"])
    assert client.agents.retrieve(agent.public_id).tags == ["a"]
    changed = client.agents.update(agent.public_id, tags=["b", "c,d"], description="d")
    assert (sorted(changed.tags), changed.description) == (["b", "c,d"], "d")
    assert tags_of(agent) == ["b", "c,d"]
    client.agents.delete(agent.public_id)
    assert not Agent.objects.exists()
    with pytest.raises(letta_client.NotFoundError):
        client.agents.retrieve(agent.public_id)


def test_what_letta_lacks_is_reached_through_the_client(live: str) -> None:
    client = connect(live)
    agent = make_agent(tags=["a"])
    make_agent(tags=["a", "b"])
    left = client.agents.list(tags=["a"], extra_query={"exclude_tags": "b"})
    assert [found.id for found in left] == [agent.public_id]
    with pytest.raises(letta_client.APIStatusError) as refused:
        client.agents.update(agent.public_id, tags=[], extra_headers={"If-Match": '"old"'})
    assert refused.value.status_code == 412
    delta = client.post(f"/v1/agents/{agent.public_id}/tags", body={"add": ["b"]}, cast_to=object)
    assert delta == {"tags": ["a", "b"]}


def test_tags_blocks_and_health(live: str) -> None:
    client = connect(live)
    body = SEED | {"memory_blocks": [{"label": "human", "value": "Ann"}]}
    agent = client.agents.create(**body, tags=["user_1", "vip"])
    assert list(client.tags.list()) == ["user_1", "vip"]
    assert [block.value for block in client.agents.blocks.list(agent.id)] == ["Ann"]
    assert client.agents.blocks.update("human", agent_id=agent.id, value="Bob").value == "Bob"
    assert client.health().status == "ok"


def test_an_agent_goes_out_and_comes_in_as_a_file(live: str) -> None:
    client = connect(live)
    agent = make_agent(name="Max", tags=["user_1", "a,b"], blocks=[NewBlock("human", "Ann")])
    file = client.agents.export_file(agent.public_id)
    data = (file if isinstance(file, str) else json.dumps(file)).encode()
    [made] = client.agents.import_file(file=("x.af", data), append_copy_suffix=False).agent_ids
    copy = client.agents.retrieve(made, include=["agent.blocks"])
    assert (copy.name, copy.tags) == ("Max", ["a,b", "user_1"])
    assert [block.value for block in copy.blocks] == ["Ann"]
    with pytest.raises(letta_client.BadRequestError):
        client.agents.import_file(file=("x.af", b"nonsense"))


def test_blocks_are_shared_between_agents(live: str) -> None:
    client = connect(live)
    agents = [make_agent().public_id for _ in range(3)]
    block = client.blocks.create(label="rules", value="Be brief.")
    for agent_id in agents:
        client.agents.blocks.attach(block.id, agent_id=agent_id)
    assert client.blocks.update(block.id, value="Be kind.").value == "Be kind."
    assert [agent.id for agent in client.blocks.agents.list(block.id, limit=2)] == agents[::-1]
    client.agents.blocks.detach(block.id, agent_id=agents[0])
    assert len(list(client.agents.blocks.list(agents[0]))) == 0
    assert [found.id for found in client.blocks.list(label="rules")] == [block.id]
    client.blocks.delete(block.id)
    with pytest.raises(letta_client.NotFoundError):
        client.blocks.retrieve(block.id)


def test_identities_models_and_what_is_not_kept(live: str) -> None:
    client = connect(live)
    body = {"identifier_key": "crm-7", "name": "Ann", "identity_type": "user"}
    identity = client.post("/v1/identities/", body=body, cast_to=object)
    agent = make_agent(model="openai/gpt-4.1", embedding="openai/text-embedding-ada-002")
    client.agents.update(agent.public_id, extra_body={"identity_ids": [identity["id"]]})
    for query in ({"identity_id": identity["id"]}, {"identifier_keys": ["crm-7"]}):
        assert [found.id for found in client.agents.list(**query)] == [agent.public_id]
    assert [model.handle for model in client.models.list()] == ["openai/gpt-4.1"]
    assert [model.embedding_dim for model in client.models.embeddings.list()] == [1536]
    assert "send_message" in [tool.name for tool in client.tools.list()]
    assert list(client.agents.messages.list(agent.public_id)) == []
    assert client.mcp_servers.list() == client.conversations.list() == []
    with pytest.raises(letta_client.InternalServerError) as refused:
        client.agents.messages.create(agent.public_id, input="Hello")
    assert refused.value.status_code == 501


def test_a_wrong_key_is_401(live: str) -> None:
    with pytest.raises(letta_client.AuthenticationError):
        connect(live, "wrong").tags.list()


def test_a_limited_key_lists_its_user_alone(live: str) -> None:
    own, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    client = connect(live, make_token(limit_tag="user_1"))
    assert [agent.id for agent in client.agents.list()] == [own.public_id]
    with pytest.raises(letta_client.NotFoundError):
        client.agents.retrieve(other.public_id)


def test_a_create_with_a_key_of_the_caller_is_made_once(live: str) -> None:
    """The client sends no such header by itself; with `extra_headers` its own retries send it too."""
    client = connect(live)
    once = {"extra_headers": {"Idempotency-Key": "order-17"}}
    first, again = (client.agents.create(**SEED, **once) for _ in range(2))
    assert first.id == again.id
    assert client.agents.create(**SEED).id != client.agents.create(**SEED).id
    imports = {
        client.agents.import_file(
            file=("a.af", json.dumps(client.agents.export_file(first.id)).encode()),
            extra_headers={"Idempotency-Key": "import-17"},
        ).agent_ids[0]
        for _ in range(2)
    }
    assert len(imports) == 1
