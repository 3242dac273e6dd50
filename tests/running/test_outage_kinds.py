"""Each way in which a database fails: pages, API and /readyz say so, and /healthz stays green."""

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, Error, IntegrityError, ProgrammingError, connection, connections
from django.db.backends.signals import connection_created
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from ade.db import schema
from ade.ops import outage, probes
from ade.ops.outage import LOOK, NOTHING, Trouble, is_passing, sentence_for, trouble
from agents.models import Agent
from tests.api.calls import call, make_token
from tests.helpers import make_agent, make_user

pytestmark = pytest.mark.django_db(transaction=True)

AGENT = "agent-00000000-0000-4000-8000-000000000001"
Break = Callable[[Path], None]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing failed before."""
    monkeypatch.setattr(probes, "_wrote_at", 0.0)


@pytest.fixture
def moved() -> Iterator[Callable[..., None]]:
    """Let every connection made from now on use another file or role: `moved(NAME=...)`."""
    given = connections.settings["default"]
    before = dict(given)

    def moved(**changes: Any) -> None:
        connection.close()
        given.update(changes)

    yield moved
    connection.close()
    given.clear()
    given.update(before)


def ready() -> tuple[int, str]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json().get("reason", "")


def require_answer(found: Trouble, *, token: str, client: Client, ending: str = NOTHING) -> None:
    """A write is refused by page and API with 503 and a sentence; probes say the same."""
    answer = call("POST", "/v1/agents/", {"model": "a/b"}, token=token)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(found.sentence)
    assert answer.json()["detail"].endswith(ending)
    assert answer.headers["Retry-After"] == "5"
    page = client.post(f"/agents/{AGENT}/tags/", {"tag": "vip"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert found.headline in page.content.decode()
    assert ready()[0] == 503
    assert Client().get("/healthz").status_code == 200


@pytest.fixture
def people() -> tuple[str, Client]:
    """A key, and someone who is signed in, of whose use nothing is to be noted."""
    token, client = make_token(), Client(raise_request_exception=False)
    client.force_login(make_user(role="manager"))
    Agent.objects.filter(pk=make_agent().pk).update(public_id=AGENT)
    assert client.get("/agents/").status_code == 200
    assert call("GET", "/v1/agents/", token=token).status_code == 200
    assert ready() == (200, "")
    return token, client


# --- SQLite ---------------------------------------------------------------------------------


def copy_of_database(folder: Path) -> Path:
    """The test database as a file of its own."""
    copy = folder / "copy.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    with sqlite3.connect(copy) as made:
        made.execute("PRAGMA journal_mode=WAL")
    made.close()
    return copy


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all " * 1000)


def torn_pages(path: Path) -> None:
    """All but the first page is noise."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


def cut_short(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 4096 // 3 * 4096])


def no_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def no_file(path: Path) -> None:
    path.unlink()


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.only_sqlite
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (no_database, Trouble.DAMAGED),
        (torn_pages, Trouble.DAMAGED),
        (cut_short, Trouble.DAMAGED),
        (folder_instead, Trouble.AWAY),
        (no_folder, Trouble.AWAY),
        (no_file, Trouble.OUTDATED),  # SQLite makes an empty one
    ],
)
def test_broken_file(
    damage: Break,
    found: Trouble,
    tmp_path: Path,
    moved: Callable[..., None],
    people: tuple[str, Client],
) -> None:
    (tmp_path / "folder").mkdir()
    copy = copy_of_database(tmp_path / "folder")
    damage(copy)
    moved(NAME=str(copy))
    token, client = people
    require_answer(found, token=token, client=client, ending="")
    assert ready()[0] == 503


@pytest.mark.only_sqlite
def test_read_only_file(
    tmp_path: Path, moved: Callable[..., None], people: tuple[str, Client]
) -> None:
    copy = copy_of_database(tmp_path)
    moved(
        NAME=f"file:{copy}?mode=ro",
        OPTIONS={**connections.settings["default"]["OPTIONS"], "uri": True},
    )
    token, client = people
    require_answer(Trouble.READ_ONLY, token=token, client=client)
    assert ready() == (503, Trouble.READ_ONLY.sentence)
    assert call("GET", "/v1/agents/", token=token).status_code == 200


