"""Rate limits: how they count, whom they count, what they answer, and that processes share them."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from letta_client import Letta, RateLimitError
from processes import ROOT

from ade.ops import rate_limits
from tests.api.calls import call, make_token
from tests.helpers import make_agent, make_user
from tests.scaling.databases import eventually

pytestmark = pytest.mark.only_sqlite  # the database plays no part


@pytest.fixture(autouse=True)
def fresh_table() -> Any:
    rate_limits.table.cache_clear()
    yield
    rate_limits.table.cache_clear()


@pytest.fixture
def still_clock() -> Iterator[None]:
    """No token grows back while a test counts them."""
    with time_machine.travel(1_900_000_000, tick=False):
        yield


# --- How it counts --------------------------------------------------------------------------


def test_a_minutes_worth_at_once_then_evenly() -> None:
    table = rate_limits.Table(None)
    with time_machine.travel(1_700_000_000, tick=False) as clock:
        verdicts = [table.take("a", 60) for _ in range(61)]
        assert [verdict.remaining for verdict in verdicts] == [*range(59, -1, -1), 0]
        assert [verdict.wait for verdict in verdicts[:60]] == [0.0] * 60
        assert round(verdicts[60].wait, 3) == 1.0
        clock.shift(1)
        assert [table.take("a", 60).wait > 0 for _ in range(2)] == [False, True]
        clock.shift(60)
        assert table.take("a", 60).remaining == 59


def test_a_refused_request_costs_nothing() -> None:
    table = rate_limits.Table(None)
    with time_machine.travel(1_700_000_000, tick=False) as clock:
        for _ in range(500):
            table.take("a", 60)
        clock.shift(1)
        assert table.take("a", 60).wait == 0


def test_callers_do_not_share() -> None:
    table = rate_limits.Table(None)
    for _ in range(3):
        table.take("a", 3)
    assert table.take("a", 3).wait > 0
    assert table.take("b", 3).wait == 0


def test_a_clock_that_was_wrong_locks_nobody_out() -> None:
    table = rate_limits.Table(None)
    with time_machine.travel(2_000_000_000, tick=False):
        for _ in range(4):
            table.take("a", 3)
    with time_machine.travel(1_700_000_000, tick=False):
        assert table.take("a", 3).wait == 0


def test_many_callers_push_out_only_those_that_owe_least() -> None:
    table = rate_limits.Table(None)
    with time_machine.travel(1_700_000_000, tick=False):
        for _ in range(60):
            table.take("busy", 60)
        for number in range(50_000):
            table.take(f"once-{number}", 60)
        assert table.take("busy", 60).wait > 0


def test_its_file_is_all_on_the_disk(tmp_path: Path) -> None:
    # To write into a hole would end the process once the disk is full.
    rate_limits.Table(tmp_path / "rates")
    found = (tmp_path / "rates").stat()
    assert found.st_blocks * 512 >= found.st_size == 1 << 20


WRITER = """
import sys
from pathlib import Path
from ade.ops import rate_limits
table = rate_limits.Table(Path(sys.argv[1]))
print(sum(table.take("a", 1000).wait == 0 for _ in range(900)))
"""


def test_processes_and_threads_count_together(tmp_path: Path) -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "ade.settings", "DEBUG": "true"}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "rates")]
    started = time.monotonic()
    writers = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    table = rate_limits.Table(tmp_path / "rates")
    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(lambda _: table.take("a", 1000).wait == 0, range(900)))
    taken += sum(int(writer.communicate()[0]) for writer in writers)
    grown = (time.monotonic() - started) * 1000 / 60
    assert 1000 <= taken <= 1000 + grown + 2


HOLDER = """
import fcntl, sys, threading
from pathlib import Path
from ade.ops import rate_limits
table, other = rate_limits.Table(Path(sys.argv[1])), open(sys.argv[2], "r+b")
count = table._take
def hold(*asked):
    threading.Thread(target=fcntl.lockf, args=(other, fcntl.LOCK_EX), daemon=True).start()
    sys.stdin.readline()
    return count(*asked)
table._take = hold
table.take("a", 60)
"""


def test_another_lock_between_the_processes_is_no_deadlock(tmp_path: Path) -> None:
    """Locks of SQLite's writers belong to the processes, too, and other threads wait for them."""
    table = rate_limits.Table(tmp_path / "rates")
    environment = {"DJANGO_SETTINGS_MODULE": "ade.settings", "DEBUG": "true"}
    with (tmp_path / "other").open("w+b") as other:
        fcntl.lockf(other, fcntl.LOCK_EX)
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "rates"), other.name]
        holder = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, text=True
        )
        # A line with an arrow is one that waits.
        eventually(lambda: f"-> POSIX  ADVISORY  WRITE {holder.pid} " in _locks())
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(table.take, "a", 60)
            eventually(lambda: asked.done() or f"WRITE {os.getpid()} " in _waiting())
            holder.communicate("go on\n", timeout=60)
            assert asked.result().remaining == 58


def _locks() -> str:
    return Path("/proc/locks").read_text()


def _waiting() -> str:
    return "\n".join(line for line in _locks().splitlines() if "->" in line)


def test_an_address_of_ipv6_stands_for_its_network() -> None:
    assert (
        rate_limits._network("2001:db8::1")
        == rate_limits._network("2001:db8::ffff:1")
        == "2001:db8::"
    )
    assert rate_limits._network("2001:db8:0:1::1") != rate_limits._network("2001:db8::1")
    assert rate_limits._network("::ffff:192.0.2.1") == rate_limits._network("::ffff:c000:201")
    assert rate_limits._network("192.0.2.1") != rate_limits._network("192.0.2.2")


