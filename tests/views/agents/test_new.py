"""GET and POST /agents/new/: an agent made from nothing, and after another one."""

import json

import pytest
from django.test import Client

from agents.domain.memory.new import NewBlock
from agents.models import Agent, Block, ChangeSet
from tests.helpers import drift, everything, make_agent, tags_of
from tests.views.browsing import form_at, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

URL = "/agents/new/"
TOLD = {"name": "Triage", "model": "openai/gpt-4o"}


def made_in(response: object) -> Agent:
    """The agent that the answer leads to."""
    assert response.status_code == 303
    return Agent.objects.get(public_id=response["Location"].split("/")[2])


def ticks(response: object) -> dict[str, bool]:
    """The tags that the page offers, and whether each is ticked."""
    boxes = soup(response).select("input[name=exact]")
    return {box["value"]: box.has_attr("checked") for box in boxes}


def test_it_works() -> None:
    client = signed_in()
    page = client.get(URL)
    assert (page.status_code, text_at(page, "h1")) == (200, "New agent")
    told = TOLD | {
        "embedding": "openai/text-embedding-ada-002",
        "context_window_limit": "32000",
        "system": "Be brief.\r\nBe kind.",
        "description": "Sorts mail.",
        "tags": 'user_1,  tier:gold , "a, b"',
    }
    agent = made_in(client.post(URL, told))
    assert (agent.name, agent.model, agent.embedding, agent.context_window_limit) == (
        "Triage",
        "openai/gpt-4o",
        "openai/text-embedding-ada-002",
        32000,
    )
    assert (agent.description, agent.detail.system) == ("Sorts mail.", "Be brief.\nBe kind.")
    assert tags_of(agent) == ["a, b", "tier:gold", "user_1"]
    assert drift() == []


def test_it_is_recorded_in_history() -> None:
    client = signed_in()
    agent = made_in(client.post(URL, TOLD | {"tags": "user_1"}))
    (change_set,) = ChangeSet.objects.all()
    assert (change_set.act, change_set.actor_name, change_set.source) == (
        "create",
        "editor",
        "page",
    )
    changes = change_set.changes.order_by("id").values_list("op", "agent_id", "tag")
    assert list(changes) == [("create", agent.public_id, None), ("add", agent.public_id, "user_1")]


def test_models_and_embeddings_in_use_are_offered() -> None:
    make_agent(model="openai/gpt-4o", embedding="openai/ada")
    page = soup(signed_in().get(URL))
    assert [option["value"] for option in page.select("#models option")] == ["openai/gpt-4o"]
    assert [option["value"] for option in page.select("#embeddings option")] == ["openai/ada"]
    assert page.select_one("[name=model]")["list"] == "models"


def test_tags_of_the_address_are_ticked_and_taken_as_they_are() -> None:
    odd = "line\nbreak, & <b>  "
    client = signed_in()
    page = client.get(URL, {"tag": ["user_1", odd, "x" * 513]})
    assert ticks(page) == {"user_1": True, odd: True}
    assert text_at(page, ".message-warning").endswith("the limit is 512, so it is left out.")
    sent = ["user_1", odd.replace("\n", "\r\n")]
    agent = made_in(client.post(URL, TOLD | {"exact": sent}))
    assert tags_of(agent) == sorted(["user_1", odd])


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"name": " "}, "name"),
        ({"model": ""}, "model"),
        ({"model": "gpt"}, "model"),
        ({"embedding": "ada"}, "embedding"),
        ({"context_window_limit": "many"}, "context_window_limit"),
        ({"context_window_limit": "0"}, "context_window_limit"),
        ({"tags": "x" * 513}, "tags"),
        ({"description": "x" * 20_001}, "description"),
    ],
)
def test_what_is_refused_is_said_at_its_field_and_kept(wrong: dict[str, str], where: str) -> None:
    client = signed_in()
    before = everything()
    told = TOLD | {"tags": "user_1", "system": "Be brief."} | wrong
    response = client.post(f"{URL}?tag=vip", told | {"exact": "vip"})
    assert response.status_code == 422
    page = soup(response)
    assert page.select_one(f"#id_{where}_error").get_text()
    for name, text in told.items():
        field = page.select_one(f"[name={name}]")
        kept = (
            field.get_text().removeprefix("\n")
            if field.name == "textarea"
            else field.get("value", "")
        )
        assert (name, kept) == (name, text)
    assert ticks(response) == {"vip": True}
    assert everything() == before


def test_a_protected_tag_is_not_for_an_editor() -> None:
    client = signed_in()
    before = everything()
    page = soup(client.get(URL, {"tag": "origin:letta"}))
    assert page.select_one("input[name=exact]").has_attr("disabled")
    response = client.post(URL, TOLD | {"tags": "origin:letta"})
    assert response.status_code == 403
    assert "only a manager" in text_at(response, ".message-error")
    assert soup(response).select_one("[name=tags]")["value"] == "origin:letta"
    assert everything() == before


