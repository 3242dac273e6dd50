"""What answers about the past need and what was not always recorded: tokens, settings, old history."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from agents.core.agent_rights import Right
from agents.core.spans import UNKNOWN
from agents.domain import keys
from agents.domain.agents.trash import restore
from agents.domain.agents.write import delete_agent
from agents.domain.core.access_spans import note_settings
from agents.domain.core.key_tokens import actor_of
from agents.domain.directory.rename import rename_tag
from agents.domain.door.access_tokens import create_access_token, delete_access_token
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.spans import complete_some
from agents.models import AccessSpan, Change
from agents.queries.access.listed import PastFilter, agents_at
from agents.queries.access.now import access_to_agent
from agents.queries.access.past import agent_at, complete
from agents.queries.access.period import agent_could_at, agent_report, protected_at, tag_could_at
from agents.tasks.tally import ask_to_complete, count_for_overview
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db


def test_a_token_can_what_its_key_can_as_long_as_both_last() -> None:
    agent = make_agent(tags=["user_1"])
    key = keys.create_key(
        name="door", limit_tag="user_1", rights=["read_agent", "read_messages"], actor=ROOT
    ).key
    policy = {agent.public_id: [Right.READ_MESSAGES]}
    made = create_access_token(
        hostname="https://app.example.org", policy=policy, actor=actor_of(key)
    )
    (row,) = [row for row in access_to_agent(agent).rows if row.from_key]
    assert (row.from_key, row.only, row.kind) == (
        key.key_id,
        ("read_messages",),
        "client-side token",
    )
    (of_key,) = [row for row in access_to_agent(agent).rows if not row.from_key]
    assert of_key.only == ("read_agent", "read_messages")
    during = timezone.now()
    change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT)
    assert [row for row in access_to_agent(agent).rows if row.from_key] == []
    assert agent_could_at(agent.public_id, {}, timezone.now()) == []
    change_tags(agent_id=agent.public_id, add=["user_1"], actor=ROOT)
    delete_access_token(token=made.token, actor=actor_of(key))
    had = agent_at(agent.public_id, during).tags
    then = {row.subject: row for row in agent_could_at(agent.public_id, had, during)}
    token = then[f"token:{made.row.token_id}"]
    assert (token.rights, token.only, token.from_key) == ("token", ("read_messages",), key.key_id)
    report = agent_report(agent.public_id, during - timedelta(hours=1), timezone.now())
    parts = [row for row in report.could if row.from_key]
    assert [row.since < row.until for row in parts if row.until] == [True, True]
    assert parts[0].until <= parts[1].since  # not while the key could not reach the agent


def test_protected_tags_of_the_settings_are_recorded_when_they_differ(settings: object) -> None:
    before = timezone.now()
    settings.PROTECTED_TAGS = ["team:*", "vip"]
    note_settings()
    note_settings()
    between = timezone.now()
    settings.PROTECTED_TAGS = []
    note_settings()
    assert protected_at(before) is None
    assert protected_at(between) == ["team:*", "vip"]
    assert protected_at(timezone.now()) == []
    assert AccessSpan.objects.count() == 2
    assert tag_could_at("vip", between) == []


def test_history_of_an_older_version_is_completed() -> None:
    agent, gone, cut = (make_agent(tags=["a"]) for _ in range(3))
    then = timezone.now()
    rename_tag(old="a", new="b", actor=ROOT)
    change_tags(agent_id=agent.public_id, remove=["b"], actor=ROOT)
    delete_agent(agent_id=gone.public_id, actor=ROOT)
    restore(agent_ids=[gone.public_id], actor=ROOT)
    change_tags(agent_id=cut.public_id, remove=["b"], actor=ROOT)
    wanted = list(Change.objects.order_by("id").values_list("id", "span_node", "added_at"))
    Change.objects.update(span_node=None, added_at=None, at=None)
    assert complete(["a"]).is_pending
    assert agents_at(PastFilter(any=["a"]), then, size=10).rows == []
    ask_to_complete()  # as the worker does when it starts, and each page that lacks agents
    tasks = DBTaskResult.objects.filter(status="READY")
    assert tasks.filter(task_path=count_for_overview.module_path).exists()
    count_for_overview.call()
    found = list(Change.objects.order_by("id").values_list("id", "span_node", "added_at"))
    # What was written in one change-set has its moment.
    assert [node for _, node, _ in found] == [node for _, node, _ in wanted]
    assert [at is None for _, _, at in found] == [at is None for _, _, at in wanted]
    ids = {one.public_id for one in (agent, gone, cut)}
    assert {row.public_id for row in agents_at(PastFilter(any=["a"]), then, size=10).rows} == ids
    assert {row.public_id for row in agents_at(PastFilter(), then, size=10).rows} == ids
    assert complete(["a"]) == complete([])
    assert complete(["a"]).since is None


def test_an_answer_says_since_when_a_list_is_complete() -> None:
    agent = make_agent(tags=["a"])
    change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT)
    Change.objects.filter(op="add").delete()  # from before there was a history
    Change.objects.update(span_node=None, added_at=None)
    complete_some()
    removed = Change.objects.get(op="remove")
    assert removed.span_node == UNKNOWN
    assert complete(["a"]).since == removed.at
    assert complete(["b"]).since is None