@pytest.mark.prove
def test_it_costs_microseconds(tmp_path: Path) -> None:
    table = rate_limits.Table(tmp_path / "rates")
    started = time.perf_counter()
    for _ in range(20_000):
        table.take("a", 6000)
    microseconds = (time.perf_counter() - started) / 20_000 * 1e6
    print(f"{microseconds:.1f} microseconds for each request")
    assert microseconds < 200


# --- The API --------------------------------------------------------------------------------


def rate_headers(response: HttpResponse) -> list[str | None]:
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")
    return [response.headers.get(name) for name in names]


@pytest.mark.django_db
@pytest.mark.usefixtures("still_clock")
def test_a_key_over_its_limit_is_told_when_to_come_again(settings: Any) -> None:
    settings.RATE_PER_CALLER = 2
    make_agent()
    token, other = make_token(name="app"), make_token(name="other")
    answers = [call("GET", "/v1/agents/", token=token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert rate_headers(answers[0]) == ["2", "1", "30", None]
    assert rate_headers(answers[2]) == ["2", "0", "60", "30"]
    assert answers[2].json() == {
        "detail": "Too many requests: try again in 30 seconds.",
        "code": "too_many_requests",
    }
    assert call("GET", "/v1/agents/", token=other).status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("still_clock")
def test_wrong_keys_are_counted_by_address(settings: Any, django_assert_num_queries: Any) -> None:
    settings.RATE_PER_ADDRESS = 3
    known, unknown = make_token(name="known"), make_token(name="unknown")
    settings.RATE_PER_CALLER = 100

    def ask(token: str, address: str = "192.0.2.1") -> int:
        client = Client(headers={"Authorization": f"Bearer {token}"})
        return client.get("/v1/models/", REMOTE_ADDR=address).status_code

    assert ask(known) == 200
    assert [ask(f"ade_{number:012x}_wrong") for number in range(3)] == [401] * 3
    with django_assert_num_queries(0):  # nothing is looked up any more
        assert ask("ade_0123456789ab_wrong") == 429
        assert ask("") == 429
    assert ask("ade_0123456789ab_wrong", "192.0.2.2") == 401
    # A key that was let in lately is not shut out by others at its address.
    assert ask(known) == 200
    assert ask(unknown) == 429


@pytest.mark.django_db
def test_without_limits_nothing_is_said(settings: Any) -> None:
    response = call("GET", "/v1/models/", token=make_token(name="app"))
    assert rate_headers(response) == [None] * 4


@pytest.mark.django_db
def test_the_open_api_and_health_are_not_counted(settings: Any) -> None:
    settings.RATE_PER_CALLER = settings.RATE_PER_ADDRESS = 1
    statuses = [call("GET", "/v1/health/", token="").status_code for _ in range(3)]
    settings.API_OPEN = True
    local = Client(headers={"Host": "localhost"})
    statuses += [local.get("/v1/models/").status_code for _ in range(3)]
    statuses += [Client().get("/healthz").status_code for _ in range(3)]
    assert statuses == [200] * 9


# --- Pages ----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("still_clock")
def test_a_member_is_counted_wherever_they_are(settings: Any) -> None:
    settings.RATE_PER_CALLER = 2
    client = Client()
    client.force_login(make_user())
    statuses = [
        client.get("/agents/", REMOTE_ADDR=f"192.0.2.{number}").status_code for number in range(3)
    ]
    assert statuses == [200, 200, 429]
    page = client.get("/agents/")
    assert page.headers["Retry-After"] == "30"
    assert "Wait 30 s, then try again. Nothing was saved." in page.content.decode()
    fragment = client.get("/agents/", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Retarget"]) == (429, "#messages")
    assert b"<html" not in fragment.content


@pytest.mark.django_db
@pytest.mark.usefixtures("still_clock")
def test_strangers_are_counted_by_address(settings: Any) -> None:
    settings.RATE_PER_ADDRESS = 2
    statuses = [Client().get("/accounts/login/").status_code for _ in range(3)]
    elsewhere = Client().get("/accounts/login/", REMOTE_ADDR="192.0.2.9").status_code
    assert (statuses, elsewhere) == ([200, 200, 429], 200)


# --- A running server -----------------------------------------------------------------------


@pytest.mark.whole
def test_two_workers_share_the_count_and_lettas_client_waits_for_it(
    serve: Callable[..., str], transactional_db: None
) -> None:
    address = serve(RATE_PER_CALLER="30")
    token = make_token(name="app")

    def ask(_: int) -> int:  # a connection each, so that both workers get some
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{address}/v1/models/", headers=headers, timeout=60).status_code

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(ask, range(60)))
    grown = (time.monotonic() - started) * 30 / 60
    assert set(statuses) == {200, 429}
    assert 30 <= statuses.count(200) <= 30 + grown + 1

    answers: list[tuple[float, httpx.Response]] = []
    with httpx.Client(
        event_hooks={"response": [lambda answer: answers.append((time.monotonic(), answer))]}
    ) as noted:
        client = Letta(base_url=address, api_key=token, max_retries=3, http_client=noted)
        for _ in range(60):  # on a slow machine the first ones may find that some are left again
            assert list(client.agents.list()) == []
            if len(answers) > 1 and answers[-2][1].status_code == 429:
                break
    (refused_at, refused), (answered_at, answered) = answers[-2:]
    assert (refused.status_code, answered.status_code) == (429, 200)
    assert answered_at - refused_at >= int(refused.headers["Retry-After"])
    with (
        Letta(base_url=address, api_key=token, max_retries=0) as impatient,
        pytest.raises(RateLimitError),
    ):
        exhaust(impatient)


def exhaust(client: Letta) -> None:
    for _ in range(60):
        client.agents.list()
