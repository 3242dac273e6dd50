"""The tag of an off-boarded user stays closed for 30 days; what comes back with it is shown."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from agents.core.errors import Conflict
from agents.core.reach import Reach
from agents.domain import members
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.keys import create_key
from agents.domain.offboarding.begin import begin
from agents.domain.users import OffboardMode
from agents.models import Offboarding
from agents.tasks import bulk
from tests.api.calls import call, make_token
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, drift, make_agent, make_manager, tags_of
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
