"""Every page that adds a user tag says if the agent then belongs to two users."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, override_settings

from agents.domain.agents.write import delete_agent
from agents.domain.tags.edit import change_tags
from agents.models import Agent, ChangeSet
from tests.helpers import ROOT, make_agent
from tests.views.browsing import HX, signed_in, soup

pytestmark = pytest.mark.django_db
Ask = Callable[[Client, Agent], Any]
NEW = {"name": "Nova", "model": "openai/gpt-4o", "tags": "user_1, user_2"}
SAID = re.compile(r"second owner|two owners|more than one (user|owner)")


def _file(client: Client, _agent: Agent) -> Any:
    content = {"agents": [{"id": "agent-0", "name": "Nova", "model": "a/b", "tags": ["user_1"]}]}
    file = SimpleUploadedFile("nova.af", json.dumps(content).encode())
    return client.post("/agents/upload/", {"file": file, "tags": "user_2"}, follow=True)


def _labelled(agent: Agent) -> None:
    make_agent(tags=["user_2"])
    change_tags(agent_id=agent.public_id, add=["label"], actor=ROOT)


def _plan(action: str, other: str) -> Ask:
    def ask(client: Client, agent: Agent) -> Any:
        _labelled(agent)
        return client.get(f"/tags/{action}/?name=label&other={other}")

    return ask


def _many(client: Client, agent: Agent) -> Any:
    _labelled(agent)
    return client.get("/tags/many/?act=merge&tag=label&other=user_2")


def _mark(client: Client, agent: Agent) -> Any:
    _labelled(agent)
    form = {"name": "label", "description": "", "colour": "", "protection": "settings"}
    return client.post("/tags/one/", form | {"user": "yes"}, follow=True)


def _bulk(client: Client, agent: Agent) -> Any:
    picked = {"list": "/agents/", "shown": agent.public_id, "agent": agent.public_id, "act": "add"}
    client.post("/bulk/selection/", picked)
    return client.post("/bulk/new/?op=add", {"add": "user_2"}, follow=True)


def _undo(page: Callable[[Client, Agent, int], Any]) -> Ask:
    def ask(client: Client, agent: Agent) -> Any:
        change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT)
        removal = ChangeSet.objects.latest("id").id
        change_tags(agent_id=agent.public_id, add=["user_2"], actor=ROOT)
        return page(client, agent, removal)

    return ask


def _restore(client: Client, agent: Agent) -> Any:
    change_tags(agent_id=agent.public_id, add=["user_2"], actor=ROOT)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    return client.post("/trash/", {"agent": agent.public_id, "act": "restore"}, follow=True)


PAGES: dict[str, Ask] = {
    "editor": lambda client, agent: client.post(
        f"/agents/{agent.public_id}/tags/", {"tag": "user_2"}, follow=True
    ),
    "editor with script": lambda client, agent: client.post(
        f"/agents/{agent.public_id}/tags/", {"tag": "user_2"}, headers=HX
    ),
    "new": lambda client, _: client.post("/agents/new/", NEW, follow=True),
    "duplicate": lambda client, agent: client.post(
        f"/agents/new/?from={agent.public_id}", NEW, follow=True
    ),
    "assign": lambda client, agent: client.post(
        "/users/one/", {"name": "user_2", "agents": agent.public_id}, follow=True
    ),
    "upload": _file,
    "csv": lambda client, agent: client.post(
        "/bulk/csv/", {"rows": f"{agent.public_id},user_2"}, follow=True
    ),
    "bulk": _bulk,
    "rename": _plan("rename", "user_3"),
    "merge": _plan("merge", "user_2"),
    "many tags": _many,
    "mark as user": _mark,
    "undo": _undo(lambda client, _, number: client.post(f"/history/{number}/undo/", follow=True)),
    "plan of an undo": _undo(lambda client, _, number: client.get(f"/history/{number}/undo/")),
    "undo of an agent": _undo(
        lambda client, agent, number: client.post(
            f"/agents/{agent.public_id}/history/", {"change_set": number}, follow=True
        )
    ),
    "restore": _restore,
}


@pytest.mark.parametrize("page", PAGES)
def test_page_says_it(page: str) -> None:
    agent = make_agent(tags=["user_1"])
    answer: HttpResponse = PAGES[page](signed_in("manager"), agent)
    assert answer.status_code == 200
    # What was just done says it, not only the head of an agent's page or the mark of a row.
    said = soup(answer).select(".message-warning, [data-notice], .plan-first")
    assert SAID.search(" ".join(one.get_text() for one in said))


@override_settings(SECOND_OWNER="allow")
@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_it_where_two_owners_are_allowed(page: str) -> None:
    answer = PAGES[page](signed_in("manager"), make_agent(tags=["user_1"]))
    assert answer.status_code == 200
    assert not SAID.search(soup(answer).get_text())
