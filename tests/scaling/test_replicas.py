"""Lists are read from a real replica whose replay is held up, so that what is old can be told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.scaling.databases import (
    Database,
    ade,
    environment_of,
    eventually,
    make_people,
    manage,
    replicated,
)

pytestmark = pytest.mark.only_postgres


@dataclass
class Setup:
    """A primary, its replica, keys, and a server that asks them one request at a time."""

    primary: Database
    replica: Database
    keys: dict[str, str]
    environment: dict[str, str]
    address: str
    log: Path

    def client(self, who: str, address: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        return httpx.Client(base_url=address or self.address, headers=headers, timeout=60)

    def hold(self) -> None:
        """Stop the replica's replay, once it has all that there is."""
        self.catch_up()
        self.replica.ask("SELECT pg_wal_replay_pause()")
        eventually(
            lambda: self.replica.ask("SELECT pg_get_wal_replay_pause_state()")[0][0] == "paused"
        )

    def let_go(self) -> None:
        self.replica.ask("SELECT pg_wal_replay_resume()")
        self.catch_up()

    def catch_up(self) -> None:
        place = self.primary.ask("SELECT pg_current_wal_flush_lsn()")[0][0]
        eventually(
            lambda: self.replica.ask(f"SELECT pg_last_wal_replay_lsn() >= '{place}'")[0][0] is True
        )


@contextmanager
def set_up(folder: Path) -> Iterator[Setup]:
    with replicated("replica") as (primary, replica):
        static = {"STATIC_ROOT": str(folder / "static")}
        plain = environment_of([primary], **static)
        manage("collectstatic", "--no-input", "-v0", environment=plain)
        keys = make_people(
            plain,
            keys={"reader": None, "writer": None, "other": None, "limited": "user_1"},
            members=["mara", "tomas"],
        )
        environment = environment_of([primary], [replica], REPLICA_MAX_LAG="300", **static)
        with ade(environment, folder / "log", workers=1, threads=1) as address:
            yield Setup(primary, replica, keys, environment, address, folder / "log")


@contextmanager
def held_up(setup: Setup) -> Iterator[None]:
    """The replica shows the agents of before: ADE has asked it, and its replay is held up."""
    with setup.client("writer") as writer:
        make(writer, "user_0")
    eventually(lambda: reads_replica(setup))
    setup.hold()
    yield
    setup.let_go()


def make(client: httpx.Client, *tags: str) -> str:
    body = {"model": "letta/letta-free", "tags": list(tags)}
    response = client.post("/v1/agents/", json=body)
    assert response.status_code == 200, response.text
    return response.json()["id"]


def listed(client: httpx.Client, **query: str) -> list[str]:
    response = client.get("/v1/agents/", params={"limit": 1000, **query})
    assert response.status_code == 200, response.text
    return [agent["id"] for agent in response.json()]


def reads_replica(setup: Setup) -> bool:
    """True if the reader's list came from the replica: it is the last thing that was asked there.

    A list is read in a transaction; a look at how far the replica is, is not.
    """
    with setup.client("reader") as reader:
        listed(reader)
    last = setup.replica.ask(
        "SELECT query FROM pg_stat_activity WHERE datname = 'ade' AND pid <> pg_backend_pid()"
    )
    return last == [("COMMIT",)]


def lists_come_from_the_replica_but_not_the_reader_s_own_writes(setup: Setup) -> None:
    with setup.client("reader") as reader, setup.client("writer") as writer:
        before = listed(reader)
        made = make(writer, "user_1")
        assert listed(reader) == before
        assert listed(writer) == [made, *before]
        # One agent, and a place in a list that the replica has not heard of, are the primary's.
        assert reader.get(f"/v1/agents/{made}").status_code == 200
        assert listed(reader, after=made) == before


