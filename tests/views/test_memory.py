"""/agents/<id>/memory/: blocks added, edited, taken off."""

from typing import Any

import pytest

from agents.domain.memory.agent import attach_block
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import update_block
from agents.models import Agent, AgentBlock, Block, Change, ChangeSet
from tests.helpers import ROOT, everything, make_agent
from tests.views.browsing import HX, form_at, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

NEW = {"label": "human", "value": "Tea"}


def path_of(agent: Agent, more: str = "") -> str:
    return f"/agents/{agent.public_id}/memory/{more}"


def make_one(**fields: Any) -> tuple[Agent, Block]:
    """An agent with the block `human`."""
    agent = make_agent(name="Nova", blocks=[NewBlock("human", "Tea", **fields)])
    return agent, Block.objects.get()


def make_shared() -> tuple[Agent, Agent, Block]:
    """Two agents that share the block `human`."""
    agent, block = make_one()
    other = make_agent(name="Other")
    attach_block(agent_id=other.public_id, block_id=block.public_id, actor=ROOT)
    return agent, other, block


def labels_of(agent: Agent) -> list[str]:
    rows = AgentBlock.objects.filter(agent=agent).order_by("label")
    return list(rows.values_list("label", flat=True))


def said(response: Any) -> str:
    return text_at(response, "#blocks [role=status]")


# --- Add ------------------------------------------------------------------------------------


def test_a_block_is_added_and_recorded() -> None:
    agent, client = make_agent(), signed_in()
    form = form_at(client.get(path_of(agent, "?add=1")), "#blocks form")
    told = form | {"label": "human", "value": "Tea\r\nMilk", "limit": "500", "read_only": "on"}
    response = client.post(path_of(agent, "add/"), told | {"description": "Who it is."})
    assert (response.status_code, response["Location"]) == (303, path_of(agent))
    block = Block.objects.get()
    assert (block.label, block.value, block.limit, block.read_only, block.description) == (
        "human",
        "Tea\nMilk",
        500,
        True,
        "Who it is.",
    )
    assert labels_of(agent) == ["human"]
    change_set = ChangeSet.objects.latest("id")
    assert (change_set.act, change_set.actor_name, change_set.source) == (
        "blocks",
        "editor",
        "page",
    )
    change = change_set.changes.get()
    assert (change.agent_id, change.field, change.new) == (
        agent.public_id,
        "block human",
        "Tea\nMilk",
    )
    assert text_at(client.get(path_of(agent)), "#messages") == "Block human added."


def test_a_block_added_by_htmx_is_shown_and_has_the_focus() -> None:
    agent = make_agent()
    response = signed_in().post(path_of(agent, "add/"), NEW, headers=HX)
    assert (response.status_code, is_page(response)) == (200, False)
    assert said(response) == "Block human added."
    (focus,) = soup(response).select("[autofocus]")
    assert focus.get_text() == "Edit human"
    assert Block.objects.get().limit == 100_000


@pytest.mark.parametrize("headers", [None, HX])
@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"label": ""}, "label"),
        ({"label": "taken"}, "label"),
        ({"label": "x" * 257}, "label"),
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "2"}, "value"),
    ],
)
def test_a_block_that_is_refused_is_kept_as_typed(
    wrong: dict[str, str], where: str, headers: Any
) -> None:
    agent = make_agent(blocks=[NewBlock("taken")])
    client = signed_in()
    before = everything()
    response = client.post(path_of(agent, "add/"), NEW | wrong, headers=headers)
    assert response.status_code == 422
    assert text_at(response, f"#id_{where}_error")
    sent = form_at(response, "#blocks form")
    assert {name: sent[name] for name in NEW | wrong} == NEW | wrong
    assert everything() == before


# --- Edit -----------------------------------------------------------------------------------


def test_a_block_is_edited_and_recorded() -> None:
    agent, block = make_one()
    client = signed_in()
    page = client.get(path_of(agent, f"?edit={block.public_id}"))
    data = form_at(page, "#blocks form") | {"value": "Coffee\r\n"}
    response = client.post(path_of(agent), data, headers=HX)
    assert (response.status_code, said(response)) == (200, "Block human saved.")
    assert Block.objects.get().value == "Coffee\n"
    assert Change.objects.latest("id").field == "block human: value"


def test_label_limit_and_permission_are_edited() -> None:
    agent, block = make_one(read_only=True)
    client = signed_in()
    page = client.get(path_of(agent, f"?edit={block.public_id}"))
    data = form_at(page, "#blocks form") | {"label": "user", "limit": "500", "description": "Who."}
    del data["read_only"]
    assert client.post(path_of(agent), data).status_code == 303
    block = Block.objects.get()
    assert (block.label, block.limit, block.read_only, block.description, block.value) == (
        "user",
        500,
        False,
        "Who.",
        "Tea",
    )
    assert labels_of(agent) == ["user"]


def test_a_form_sent_as_shown_changes_nothing() -> None:
    agent, block = make_one(description="Who.")
    client = signed_in()
    before = everything()
    page = client.get(path_of(agent, f"?edit={block.public_id}"))
    assert client.post(path_of(agent), form_at(page, "#blocks form")).status_code == 303
    assert everything() == before


