"""manage.py tidy: what it removes, and what it leaves."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from ade.models import CacheEntry
from agents.core.filters import AgentFilter
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.core.idempotency import Once, record
from agents.domain.keys import create_key, disable_key
from agents.models import (
    AccessToken,
    ApiKey,
    BulkBatch,
    BulkOp,
    BulkPlan,
    Change,
    IdempotentRequest,
)
from agents.tasks.bulk_worker import run_bulk
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.django_db


def tidied(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("tidy", *arguments, stdout=out)
    return out.getvalue().splitlines()


def make_short_key(name: str) -> str:
    soon = timezone.now() + timedelta(hours=1)
    return create_key(name=name, actor=ROOT, limit_tag="user_1", expires_at=soon).key.name


def make_everything() -> None:
    """One of each that grows old."""
    make_short_key("short")
    create_key(name="for ever", actor=ROOT)
    ended = create_key(name="ended", actor=ROOT)
    disable_key(key_id=ended.key.key_id, actor=ROOT)
    agent = make_agent(tags=["a"])
    selection = Selection(AgentFilter(ids=(agent.public_id,)))
    make_plan(selection=selection, change=BulkChange(BulkOp.ADD, add=["b"]), actor=ROOT)
    Client().force_login(make_user())
    cache.set("attempts", 1, timeout=60)
    AccessToken.objects.create(
        token_id="ct1",
        digest=b"",
        key=ApiKey.objects.get(name="for ever"),
        hostname="https://app.example",
        policy="{}",
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    once = Once(caller="key:1", key_digest="k", request_digest="r")
    record(once, status=200, made=[agent.public_id])
    run_bulk.enqueue("x")
    DBTaskResult.objects.update(status="SUCCESSFUL", finished_at=timezone.now())


def left() -> dict[str, object]:
    return {
        "keys": sorted(ApiKey.objects.values_list("name", flat=True)),
        "plans": BulkPlan.objects.count() + BulkBatch.objects.count(),
        "sessions": Session.objects.count(),
        "counts": CacheEntry.objects.count(),
        "traces": DBTaskResult.objects.count(),
        "requests": IdempotentRequest.objects.count(),
    }


def test_it_leaves_what_is_young() -> None:
    make_everything()
    before = left()
    assert tidied() == [
        "0 sessions removed.",
        "0 counts of sign-in attempts removed.",
        "0 records of finished tasks removed.",
        "0 expired keys that are limited to a tag removed.",
        "0 bulk changes that were never started removed.",
        "0 last uses of agents, a year old removed.",
        "0 last uses of tags, a year old removed.",
        "0 expired client-side access tokens removed.",
        "0 old idempotency keys removed.",
        "0 agent files of agents that are not in the trash removed.",
        "0 agents whose days in the trash are over removed.",
    ]
    assert left() == before


def test_it_removes_what_is_old_and_keeps_history() -> None:
    with time_machine.travel(timezone.now() - timedelta(days=40), tick=False):
        make_everything()
    changes = Change.objects.count()
    numbers = [line.split()[0] for line in tidied()]
    # Uses go after a year, and nothing was in the trash.
    assert numbers == ["1"] * 5 + ["0", "0", "1", "1", "0", "0"]
    assert left() == {
        "keys": ["ended", "for ever"],
        "plans": 0,
        "sessions": 0,
        "counts": 0,
        "traces": 0,
        "requests": 0,
    }
    assert Change.objects.count() == changes


def test_it_removes_thousands_in_steps() -> None:
    old = timezone.now() - timedelta(days=1)
    sessions = [Session(session_key=str(n), session_data="", expire_date=old) for n in range(1201)]
    Session.objects.bulk_create(sessions)
    assert tidied()[0] == "1,201 sessions removed."


def test_no_days_is_refused() -> None:
    with pytest.raises(CommandError):
        tidied("--days", "0")
