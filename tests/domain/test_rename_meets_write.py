"""A tag is renamed while someone writes it: the write means the name it was given."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from agents.domain.agents import create_agent
from agents.domain.directory import rename_tag
from agents.domain.merge import delete_tag
from agents.domain.newagents import NewAgent
from agents.domain.tags import change_tags, replace_tags
from agents.models import Agent, Tag
from tests.helpers import ROOT, drift, make_agent, tags_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_postgres]


def during_rename(write: Callable[[], object]) -> None:
    """Rename "old" to "new", and commit once `write` waits for that."""

    def write_and_leave() -> None:
        try:
            write()
        finally:
            connection.close()  # or the test database could not be removed

    thread = threading.Thread(target=write_and_leave)
    with transaction.atomic():
        Tag.objects.filter(name="old").update(name="new", name_folded="new")
        thread.start()
        while not somebody_waits_for_us():
            assert thread.is_alive()
    thread.join()


def somebody_waits_for_us() -> bool:
    # Not by pg_stat_activity: a transaction that has read it once sees nobody who came later.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def test_add_gives_the_name_asked_for() -> None:
    agent, other = make_agent(), make_agent(tags=["old"])
    during_rename(lambda: change_tags(agent_id=agent.public_id, add=["old"], actor=ROOT))
    assert (tags_of(agent), tags_of(other)) == (["old"], ["new"])
    assert drift() == []


def test_replace_takes_the_renamed_tag_off() -> None:
    agent = make_agent(tags=["old", "stays"])
    during_rename(lambda: replace_tags(agent_id=agent.public_id, tags=["stays"], actor=ROOT))
    assert tags_of(agent) == ["stays"]
    assert drift() == []


def test_remove_of_the_old_name_leaves_the_renamed_tag() -> None:
    agent = make_agent(tags=["old"])
    during_rename(lambda: change_tags(agent_id=agent.public_id, remove=["old"], actor=ROOT))
    assert tags_of(agent) == ["new"]


def test_create_gives_the_name_asked_for() -> None:
    make_agent(tags=["old"])
    spec = NewAgent(model="a/b", name="created", tags=["old"])
    during_rename(lambda: create_agent(spec, actor=ROOT))
    assert tags_of(Agent.objects.get(name="created")) == ["old"]
    assert drift() == []


def test_rename_and_deletion_of_a_tag_that_others_keep_writing() -> None:
    agents = [make_agent() for _ in range(6)]
    done = threading.Event()
    errors: list[BaseException] = []

    def write(agent: Agent) -> None:
        try:
            while not done.is_set():
                change_tags(agent_id=agent.public_id, add=["hot", "warm"], actor=ROOT)
                replace_tags(agent_id=agent.public_id, tags=[], actor=ROOT)
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[agent]) for agent in agents]
    for thread in threads:
        thread.start()
    try:
        for n in range(5):
            while not Tag.objects.filter(name="hot").exists():
                assert errors == []
            rename_tag(old="hot", new=f"cold-{n}", actor=ROOT)
        while not Tag.objects.filter(name="warm").exists():
            assert errors == []
        delete_tag(name="warm", actor=ROOT)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert drift() == []