def the_reader_s_own_writes_are_seen_on_another_server(setup: Setup) -> None:
    with (
        ade(setup.environment, setup.log, workers=1, threads=1) as second,
        setup.client("other") as here,
        setup.client("other", second) as there,
    ):
        made = make(here, "user_2")
        assert listed(there, tags="user_2") == [made]
        body = {"add": ["vip"], "remove": []}
        assert there.post(f"/v1/agents/{made}/tags", json=body).status_code == 200
        assert listed(here, tags="vip") == [made]


def a_key_limited_to_a_tag_never_reads_what_is_old(setup: Setup) -> None:
    with setup.client("reader") as reader, setup.client("writer") as writer:
        made = make(writer, "user_1")
        with setup.client("limited") as limited:
            assert made in listed(limited)
            body = {"add": [], "remove": ["user_1"]}
            assert writer.post(f"/v1/agents/{made}/tags", json=body).status_code == 200
            assert made not in listed(limited)
        assert made not in listed(reader)  # which has not heard of it at all


def a_page_shows_what_its_reader_did_and_others_a_moment_later(setup: Setup) -> None:
    with setup.client("writer") as writer:
        made = make(writer, "user_3")
    with signed_in(setup, "mara") as mara, signed_in(setup, "tomas") as tomas:
        assert tagged(tomas, "user_3") == []
        page = mara.get(f"/agents/{made}/settings/")
        token = page_of(page).select_one("#tags [name=csrfmiddlewaretoken]")["value"]
        form = {"csrfmiddlewaretoken": token, "tag": "from the page"}
        assert mara.post(f"/agents/{made}/tags/", data=form).status_code == 303
        assert tagged(mara, "from the page") == [f"/agents/{made}/"]
        assert tagged(tomas, "from the page") == []
        setup.let_go()
        assert tagged(tomas, "from the page") == [f"/agents/{made}/"]


def a_replica_too_far_behind_is_not_asked(setup: Setup) -> None:
    near = setup.environment | {"REPLICA_MAX_LAG": "2"}
    with (
        ade(near, setup.log, workers=1, threads=1) as address,
        setup.client("writer") as writer,
        setup.client("reader", address) as reader,
    ):
        made = make(writer, "user_4")
        eventually(lambda: listed(reader, tags="user_4") == [made])


def no_list_fails_when_the_replica_goes_and_it_is_used_again_by_itself(setup: Setup) -> None:
    setup.let_go()
    with setup.client("reader") as reader, setup.client("writer") as writer:
        made = make(writer, "user_5")
        setup.replica.stop()
        assert listed(reader, tags="user_5") == [made]
        assert listed(reader, tags="user_5") == [made]
    setup.replica.start()
    eventually(lambda: reads_replica(setup))


@contextmanager
def signed_in(setup: Setup, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=setup.address, timeout=60) as browser:
        page = page_of(browser.get("/accounts/login/"))
        form = {
            "csrfmiddlewaretoken": page.select_one("[name=csrfmiddlewaretoken]")["value"],
            "login": name,
            "password": "correct horse",
        }
        assert browser.post("/accounts/login/", data=form).status_code == 302
        yield browser


def tagged(browser: httpx.Client, tag: str) -> list[str]:
    """Where the agents of this tag are, as the list shows them."""
    page = page_of(browser.get("/agents/", params={"any": tag}))
    return [link["href"] for link in page.select("#results tbody th a")]


def page_of(response: httpx.Response) -> BeautifulSoup:
    assert response.status_code == 200, response.text
    return BeautifulSoup(response.text, "lxml")


def test_lists_are_read_from_a_replica_as_far_as_that_is_right(tmp_path: Path) -> None:
    """One test, because the servers take ten times as long to start as all of it takes."""
    with set_up(tmp_path) as setup:
        for holds in (
            lists_come_from_the_replica_but_not_the_reader_s_own_writes,
            the_reader_s_own_writes_are_seen_on_another_server,
            a_key_limited_to_a_tag_never_reads_what_is_old,
            a_page_shows_what_its_reader_did_and_others_a_moment_later,
            a_replica_too_far_behind_is_not_asked,
            no_list_fails_when_the_replica_goes_and_it_is_used_again_by_itself,
        ):
            with held_up(setup):
                holds(setup)
