"""The clock of the machine jumps: no key twice, no list with a gap, history in its own order."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from agents.models import Agent, Change, ChangeSet, Op
from tests.api.calls import call, make_token
from tests.helpers import all_tags, drift, replayed

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make(token: str, count: int) -> list[str]:
    return [
        call("POST", "/v1/agents/", {"model": "a/b", "tags": ["x"]}, token=token).json()["id"]
        for _ in range(count)
    ]


def paged(token: str, order: str) -> list[str]:
    """All agents, by twos."""
    found: list[str] = []
    while True:
        after = f"&after={found[-1]}" if found else ""
        page = call("GET", f"/v1/agents/?limit=2&order={order}{after}", token=token).json()
        if not page:
            return found
        found += [one["id"] for one in page]


@pytest.mark.parametrize("jump", [timedelta(minutes=-1), timedelta(0), timedelta(days=-400)])
def test_agents_made_around_a_jump_of_the_clock(jump: timedelta) -> None:
    """`timedelta(0)` is a clock that stands: the same microsecond again and again."""
    token = make_token()
    with time_machine.travel(NOON, tick=False) as clock:
        made = make(token, 4)
        clock.move_to(NOON + jump)
        made += make(token, 4)
        clock.move_to(NOON)
        made += make(token, 4)
        rows = Agent.objects.order_by("seq").values_list("public_id", "created_at")
        assert [at for _, at in rows] == sorted(at for _, at in rows)
        assert sorted(one for one, _ in rows) == sorted(made)
        assert paged(token, "asc") == [one for one, _ in rows]
        assert paged(token, "desc") == paged(token, "asc")[::-1]
    assert drift() == []


def test_history_goes_by_the_order_of_writes_and_not_by_the_clock() -> None:
    token = make_token()
    with time_machine.travel(NOON, tick=False) as clock:
        (agent,) = make(token, 1)
        clock.move_to(NOON - timedelta(minutes=1))
        for body in ({"add": ["y"]}, {"remove": ["y"]}, {"add": ["y"]}):
            answer = call("POST", f"/v1/agents/{agent}/tags", body, token=token)
            assert answer.status_code == 200
    ops = Change.objects.filter(tag="y").order_by("id").values_list("op", flat=True)
    assert list(ops) == [Op.ADD, Op.REMOVE, Op.ADD]
    times = ChangeSet.objects.order_by("id").values_list("created_at", flat=True)
    assert list(times)[-4:] == [NOON] + [NOON - timedelta(minutes=1)] * 3
    assert replayed() == all_tags()
