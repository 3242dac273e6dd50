"""A tag is renamed while someone writes it: the write means the name it was given."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from agents.core.json_text import loads
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent
from agents.domain.directory.merge import delete_tag
from agents.domain.directory.rename import rename_tag
from agents.domain.keys import create_key, rotate_key
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode, offboard
from agents.models import Agent, ApiKey, Tag
from tests.domain.core.meeting import meet
from tests.helpers import ROOT, drift, make_agent, replace_tags, tags_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_postgres]


def during_rename(write: Callable[[], object]) -> None:
    """Rename "old" to "new", and commit once `write` waits for that."""
    renamed = Tag.objects.filter(name="old")
    meet(lambda: renamed.update(name="new", name_folded="new"), write)


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


def test_two_renames_both_reach_the_list_of_a_key() -> None:
    make_agent(tags=["a", "b"])
    key = create_key(name="k", limit_tag="user_1", may_tag=["a", "b"], actor=ROOT).key
    meet(
        lambda: rename_tag(old="a", new="A", actor=ROOT),
        lambda: rename_tag(old="b", new="B", actor=ROOT),
    )
    key.refresh_from_db()
    assert loads(key.may_tag) == ["A", "B"]


def test_rename_reaches_a_key_that_is_being_made() -> None:
    make_agent(tags=["a", "b"])
    made = []
    meet(
        lambda: made.append(create_key(name="k", limit_tag="a", may_tag=["b"], actor=ROOT).key),
        lambda: rename_tag(old="a", new="A", actor=ROOT),
    )
    made[0].refresh_from_db()
    assert made[0].limit_tag == "A"


def test_rename_reaches_both_keys_of_a_rotation() -> None:
    make_agent(tags=["a", "b"])
    old = create_key(name="k", limit_tag="a", may_tag=["b"], actor=ROOT).key
    meet(
        lambda: rotate_key(key_id=old.key_id, overlap=timedelta(days=1), actor=ROOT),
        lambda: rename_tag(old="b", new="B", actor=ROOT),
    )
    assert [loads(key.may_tag) for key in ApiKey.objects.all()] == [["B"], ["B"]]


def test_rotation_waits_for_a_rename_and_gives_the_new_name() -> None:
    make_agent(tags=["a"])
    old = create_key(name="k", limit_tag="a", actor=ROOT).key
    meet(
        lambda: rename_tag(old="a", new="A", actor=ROOT),
        lambda: rotate_key(key_id=old.key_id, overlap=timedelta(days=1), actor=ROOT),
    )
    assert [key.limit_tag for key in ApiKey.objects.all()] == ["A", "A"]


def test_off_boarding_deletes_an_agent_that_just_came_to_be_the_users() -> None:
    agent = make_agent(tags=["user_1"])
    change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT)
    meet(
        lambda: change_tags(agent_id=agent.public_id, add=["user_1"], actor=ROOT),
        lambda: offboard(name="user_1", how=OffboardMode.AGENTS, actor=ROOT),
    )
    assert not Agent.objects.exists()


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