def test_a_manager_may_add_a_protected_tag() -> None:
    agent = made_in(signed_in("manager").post(URL, TOLD | {"tags": "origin:letta"}))
    assert tags_of(agent) == ["origin:letta"]


def test_the_same_form_twice_makes_one_agent() -> None:
    client = signed_in()
    public_id = soup(client.get(URL)).select_one("[name=public_id]")["value"]
    answers = [client.post(URL, TOLD | {"public_id": public_id}) for _ in range(2)]
    assert [answer["Location"] for answer in answers] == [f"/agents/{public_id}/"] * 2
    assert Agent.objects.count() == 1


def test_an_id_that_is_none_is_refused() -> None:
    response = signed_in().post(URL, TOLD | {"public_id": "agent-1"})
    assert response.status_code == 422
    assert Agent.objects.count() == 0


def test_a_viewer_makes_none() -> None:
    client = signed_in("viewer")
    before = everything()
    assert client.get(URL).status_code == 403
    assert client.post(URL, TOLD).status_code == 403
    assert everything() == before
    assert soup(client.get("/agents/")).select("a[href='/agents/new/']") == []


def test_nobody_is_sent_to_sign_in() -> None:
    assert Client().get(URL)["Location"] == "/accounts/login/?next=%2Fagents%2Fnew%2F"


def test_other_methods_are_refused() -> None:
    assert signed_in().delete(URL).status_code == 405


# --- A duplicate ----------------------------------------------------------------------------


def make_source() -> Agent:
    return make_agent(
        name="Nova",
        model="openai/gpt-4o",
        description="Helps.",
        tags=["user_1", "tier:gold", "odd \n tag", "origin:letta"],
        system="Be brief.",
        context_window_limit=32000,
        embedding="openai/text-embedding-ada-002",
        llm_config={"handle": "openai/gpt-4o", "temperature": 0.2, "context_window": 32000},
        metadata={"team": "care"},
        extra={"timezone": "Europe/Berlin", "message_ids": ["message-1"]},
        blocks=[NewBlock("human", "Tea"), NewBlock("persona", "Kind", limit=500, read_only=True)],
    )


def test_a_duplicate_has_all_but_the_user() -> None:
    source = make_source()
    client = signed_in()
    url = f"{URL}?copy={source.public_id}"
    page = client.get(url)
    assert ticks(page) == {
        "user_1": False,
        "odd \n tag": True,
        "origin:letta": False,
        "tier:gold": True,
    }
    agent = made_in(client.post(url, form_at(page, "main form") | {"with_blocks": "on"}))
    assert agent.name == "Copy of Nova"
    assert tags_of(agent) == ["odd \n tag", "tier:gold"]
    for name in ("description", "model", "embedding", "context_window_limit"):
        assert getattr(agent, name) == getattr(source, name)
    assert agent.detail.system == "Be brief."
    for name in ("llm_config", "embedding_config", "metadata"):
        config, other = (json.loads(getattr(one.detail, name)) for one in (agent, source))
        assert (name, config) == (name, other)
    assert agent.detail.extra == '{"timezone":"Europe/Berlin"}'
    told = ("label", "value", "limit", "read_only")
    blocks = Block.objects.order_by("label")
    mine, its = (blocks.filter(agentblock__agent=one) for one in (agent, source))
    assert list(mine.values_list(*told)) == list(its.values_list(*told))
    assert not set(mine.values_list("public_id")) & set(its.values_list("public_id"))
    assert ChangeSet.objects.latest("id").reason == f"Copy of Nova ({source.public_id})"
    assert drift() == []


def test_a_duplicate_may_take_the_user_along_and_leaves_the_memory() -> None:
    source = make_source()
    client = signed_in()
    url = f"{URL}?copy={source.public_id}"
    form = form_at(client.get(url), "main form")
    form["exact"] = [*form["exact"], "user_1"]
    form["context_window_limit"] = ""
    assert "with_blocks" not in form  # a user's memory is copied only if asked for
    agent = made_in(client.post(url, form))
    assert tags_of(agent) == ["odd \n tag", "tier:gold", "user_1"]
    assert agent.context_window_limit is None
    assert Block.objects.filter(agentblock__agent=agent).count() == 0


def test_a_duplicate_of_an_unknown_agent_is_404() -> None:
    client = signed_in()
    assert client.get(f"{URL}?copy=agent-0").status_code == 404
    assert client.post(f"{URL}?copy=agent-0", TOLD).status_code == 404
