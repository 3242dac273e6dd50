"""A primary that Patroni looks after is killed, and frozen, under load."""

import contextlib
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.faults.databases import made
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import served
from tests.scaling.databases import environment_of, eventually, url_of
from tests.scaling.patroni import Node, has_synchronous_standby, patroni, reached, takes_writes

pytestmark = [pytest.mark.prove, pytest.mark.only_postgres]

BACK_WITHIN = 5.0  # seconds after the election
HEALTHY_WITHIN = 2.0  # seconds in which /healthz answers, whatever happens


@pytest.mark.parametrize("through", ["hosts", "haproxy", "pgbouncer"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_primary_lost_under_load(through: str, how: signal.Signals, tmp_path: Path) -> None:
    lost_under_load(through, how, tmp_path, synchronous=True)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_primary_with_asynchronous_replicas_lost_under_load(
    how: signal.Signals, tmp_path: Path
) -> None:
    lost_under_load("haproxy", how, tmp_path, synchronous=False)


def lost_under_load(through: str, how: signal.Signals, folder: Path, *, synchronous: bool) -> None:
    """Nothing that was answered is missing afterwards, unless replicas are asynchronous; nothing is half."""
    with (
        patroni(synchronous=synchronous) as nodes,
        reached(through, nodes) as servers,
        contextlib.ExitStack() as stack,
    ):
        pooler = "transaction" if through == "pgbouncer" else ""
        there = made(url_of(servers), POOLER=pooler)
        server = stack.enter_context(served(there.environment, folder))
        load = Load([server.address], there.token)
        with load.running():
            load.goes_on()
            new, lost, elected = primary_lost(nodes, how, server.address)
            load.goes_on()
            before, after = load.since(lost, elected), load.since(elected)
        print(
            f"{how.name} through {through}, synchronous: {synchronous}: elected after "
            f"{elected - lost:.1f} s; until then {before}; since then {after}"
        )
        assert set(load.since(0).writes) <= {"200", "404", "503"}
        assert after.first_write is not None
        assert after.first_write < BACK_WITHIN
        if synchronous:  # what was answered last is complete once a standby has it
            eventually(lambda: has_synchronous_standby(new.port))
        print(looked(environment_of([new]), load.ledger(), may_lose=not synchronous))


def primary_lost(nodes: list[Node], how: signal.Signals, address: str) -> tuple[Node, float, float]:
    """Lose the first; the node that took over, when the first was lost, and when that was."""
    first, *others = nodes
    lost = time.monotonic()
    first.signal(how)
    elected: list[Node] = []

    def election() -> bool:
        begun = time.monotonic()
        assert httpx.get(f"{address}/healthz", timeout=30).status_code == 200
        assert time.monotonic() - begun < HEALTHY_WITHIN
        elected.extend(one for one in others if takes_writes(one.port))
        return bool(elected)

    eventually(election)
    return elected[0], lost, time.monotonic()