@pytest.mark.only_sqlite
def test_full_disk(tmp_path: Path, moved: Callable[..., None], people: tuple[str, Client]) -> None:
    copy = copy_of_database(tmp_path)
    moved(NAME=str(copy))

    def no_growth(connection: Any, **_: Any) -> None:
        connection.connection.execute("PRAGMA max_page_count = 1")

    connection_created.connect(no_growth)
    token, client = people
    try:
        body = {"model": "a/b", "description": "x" * 20000}
        answer = call("POST", "/v1/agents/", body, token=token)
        assert (answer.status_code, answer.json()["detail"]) == (
            503,
            f"{Trouble.FULL.sentence} {NOTHING}",
        )
        assert ready() == (503, Trouble.FULL.sentence)
        assert client.get("/agents/").status_code == 200
    finally:
        connection_created.disconnect(no_growth)


@pytest.mark.only_sqlite
def test_disk_that_fails(
    tmp_path: Path, moved: Callable[..., None], people: tuple[str, Client]
) -> None:
    """No file may grow beyond 64 kB: the log of one write has more."""
    moved(NAME=str(copy_of_database(tmp_path)))
    token, _ = people
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        answer = call("POST", "/v1/agents/", {"model": "a/b", "tags": ["x", "y"]}, token=token)
        probe, health = ready(), Client().get("/healthz").status_code
        read = call("GET", "/v1/agents/", token=token).status_code
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (answer.status_code, answer.json()["detail"]) == (503, f"{Trouble.DISK.sentence} {LOOK}")
    assert (probe, health, read) == ((503, Trouble.DISK.sentence), 200, 200)
    outage.forget()  # some seconds later
    answer = call("POST", "/v1/agents/", {"model": "a/b"}, token=token)
    assert (answer.status_code, ready()) == (200, (200, ""))


@pytest.mark.only_sqlite
def test_probe_writes_without_waiting_and_leaves_nothing(tmp_path: Path) -> None:
    path = Path(connection.settings_dict["NAME"])
    assert ready() == (200, "")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    probes._wrote_at = 0.0
    assert ready() == (200, "")  # another one writes: that it can
    other.execute("ROLLBACK")
    log = Path(f"{path}-wal")
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(20):
        probes._wrote_at = 0.0
        assert ready() == (200, "")
    assert log.stat().st_size <= 21 * 4120 + 32
    other.close()


# --- PostgreSQL -----------------------------------------------------------------------------

RAISES = "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{}'; END $$"


@pytest.mark.only_postgres
@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("08006", Trouble.AWAY),
        ("25000", Trouble.AWAY),
        ("25006", Trouble.READ_ONLY),
        ("25P02", Trouble.AWAY),
        ("25P03", Trouble.SLOW),
        ("28P01", Trouble.AWAY),
        ("40001", Trouble.BUSY),
        ("40P01", Trouble.BUSY),
        ("42501", Trouble.DENIED),
        ("42P01", Trouble.OUTDATED),
        ("42703", Trouble.OUTDATED),
        ("53000", Trouble.AWAY),
        ("53100", Trouble.FULL),
        ("53200", Trouble.AWAY),
        ("53300", Trouble.AWAY),
        ("55P03", Trouble.SLOW),
        ("57014", Trouble.SLOW),
        ("57P01", Trouble.AWAY),
        ("57P04", Trouble.AWAY),
        ("58000", Trouble.DISK),
        ("58030", Trouble.DISK),
        ("58P01", Trouble.DAMAGED),
        ("XX000", Trouble.DAMAGED),
        ("XX001", Trouble.DAMAGED),
        ("XX002", Trouble.DAMAGED),
        ("22001", None),
        ("22021", None),
        ("23505", None),
        ("42601", None),
        ("P0001", None),
    ],
)
def test_sqlstate_decides(state: str, found: Trouble | None) -> None:
    with connection.cursor() as cursor, pytest.raises(Error) as raised:
        cursor.execute(RAISES.format(state))
    assert trouble(raised.value) is found
    assert is_passing(raised.value) is (found is not None and found.passing)
    if found is not Trouble.OUTDATED:
        assert (sentence_for(raised.value) is None) is (found is None)


