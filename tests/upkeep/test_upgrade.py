"""A database of the first release, made by its own code, is brought to now and lacks nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from ade.models import User
from agents.domain.bulk.plans import get_plan
from agents.domain.history.undo import undo
from agents.domain.upkeep import recount
from agents.models import BulkPlan, BulkState, Change, ChangeSet, Tag
from agents.tasks import bulk
from tests.api.calls import call, ids
from tests.helpers import ROOT, all_tags, drift
from tests.upkeep import releases
from tests.upkeep.databases import empty_database, inside

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ["agents/", "tags/", "users/", "history/", "bulk/", "views/", "keys/", "members/"]


@pytest.fixture
def known(tmp_path: Path, settings: Any) -> Iterator[dict[str, Any]]:
    """What is known of the release's database, which is there and migrated."""
    known = releases.known()
    settings.SECRET_KEY = known["secret_key"]
    with empty_database(tmp_path) as url:
        releases.load(url)
        with inside(url):
            call_command("migrate", verbosity=0)
            yield known


def test_everything_is_there(known: dict[str, Any]) -> None:
    assert {agent: sorted(tags) for agent, tags in all_tags().items()} == known["agents"]
    assert dict(Tag.objects.values_list("name", "n")) == known["tags"]
    assert (ChangeSet.objects.count(), Change.objects.count()) == (
        known["change_sets"],
        known["changes"],
    )
    assert drift() == list(recount.differences()) == []


def test_keys_of_before_work(known: dict[str, Any]) -> None:
    full, limited = known["token"], known["limited_token"]
    every = call("GET", "/v1/agents/?limit=100", token=full)
    assert sorted(ids(every)) == sorted(known["agents"])
    own = sorted(agent for agent, tags in known["agents"].items() if "user_after" in tags)
    assert sorted(ids(call("GET", "/v1/agents/", token=limited))) == own
    assert call("GET", "/v1/agents/", token=known["ended_token"]).status_code == 401
    path = f"/v1/agents/{known['agent']}/tags"
    added = call("POST", path, {"add": ["new"], "remove": ["case"]}, token=full)
    assert added.status_code == 200
    assert drift() == []


def test_changes_of_before_are_undone(known: dict[str, Any]) -> None:
    # First of all: a new plan removes those that nobody applied within a week.
    assert BulkPlan.objects.get(id=known["planned"]).state == BulkState.PLANNED
    before = known["agents"][known["agent"]]
    undone = undo(change_set_id=known["to_undo"], actor=ROOT)
    assert sorted(change.tag for change in undone.done) == ["Case", "to undo"]
    after = all_tags()[known["agent"]]
    assert after == ({*before, "Case"} - {"to undo"})
    plan = get_plan(known["bulk"]["id"], actor=ROOT)
    assert (plan.state, plan.changed) == (BulkState.DONE, known["bulk"]["changed"])
    taken_back = bulk.begin_undo(plan_id=plan.id, actor=ROOT)
    assert (taken_back.state, taken_back.changed) == (BulkState.DONE, known["bulk"]["changed"])
    assert not any("bulk" in tags for tags in all_tags().values())
    assert drift() == []


def test_pages_show_it_to_who_could_sign_in(known: dict[str, Any]) -> None:
    client = Client()
    answer = client.post("/accounts/login/", {"login": "demo", "password": "correct horse"})
    assert answer.status_code == 302
    agent = f"agents/{known['agent']}/"
    own = [agent, f"{agent}settings/", f"{agent}history/", f"{agent}memory/", f"{agent}json/"]
    rest = [f"bulk/{known['bulk']['id']}/", f"history/{known['to_undo']}/"]
    statuses = {page: client.get(f"/{page}").status_code for page in [*PAGES, *own, *rest]}
    assert statuses == dict.fromkeys(statuses, 200)
    assert client.get(f"/agents/{known['deleted']}/").status_code == 404
    mara = Client()
    mara.force_login(User.objects.get(username="mara"))
    mine = mara.get("/views/").content.decode()
    assert "Mine" in mine
    assert "Ours" in mine
