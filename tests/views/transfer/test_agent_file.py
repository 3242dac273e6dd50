"""/agents/upload/: a file's agents brought in; /agents/<id>/file/: an agent as a file."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents.domain.agents.write import delete_agent
from agents.domain.memory.new import NewBlock
from agents.domain.transfer import agent_file
from agents.models import Agent, ChangeSet
from tests.helpers import ROOT, drift, everything, make_agent, tags_of
from tests.views.browsing import HX, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

URL = "/agents/upload/"
FILE: dict[str, Any] = {
    "agents": [
        {
            "id": "agent-0",
            "name": "Nova",
            "model": "openai/gpt-4o",
            "tags": ["user_1"],
            "block_ids": ["block-0"],
            "messages": [{"role": "user"}, {"role": "assistant"}],
        }
    ],
    "blocks": [{"id": "block-0", "label": "human", "value": "Tea"}],
    "tools": [{"id": "tool-0"}],
}


def a_file(content: object = None, name: str = "nova.af") -> SimpleUploadedFile:
    data = content if isinstance(content, bytes) else json.dumps(content or FILE).encode()
    return SimpleUploadedFile(name, data)


def send(client: Client, content: object = None, *, headers: Any = None, **more: str) -> Any:
    return client.post(URL, {"file": a_file(content), **more}, headers=headers)


def test_it_works() -> None:
    client = signed_in()
    page = client.get(f"{URL}?tag=vip")
    assert page.status_code == 200
    assert soup(page).select_one("[name=tags]")["value"] == "vip"
    assert soup(page).select_one("form#upload")["enctype"] == "multipart/form-data"
    response = send(client, tags='vip, "a, b"')
    assert (response.status_code, response["Location"]) == (303, URL)
    agent = Agent.objects.get()
    assert (agent.name, tags_of(agent)) == ("Nova", ["a, b", "user_1", "vip"])
    page = client.get(URL)
    assert text_at(page, ".message-success") == (
        "nova.af: imported 1 agent. Nova Skipped: 1 tool, 2 messages."
    )
    assert soup(page).select_one(".message-success a")["href"] == f"/agents/{agent.public_id}/"
    assert soup(client.get(URL)).select(".message-success") == []
    assert drift() == []


def test_it_is_recorded_in_history() -> None:
    send(signed_in())
    (change_set,) = ChangeSet.objects.all()
    assert (change_set.act, change_set.actor_name, change_set.source, change_set.reason) == (
        "import",
        "editor",
        "page",
        "nova.af",
    )


def test_for_htmx_the_answer_is_what_came_of_it() -> None:
    response = send(signed_in(), headers=HX)
    assert (response.status_code, is_page(response)) == (200, False)
    assert text_at(response, "#upload-said .message-success").startswith(
        "nova.af: imported 1 agent."
    )


def test_the_same_file_twice_makes_no_second_agent_unless_asked() -> None:
    client = signed_in()
    send(client)
    agent = Agent.objects.get()
    again = send(client, headers=HX)
    assert Agent.objects.count() == 1
    assert text_at(again, ".message-warning").startswith("nova.af: 1 agent was imported before")
    assert soup(again).select_one(".message-warning a")["href"] == f"/agents/{agent.public_id}/"
    assert soup(again).select_one("button[name=again]")["value"] == "1"
    send(client)
    assert soup(client.get(URL)).select_one("input[name=again]")["value"] == "1"
    assert Agent.objects.count() == 1
    send(client, again="1")
    assert Agent.objects.count() == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"{", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[]", "is no agent file: it contains a list, not an object."),
        (b'{"agents": []}', "contains no agents."),
        (b'{"agents": [{"id": "a", "name": "N", "model": "a/b", "tags": [""]}]}', "is empty."),
        (b"[" * 100_000, "nested too deep"),
    ],
)
@pytest.mark.parametrize("headers", [None, HX])
def test_a_file_that_is_refused_changes_nothing(content: bytes, why: str, headers: Any) -> None:
    client = signed_in()
    before = everything()
    response = send(client, content, headers=headers, tags="user_1")
    assert response.status_code == 422
    assert why in text_at(response, ".message-error")
    assert text_at(response, ".message-error").endswith("Nothing was imported.")
    if headers is None:
        assert soup(response).select_one("[name=tags]")["value"] == "user_1"
    assert everything() == before


def test_a_tag_that_is_none_changes_nothing() -> None:
    client = signed_in()
    before = everything()
    response = send(client, tags="x" * 513)
    assert response.status_code == 422
    assert "the limit is 512" in text_at(response, ".message-error")
    assert everything() == before


def test_a_protected_tag_is_not_for_an_editor() -> None:
    client = signed_in()
    before = everything()
    response = send(client, tags="origin:letta")
    assert response.status_code == 403
    assert "only a manager" in text_at(response, ".message-error")
    assert everything() == before


def test_no_file_is_said() -> None:
    response = signed_in().post(URL, {"tags": "user_1"})
    assert response.status_code == 422
    assert text_at(response, ".message-error") == (
        "Choose an agent file first. Nothing was imported."
    )


def test_a_file_too_long_is_not_read_whole(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = send(signed_in(), b"x" * 200_000)
    assert response.status_code == 422
    assert text_at(response, ".message-error") == (
        "“nova.af” is 200,000 bytes; the limit is 1,000. Nothing was imported."
    )


def test_a_viewer_may_not() -> None:
    client = signed_in("viewer")
    before = everything()
    assert client.get(URL).status_code == 403
    assert send(client).status_code == 403
    assert everything() == before


def test_other_methods_are_refused() -> None:
    assert signed_in().put(URL).status_code == 405


# --- Download -------------------------------------------------------------------------------


def test_an_agent_comes_back_from_its_file() -> None:
    agent = make_agent(
        name='../Nova "1"\r\n',
        tags=["user_1", "odd \n tag"],
        system="Be brief.",
        blocks=[NewBlock("human", "Tea")],
    )
    client = signed_in("viewer")
    response = client.get(f"/agents/{agent.public_id}/file/")
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="_Nova _1___.af"'
    (spec,) = agent_file.parse(response.content).agents
    assert (spec.name, spec.system, sorted(spec.tags)) == (
        agent.name,
        "Be brief.",
        ["odd \n tag", "user_1"],
    )
    assert [(block.label, block.value) for block in spec.blocks] == [("human", "Tea")]


def test_a_file_of_no_agent_is_404() -> None:
    agent = make_agent()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    client = signed_in()
    assert client.get(f"/agents/{agent.public_id}/file/").status_code == 404
    assert client.get("/agents/agent-0/file/").status_code == 404


def test_a_file_is_read_only() -> None:
    assert signed_in().post(f"/agents/{make_agent().public_id}/file/").status_code == 405