def test_a_block_above_its_limit_is_422_and_keeps_the_text() -> None:
    agent, block = make_one(limit=5)
    data = NEW | {"block": block.public_id, "value": "Coffee", "limit": "5"}
    response = signed_in().post(path_of(agent), data)
    assert response.status_code == 422
    assert text_at(response, "#id_value_error") == "value is 6 characters; the limit is 5."
    assert form_at(response, "#blocks form")["value"] == "Coffee"
    assert Block.objects.get().value == "Tea"


def test_a_label_that_another_block_has_is_409_and_kept() -> None:
    agent = make_agent(blocks=[NewBlock("human", "Tea"), NewBlock("persona", "Kind")])
    client = signed_in()
    block = Block.objects.get(label="human")
    before = everything()
    page = client.get(path_of(agent, f"?edit={block.public_id}"))
    data = form_at(page, "#blocks form") | {"label": "persona"}
    response = client.post(path_of(agent), data)
    assert response.status_code == 409
    assert form_at(response, "#blocks form")["label"] == "persona"
    assert everything() == before


def test_a_block_changed_meanwhile_is_409() -> None:
    agent, block = make_one()
    client = signed_in()
    page = client.get(path_of(agent, f"?edit={block.public_id}"))
    data = form_at(page, "#blocks form") | {"value": "Coffee"}
    update_block(agent_id=agent.public_id, label="human", value="Milk", actor=ROOT)
    assert client.post(path_of(agent), data).status_code == 409
    assert Block.objects.get().value == "Milk"


def test_a_shared_block_says_whom_it_reaches() -> None:
    agent, _, block = make_shared()
    page = signed_in().get(path_of(agent, f"?edit={block.public_id}"))
    assert text_at(page, ".message-warning").startswith("Other agents share this block")


# --- Remove ---------------------------------------------------------------------------------


def test_a_block_of_one_agent_is_deleted() -> None:
    agent, block = make_one()
    client = signed_in()
    page = client.get(path_of(agent, f"?remove={block.public_id}"))
    assert [button["value"] for button in soup(page).select("#blocks form button")] == ["delete"]
    assert "This cannot be undone." in text_at(page, ".message-warning")
    data = form_at(page, "#blocks form") | {"how": "delete"}
    assert client.post(path_of(agent, "remove/"), data).status_code == 303
    assert (Block.objects.count(), labels_of(agent)) == (0, [])
    assert text_at(client.get(path_of(agent)), "#messages") == "Block human deleted."
    change = Change.objects.latest("id")
    assert (change.agent_id, change.field, change.old, change.new) == (
        agent.public_id,
        "block human",
        "Tea",
        None,
    )


@pytest.mark.parametrize(("how", "left"), [("detach", ["human"]), ("delete", [])])
def test_a_shared_block_stays_with_the_others_unless_deleted(how: str, left: list[str]) -> None:
    agent, other, block = make_shared()
    client = signed_in()
    page = client.get(path_of(agent, f"?remove={block.public_id}"))
    buttons = [button["value"] for button in soup(page).select("#blocks form button")]
    assert buttons == ["detach", "delete"]
    data = form_at(page, "#blocks form") | {"how": how}
    response = client.post(path_of(agent, "remove/"), data, headers=HX)
    assert (response.status_code, is_page(response)) == (200, False)
    (focus,) = soup(response).select("[autofocus]")
    assert focus["id"] == "block-add"
    assert (labels_of(agent), labels_of(other)) == ([], left)
    assert ChangeSet.objects.latest("id").act == "blocks"


# --- For all three --------------------------------------------------------------------------


@pytest.mark.parametrize("block", ["", "nope", "a\0b", "foreign"])
@pytest.mark.parametrize("path", ["", "remove/"])
def test_a_block_that_the_agent_has_not_is_404(path: str, block: str) -> None:
    _, foreign = make_one()
    agent = make_agent()
    named = foreign.public_id if block == "foreign" else block
    client = signed_in()
    before = everything()
    data = NEW | {"block": named, "how": "delete"}
    assert client.post(path_of(agent, path), data).status_code == 404
    assert client.get(path_of(agent), {"edit": named or "x"}).status_code == 404
    assert client.get(path_of(agent), {"remove": named or "x"}).status_code == 404
    assert everything() == before


@pytest.mark.parametrize("path", ["", "add/", "remove/"])
def test_a_viewer_is_403(path: str) -> None:
    agent, block = make_one()
    client = signed_in("viewer")
    before = everything()
    data = NEW | {"block": block.public_id, "how": "delete"}
    assert client.post(path_of(agent, path), data).status_code == 403
    for query in ("", "?add=1", f"?edit={block.public_id}", f"?remove={block.public_id}"):
        page = soup(client.get(path_of(agent, query)))
        assert page.select("#blocks form, #blocks a") == []
    assert everything() == before


@pytest.mark.parametrize("path", ["add/", "remove/"])
def test_writing_takes_a_post(path: str) -> None:
    assert signed_in().get(path_of(make_agent(), path)).status_code == 405


@pytest.mark.parametrize("path", ["", "add/", "remove/"])
def test_of_an_unknown_agent_is_404(path: str) -> None:
    assert signed_in().post(f"/agents/agent-0/memory/{path}", NEW).status_code == 404
