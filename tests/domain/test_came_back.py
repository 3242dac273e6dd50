"""The tag of an off-boarded user stays closed for 30 days; what comes back with it is shown."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.core.agent_rights import Right
from agents.core.errors import Conflict
from agents.core.reach import Reach
from agents.domain import members
from agents.domain.agents.write import delete_agent
from agents.domain.core.key_tokens import actor_of
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.door.access_tokens import create_access_token
from agents.domain.keys import create_key
from agents.domain.memory.new import NewBlock
from agents.domain.offboarding.begin import begin
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode
from agents.models import Agent, Block, Offboarding
from agents.queries.access.now import access_to_agent
from agents.queries.access.past import agent_at
from agents.queries.access.period import agent_could_at, agent_report
from agents.tasks import bulk
from tests.api.calls import call, make_token
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, drift, make_agent, make_manager, make_user, tags_of
from tests.net.scripted import Letta
from tests.views.browsing import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def off_board(how: OffboardMode = OffboardMode.AGENTS) -> Offboarding:
    make_agent(name="Gone", tags=["user_3"])
    return begin(name="user_3", how=how, actor=make_manager()).offboarding


def test_no_limited_key_reaches_what_comes_back(letta: Letta, letta_source: object) -> None:
    """By list, by ID, by count, at the front door, and by a new key, member, rename or merge."""
    alone = make_token(limit_tag="user_3")
    several = create_key(name="n", scope="read", reach=Reach.of_tags(["user_3", "x"]), actor=ROOT)
    off_board()
    agent = known(letta, letta_source, name="Back", tags=["user_3"])  # type: ignore[arg-type]
    written = call("POST", "/v1/agents/", {"model": "o/m", "tags": ["user_3"]}, token=make_token())
    assert written.status_code == 200
    for path in (f"/v1/agents/{agent.public_id}", "/v1/agents/", "/v1/agents/count"):
        assert call("GET", path, token=alone).status_code == 401
    assert call("GET", "/v1/agents/", token=several.token).json() == []
    assert call("GET", "/v1/agents/count", token=several.token).json() == 0
    assert call("GET", f"/v1/agents/{agent.public_id}", token=several.token).status_code == 404
    body = {"token": several.token, "agent_id": agent.public_id, "right": "read"}
    checked = call("POST", "/v1/access/check", body, token=make_token(scope="manage"))
    assert checked.status_code != 200 or not checked.json().get("allowed")
    make_agent(tags=["user_4"])
    make_token(limit_tag="user_4")
    for refused in (
        lambda: make_token(limit_tag="user_3"),
        lambda: members.checked_limit(["user_3"]),
        lambda: merge_tags(source="user_4", target="user_3", actor=ROOT),
    ):
        with pytest.raises(Conflict, match="off-boarded"):
            refused()
    users_left = call("GET", "/v1/tags/", token=make_token()).json()
    assert "user_3" in users_left


def test_a_rename_does_not_give_keys_the_tag() -> None:
    off_board()
    make_agent(tags=["user_4"])
    with pytest.raises(Conflict, match="closed until"):
        rename_tag(old="user_4", new="user_3", actor=ROOT)


def test_pages_say_that_it_came_back() -> None:
    row = off_board()
    client = signed_in("manager")
    assert "came back" not in client.get("/").content.decode()
    agent = make_agent(name="Back", tags=["user_3"])
    about = "?name=user_3"
    for path in (agent.get_absolute_url(), reverse("user") + about, reverse("tag") + about):
        page = client.get(path)
        assert page.status_code == 200, path
        assert "Came back:" in page.content.decode(), path
    assert "off-boarded user came back" in client.get("/").content.decode()
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        later = signed_in("admin")
        assert "Came back:" not in later.get(agent.get_absolute_url()).content.decode()
        make_token(limit_tag="user_3")
    opened = client.post(f"/users/receipts/{row.id}/open/")
    assert opened.status_code == 303
    assert "Came back:" not in client.get(agent.get_absolute_url()).content.decode()
    make_token(limit_tag="user_3")


@pytest.mark.parametrize("how", [OffboardMode.TAG, OffboardMode.MOVE])
def test_undo_opens_the_tag(how: OffboardMode) -> None:
    token = make_token(limit_tag="user_3")
    agent = make_agent(name="Gone", tags=["user_3"])
    to = "user_9" if how is OffboardMode.MOVE else None
    row = begin(name="user_3", how=how, to=to, actor=make_manager()).offboarding
    if how is OffboardMode.TAG:
        assert call("GET", "/v1/agents/", token=token).status_code == 401
    bulk.undo(change_set_id=row.change_set_id or 0, actor=ROOT)
    assert tags_of(agent) == ["user_3"]
    make_token(limit_tag="user_3")
    assert drift() == []


LIMITED = {
    "by another tag": Reach.of_tags(["team"]),
    "by several tags": Reach.of_tags(["team", "other"]),
    "by id": None,
}


def came_back() -> Agent:
    """An agent that carries the closed tag and another one, and a block; beside it one without."""
    off_board()
    back = make_agent(name="Zurück", tags=["user_3", "team"], blocks=[NewBlock("human", "Jane")])
    make_agent(name="Stays", tags=["team"])
    return back


@pytest.mark.parametrize("kind", LIMITED)
def test_no_key_limited_otherwise_reaches_it(kind: str) -> None:
    """Not by another of its tags, and not by its ID: on no route, and not to write."""
    back = came_back()
    block = Block.objects.get()
    reach = LIMITED[kind] or Reach.of_agents([back.public_id])
    token = create_key(name="n", scope="write", reach=reach, actor=ROOT).token
    own = [] if kind == "by id" else ["Stays"]
    one = f"/v1/agents/{back.public_id}"
    assert [a["name"] for a in call("GET", "/v1/agents/", token=token).json()] == own
    by_name = call("GET", "/v1/agents/?order_by=updated_at&name=Zur%C3%BCck", token=token)
    assert by_name.json() == []
    assert call("GET", "/v1/agents/count", token=token).json() == len(own)
    assert call("GET", "/v1/blocks/", token=token).json() == []
    assert call("GET", "/v1/tags/", token=token).json() == (["team"] if own else [])
    for method, path, body in (
        ("GET", one, None),
        ("GET", f"{one}/core-memory/blocks", None),
        ("GET", f"{one}/export", None),
        ("GET", f"/v1/blocks/{block.public_id}", None),
        ("GET", f"/v1/blocks/{block.public_id}/agents", None),
        ("PATCH", one, {"name": "taken"}),
        ("PATCH", one, {"tags": ["vip"]}),
        ("POST", f"{one}/tags", {"remove": ["user_3"]}),
        ("PATCH", f"/v1/blocks/{block.public_id}", {"value": "x"}),
        ("DELETE", one, None),
    ):
        got = call(method, path, body, token=token)
        assert got.status_code == 404, (method, path, got.content)
    cursor = call("GET", f"/v1/agents/?after={back.public_id}", token=token)
    assert cursor.status_code == 400
    manager = make_token(scope="manage")
    asked = {"token": token, "agent_id": back.public_id, "right": "read_agent"}
    assert call("POST", "/v1/access/check", asked, token=manager).json()["allowed"] is False
    rows = access_to_agent(back).rows
    assert rows
    assert all(row.tag is None and not row.by_id for row in rows)
    receipt = Offboarding.objects.get()
    assert signed_in("manager").post(f"/users/receipts/{receipt.id}/open/").status_code == 303
    assert call("GET", one, token=token).status_code == 200
    assert call("GET", "/v1/agents/count", token=token).json() == len(own) + 1


def test_a_limited_member_and_a_token_do_not_reach_it() -> None:
    agent = make_agent(name="Back", tags=["team"])
    key = create_key(name="n", scope="write", limit_tag="team", actor=ROOT).key
    policy = {agent.public_id: [Right.READ_AGENT]}
    made = create_access_token(hostname="https://a.example", policy=policy, actor=actor_of(key))
    member = Client()
    member.force_login(make_user("lena", stored_reach=Reach.of_tags(["team"]).stored()))
    origin = {"Origin": "https://a.example"}
    one = f"/v1/agents/{agent.public_id}"
    assert call("GET", one, token=made.token, **origin).status_code == 200
    assert member.get(agent.get_absolute_url()).status_code == 200
    off_board()
    before = timezone.now()
    change_tags(agent_id=agent.public_id, add=["user_3"], actor=ROOT)
    during = timezone.now()
    assert call("GET", one, token=made.token, **origin).status_code in (401, 404)
    for path in ("", "memory/", "history/", "delete/"):
        assert member.get(agent.get_absolute_url() + path).status_code == 404
    assert "Back" not in member.get("/agents/").content.decode()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert "Back" not in member.get("/trash/").content.decode()
    after = timezone.now()

    def could(at: datetime) -> set[str]:
        past = agent_at(agent.public_id, at)
        rows = agent_could_at(agent.public_id, past.tags, at)
        return {row.subject.partition(":")[0] for row in rows}

    assert could(before) == {"key", "token"}
    assert could(during) == set()
    report = agent_report(agent.public_id, before, after)
    assert report.could
    assert all(row.until is not None and row.until <= during for row in report.could)


def test_a_limited_key_may_give_its_new_agent_the_tag_and_does_not_see_it_then() -> None:
    off_board()
    token = make_token(scope="write", limit_tag="team", may_tag=["user_3"])
    made = call("POST", "/v1/agents/", {"model": "o/m", "tags": ["team", "user_3"]}, token=token)
    assert made.status_code in (200, 404)
    assert call("GET", "/v1/agents/", token=token).json() == []
