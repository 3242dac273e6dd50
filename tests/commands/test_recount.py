"""manage.py recount: what is derived is counted again, and set right only if asked."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from agents.domain.core.search_index import AGENT_INDEX, TAG_INDEX, forget_rows, index_rows
from agents.domain.upkeep import recount
from agents.domain.upkeep.recount import Difference
from agents.models import Agent, ChangeSet, Tag
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db


def spoil() -> list[Difference]:
    """Make one of each counter and text wrong; what a recount must find."""
    agent = make_agent(name="Åsa", tags=["user_1", "vip"])
    Tag.objects.filter(name="vip").update(n=7)
    Tag.objects.filter(name="user_1").update(name_folded="x", lookalike="y", protected=True)
    Agent.objects.update(tag_count=5, user_tag_count=0, name_folded="z")
    index_rows(TAG_INDEX, [(Tag.objects.get(name="user_1").id, "x")])
    index_rows(AGENT_INDEX, [(agent.seq, "z")])
    return [
        Difference("tag.name_folded", "user_1", "x", "user_1"),
        Difference("tag.lookalike", "user_1", "y", "user1"),
        Difference("tag.protected", "user_1", True, False),
        Difference("agent.name_folded", agent.public_id, "z", "asa"),
        Difference("tag.n", "vip", 7, 1),
        Difference("agent.tag_count", agent.public_id, 5, 2),
        Difference("agent.user_tag_count", agent.public_id, 0, 1),
    ]


def test_all_well_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    make_agent(tags=["user_1", "vip"])
    call_command("recount")
    assert capsys.readouterr().out == "All counts are correct.\n"


def test_differences_are_told_and_left(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = spoil()
    with pytest.raises(CommandError) as refused:
        call_command("recount")
    assert str(refused.value) == "Some counts are wrong. Correct them with --fix."
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[4] == "tag.n of vip: 7, should be 1"
    assert recount.differences() == wrong


def test_fix_sets_all_right_without_a_trace_on_the_agent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = spoil()
    before = Agent.objects.values("version", "updated_at").get()
    acts = ChangeSet.objects.count()
    call_command("recount", "--fix")
    # On SQLite the search rows of the two folded texts were set right as well.
    count = len(wrong) + (2 if connection.vendor == "sqlite" else 0)
    assert capsys.readouterr().out.splitlines()[-1] == f"Corrected: {count}."
    assert recount.differences() == []
    assert Agent.objects.values("version", "updated_at").get() == before
    assert ChangeSet.objects.count() == acts
    assert Agent.objects.filter(tag_count=2, user_tag_count=1, name_folded="asa").count() == 1


def test_new_settings_reclassify_tags_and_then_agents(settings: Any) -> None:
    agent = make_agent(tags=["user_1", "kunde:1", "kunde:2"])
    settings.USER_TAG_PATTERNS = ["kunde:{id}"]
    settings.PROTECTED_TAGS = ["user_*"]
    done = recount.repair()
    assert done.listed == [
        Difference("tag.names_user", "kunde:1", False, True),
        Difference("tag.names_user", "kunde:2", False, True),
        Difference("tag.names_user", "user_1", True, False),
        Difference("tag.protected", "user_1", False, True),
        Difference("agent.user_tag_count", agent.public_id, 1, 2),
    ]
    assert done.count == 5
    assert recount.differences() == []


def test_the_mark_of_hidden_agents_follows_what_is_stored_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recount, "_WIDE_CHUNK", 2)
    # As a version that does not know the mark leaves them: made hidden, and shown again.
    unmarked = [make_agent(extra={"hidden": True}) for _ in range(3)]
    Agent.objects.update(hidden=False)
    right = make_agent(extra={"hidden": True})
    nested = make_agent(extra={"model_settings": {"hidden": True}})
    marked = [make_agent(), make_agent(extra={"hidden": False})]
    Agent.objects.filter(seq__in=[agent.seq for agent in marked]).update(hidden=True)
    wrong = [Difference("agent.hidden", agent.public_id, False, True) for agent in unmarked]
    wrong += [Difference("agent.hidden", agent.public_id, True, False) for agent in marked]
    assert recount.differences() == wrong
    assert recount.repair() == recount.Repaired(wrong, 5)
    assert recount.differences() == []
    hidden = {agent.seq for agent in (*unmarked, right)}
    assert set(Agent.objects.filter(hidden=True).values_list("seq", flat=True)) == hidden
    assert not Agent.objects.get(seq=nested.seq).hidden


def test_no_more_than_asked_for_are_listed() -> None:
    for number in range(5):
        make_agent(tags=[f"t{number}"])
    Tag.objects.update(n=9)
    assert len(recount.differences(most=3)) == 3


@pytest.mark.only_sqlite
def test_search_rows_missing_stale_and_left_over_are_found() -> None:
    missing, stale = make_agent(name="Missing"), make_agent(name="Stale")
    forget_rows(AGENT_INDEX, [missing.seq])
    index_rows(AGENT_INDEX, [(stale.seq, "old"), (5, "gone")])
    assert recount.differences() == [
        Difference(AGENT_INDEX, "5", "gone", None),
        Difference(AGENT_INDEX, missing.public_id, None, "missing"),
        Difference(AGENT_INDEX, stale.public_id, "old", "stale"),
    ]
    recount.repair()
    assert recount.differences() == []
