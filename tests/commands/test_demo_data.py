"""manage.py demo_data: a believable console at once, and never over someone's own data."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from agents.domain.agents.write import delete_agent
from agents.domain.upkeep import recount
from agents.models import Agent, AgentTag, Block, Change, ChangeSet, Tag
from agents.queries.access.listed import PastFilter, agents_at
from agents.queries.access.past import agent_at
from agents.samples import demo
from tests.helpers import ROOT, make_agent, tags_of

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part
User = get_user_model()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("demo_data", *arguments)
    return capsys.readouterr().out


def everything() -> list[object]:
    models = (Agent, AgentTag, Block, Change, ChangeSet, Tag, User)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_it_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--password", "a long one") == (
        "Demo data: created 40 agents and the sign-in “demo”.\n"
    )
    user = User.objects.get()
    assert (user.username, user.role) == ("demo", "admin")
    assert user.check_password("a long one")
    assert recount.differences() == []


def test_second_run_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "--password", "a long one")
    before = everything()
    assert run(capsys, "--password", "another") == (
        "The demo data exists already. Nothing was changed.\n"
    )
    assert everything() == before


def test_past_is_in_order_and_over() -> None:
    call_command("demo_data", verbosity=0)
    now = timezone.now()
    times = list(ChangeSet.objects.order_by("id").values_list("created_at", flat=True))
    assert times == sorted(times)
    assert times[-1] < now
    assert Agent.objects.filter(updated_at__gt=now).count() == 0
    assert Agent.objects.filter(created_at__gt=now).count() == 0
    assert AgentTag.objects.filter(added_at__gt=now).count() == 0
    assert Tag.objects.filter(last_added_at__gt=now).count() == 0
    assert set(ChangeSet.objects.values_list("act", flat=True)) == {
        "create",
        "describe",
        "tags",
        "undo",
    }


def test_a_past_moment_can_be_asked_for() -> None:
    call_command("demo_data")
    hedda = demo.public_id("Hedda")
    added, taken_off = Change.objects.filter(agent_id=hedda, tag="vip").order_by("id")
    for moment, listed in [
        (added.moment - timedelta(seconds=1), False),
        (added.moment, True),
        (taken_off.moment - timedelta(seconds=1), True),
        (taken_off.moment, False),
    ]:
        found = agents_at(PastFilter(all=["vip"]), moment, size=100).rows
        assert (hedda in [row.public_id for row in found]) is listed
        assert ("vip" in agent_at(hedda, moment).tags) is listed


def test_changes_of_the_demo_stand_in_its_agents() -> None:
    call_command("demo_data")
    nova = Agent.objects.get(public_id=demo.public_id("Nova"))
    assert tags_of(nova) == ["env:prod", "lang:en", "team:care", "tier:gold", "user_1", "vip"]
    hedda = Agent.objects.get(public_id=demo.public_id("Hedda"))
    assert tags_of(hedda) == ["env:prod", "lang:de", "team:care", "tier:silver", "user_7"]
    assert tags_of(Agent.objects.get(public_id=demo.public_id("Unsorted import"))) == []


def test_one_block_is_shared_by_all() -> None:
    call_command("demo_data")
    assert Block.objects.get(label="company").agentblock_set.count() == 40


def test_database_with_agents_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    make_agent()
    before = everything()
    assert run(capsys, "--password", "a long one") == (
        "The database has 1 agents of its own. No demo data was added.\n"
    )
    assert everything() == before


def test_force_adds_it_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    make_agent()
    run(capsys, "--force")
    assert Agent.objects.count() == 41


def test_agents_made_since_do_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    make_agent()
    assert run(capsys) == "The demo data exists already. Nothing was changed.\n"


def test_deleted_agents_do_not_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    for agent in Agent.objects.all():
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert run(capsys) == "The demo data exists already. Nothing was changed.\n"


def test_without_a_password_one_is_made_up_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = run(capsys)
    password = told.rstrip(".\n").rsplit(" ", 1)[1]
    assert told == (
        f"Demo data: created 40 agents and the sign-in “demo” with the password {password}.\n"
    )
    assert User.objects.get().check_password(password)