def on_this_database(statement: str) -> None:
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(statement.format(name))


@pytest.mark.only_postgres
def test_read_only_server(moved: Callable[..., None], people: tuple[str, Client]) -> None:
    on_this_database("ALTER DATABASE {} SET default_transaction_read_only = on")
    token, client = people
    try:
        moved()
        require_answer(Trouble.READ_ONLY, token=token, client=client)
        assert ready() == (503, Trouble.READ_ONLY.sentence)
        assert call("GET", "/v1/agents/", token=token).status_code == 200
        assert client.get("/agents/").status_code == 200
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
        on_this_database("ALTER DATABASE {} RESET default_transaction_read_only")
    moved()
    assert ready() == (200, "")


@pytest.fixture
def stranger() -> Iterator[str]:
    """A role that may read, and write nothing."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE ade_stranger LOGIN")
        cursor.execute("GRANT pg_read_all_data TO ade_stranger")
    yield "ade_stranger"
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE ade_stranger")


@pytest.mark.only_postgres
def test_denied_permission(
    stranger: str, people: tuple[str, Client], moved: Callable[..., None]
) -> None:
    token, client = people
    moved(USER=stranger)
    require_answer(Trouble.DENIED, token=token, client=client)
    assert ready() == (503, Trouble.DENIED.sentence)


@pytest.mark.only_postgres
def test_no_connection_left(
    stranger: str, people: tuple[str, Client], moved: Callable[..., None]
) -> None:
    token, client = people
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE ade_stranger CONNECTION LIMIT 0")
    moved(USER=stranger)
    require_answer(Trouble.AWAY, token=token, client=client)


# --- Both -----------------------------------------------------------------------------------


@pytest.fixture
def no_table() -> Iterator[None]:
    """A table is not there."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE agents_agent RENAME TO elsewhere")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO agents_agent")


def test_missing_migration_is_named(
    people: tuple[str, Client], request: pytest.FixtureRequest
) -> None:
    token, client = people
    last = MigrationRecorder(connection).migration_qs.filter(app="agents").latest("name")
    request.getfixturevalue("no_table")
    last.delete()
    try:
        answer = call("GET", "/v1/agents/", token=token)
        page = client.get("/agents/")
        probe = ready()
    finally:
        last.save()
    reason = f"Migrations are missing: agents.{last.name}."
    assert (answer.status_code, answer.json()) == (
        503,
        {"detail": f"{Trouble.OUTDATED.sentence} {reason}", "code": "unavailable"},
    )
    assert page.status_code == 503
    assert reason in page.content.decode()
    assert probe == (503, reason)


def test_missing_table_without_a_missing_migration_is_a_fault(
    people: tuple[str, Client], no_table: None
) -> None:
    _, client = people
    assert client.get("/agents/").status_code == 500
    assert schema.lacking() == ""


def test_what_the_request_did_wrong_is_no_outage() -> None:
    text = "database is locked"
    errors = [IntegrityError(text), DataError(text), ProgrammingError(text), ValueError(text), None]
    assert [(trouble(error), is_passing(error)) for error in errors] == [(None, False)] * 5


def test_a_read_says_nothing_of_saving() -> None:
    from psycopg import OperationalError as Lost

    outage.begin(reads=True)
    assert sentence_for(Lost("gone")) == Trouble.AWAY.sentence
    outage.begin()
    assert sentence_for(Lost("gone")) == f"{Trouble.AWAY.sentence} {NOTHING}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert sentence_for(Lost("gone")) == f"{Trouble.AWAY.sentence} {LOOK}"
