"""As of any past moment, ADE answers what a snapshot at that moment would have said."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from ade.accounts import members
from ade.accounts.members import By
from ade.models import Role, User
from agents.core.errors import DomainError
from agents.core.filters import AgentFilter
from agents.core.reach import Reach, read_reach
from agents.core.spans import node, nodes, second, steps
from agents.domain import keys
from agents.domain.agents.trash import restore
from agents.domain.agents.write import delete_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.core.rights import is_good
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.members import change_member
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode, offboard
from agents.models import Agent, AgentTag, ApiKey, BulkOp, Change, ChangeSet, Tag, TrashedAgent
from agents.queries.access.listed import PastFilter, agents_at
from agents.queries.access.past import agent_at, spans_of, steps_of_agent
from agents.queries.access.period import subject_at, tag_could_at
from agents.tasks.bulk import begin
from tests.helpers import ROOT, all_tags, make_agent

pytestmark = pytest.mark.django_db
NAMES = ["user_1", "user_2", "user_3", "a", "b", "team:care"]
BY = By("test", "Test")


@dataclass(frozen=True)
class Snapshot:
    """What was so at a moment: the tags of each agent, and what each key and member could access."""

    at: datetime
    tags: dict[str, set[str]]
    reaches: dict[str, Reach]


def snapshot() -> Snapshot:
    now = timezone.now()
    reaches = {f"key:{key.key_id}": key.reach for key in ApiKey.objects.all() if is_good(key, now)}
    people = User.objects.filter(is_active=True)
    reaches |= {f"person:{one.pk}": read_reach(one.stored_reach) for one in people}
    taken = Snapshot(now, all_tags(), reaches)
    while timezone.now() == now:  # the next change has a later moment
        time.sleep(0)
    return taken


def some_agent(rng: random.Random) -> str:
    ids = list(Agent.objects.order_by("seq").values_list("public_id", flat=True))
    return rng.choice(ids) if ids else make_agent(tags=["a"]).public_id


def in_use(rng: random.Random) -> str:
    return rng.choice(list(Tag.objects.order_by("name").values_list("name", flat=True)) or ["a"])


def bulk(rng: random.Random) -> None:
    change = BulkChange(BulkOp.ADD, add=[rng.choice(NAMES)])
    if rng.random() < 0.2:
        change = BulkChange(BulkOp.DELETE)
    begin(
        plan_id=make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT).id,
        actor=ROOT,
    )


def member(rng: random.Random) -> User:
    people = list(User.objects.order_by("pk"))
    if len(people) < 3:
        return members.add(username=f"m{len(people)}", full_name="", role=Role.EDITOR, by=BY)
    return rng.choice(people)


def limit_some(rng: random.Random) -> None:
    one = member(rng)
    members.enable(one, by=BY)
    change_member(member_id=one.pk, limit=rng.sample(NAMES, rng.randint(0, 2)) or None, actor=ROOT)


def restore_some(rng: random.Random) -> None:
    kept = list(TrashedAgent.objects.order_by("seq").values_list("public_id", flat=True))
    restore(agent_ids=rng.sample(kept, rng.randint(1, len(kept))) if kept else [], actor=ROOT)


def rotate_some(rng: random.Random) -> None:
    known = list(ApiKey.objects.order_by("id"))
    overlap = timedelta(seconds=rng.choice([0, 3600]))
    keys.rotate_key(key_id=rng.choice(known).key_id, actor=ROOT, overlap=overlap)


def end_key(rng: random.Random) -> None:
    known = list(ApiKey.objects.order_by("id"))
    if known:
        keys.disable_key(key_id=rng.choice(known).key_id, actor=ROOT)


ACTS: list[Callable[[random.Random], object]] = [
    lambda rng: make_agent(tags=rng.sample(NAMES, rng.randint(0, 3))),
    lambda rng: make_agent(tags=rng.sample(NAMES, rng.randint(0, 3))),
    lambda rng: change_tags(agent_id=some_agent(rng), add=[rng.choice(NAMES)], actor=ROOT),
    lambda rng: change_tags(agent_id=some_agent(rng), remove=[in_use(rng)], actor=ROOT),
    lambda rng: change_tags(agent_id=some_agent(rng), remove=[in_use(rng)], actor=ROOT),
    lambda rng: delete_agent(agent_id=some_agent(rng), actor=ROOT),
    lambda rng: rename_tag(old=in_use(rng), new=rng.choice(NAMES), actor=ROOT),
    lambda rng: rename_tag(old=in_use(rng), new=rng.choice(NAMES), actor=ROOT),
    lambda rng: merge_tags(source=in_use(rng), target=in_use(rng), actor=ROOT),
    lambda rng: delete_tag(name=in_use(rng), actor=ROOT),
    lambda rng: offboard(name=in_use(rng), how=rng.choice(list(OffboardMode)), actor=ROOT),
    lambda rng: undo_set(change_set_id=rng.choice(ChangeSet.objects.values_list("id", flat=True)), actor=ROOT),
    bulk,
    lambda rng: keys.create_key(name="k", reach=Reach.of_tags(rng.sample(NAMES, rng.randint(1, 3))), actor=ROOT),
    restore_some,
    end_key,
    rotate_some,
    limit_some,
    lambda rng: members.disable(member(rng), by=BY),
]  # fmt: skip


def walk(seed: int, steps: int) -> list[Snapshot]:
    rng = random.Random(seed)
    members.add(username="ada", full_name="", role=Role.ADMIN, by=BY)
    taken = []
    for _ in range(steps):
        with suppress(DomainError, ValidationError, IndexError):  # such as a name that is taken
            rng.choice(ACTS)(rng)
        taken.append(snapshot())
    return taken


@pytest.mark.parametrize("seed", [1, 2])
def test_as_of_any_moment_equals_a_snapshot(seed: int) -> None:
    check(walk(seed, 40))


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 110))
def test_as_of_any_moment_equals_a_snapshot_after_hundreds_of_steps(seed: int) -> None:
    check(walk(seed, 200))


def check(taken: list[Snapshot]) -> None:
    assert sum(len(one.tags) for one in taken)
    known = {agent_id for one in taken for agent_id in one.tags}
    subjects = {subject for one in taken for subject in one.reaches}
    for one in taken:
        for agent_id in known:
            past = agent_at(agent_id, one.at)
            assert (past.exists, set(past.tags)) == (
                agent_id in one.tags,
                one.tags.get(agent_id, set()),
            )
        for name in NAMES:
            expected = {agent_id for agent_id, tags in one.tags.items() if name in tags}
            assert listed(one.at, any=[name]) == expected
            could = {row.subject for row in tag_could_at(name, one.at)}
            assert could == {
                subject
                for subject, reach in one.reaches.items()
                if reach.everything or name in reach.tags
            }
        assert listed(one.at) == one.tags.keys()
        assert listed(one.at, any=NAMES[:3], none=NAMES[3:4]) == {
            agent_id
            for agent_id, tags in one.tags.items()
            if tags & set(NAMES[:3]) and NAMES[3] not in tags
        }
        for subject in subjects:
            spans = subject_at(subject, one.at)
            reach = one.reaches.get(subject, Reach())
            assert {span.tag for span in spans} == (
                set(reach.tags) if not reach.everything else {None}
            )
    for agent_id in known:
        spans, _ = spans_of(steps_of_agent(agent_id))
        for one in taken:
            then = {
                s.tag for s in spans if s.since <= one.at and (s.until is None or s.until > one.at)
            }
            assert then == one.tags.get(agent_id, set())


def test_every_span_is_found_by_its_node() -> None:
    walk(3, 30)
    spans = Change.objects.filter(added_at__isnull=False)
    assert {change.op for change in spans} == {"remove", "delete"}
    assert [change.span_node for change in spans] == [
        node(change.added_at, change.at) for change in spans
    ]
    unknown = Change.objects.filter(op__in=["remove", "delete"], span_node=None)
    assert not unknown.exclude(agent_id=None).exists()


def test_the_nodes_of_a_moment_are_those_of_the_spans_that_contain_it() -> None:
    rng = random.Random(7)
    base = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(5_000):
        size = 10 ** rng.randint(0, 8)
        since, at, until = sorted(base + timedelta(seconds=rng.random() * size) for _ in range(3))
        place, (before, after) = node(since, until), nodes(at)
        assert place in before or place in after
        first = next((one for moment, one in steps(until) if since < moment), second(until))
        assert first == place
        if place in after:
            assert second(until) > second(at)
        elif place < second(at):
            assert second(since) < second(at)


def listed(at: datetime, **tags: list[str]) -> set[str]:
    """All pages of the list, three agents each."""
    found: list[str] = []
    cursor = None
    while True:
        page = agents_at(PastFilter(**tags), at, cursor=cursor, size=3)
        found += [row.public_id for row in page.rows]
        cursor = page.older
        if cursor is None:
            assert len(found) == len(set(found))
            return set(found)


def test_a_name_used_again_is_another_tag() -> None:
    old = make_agent(tags=["user_1"])
    before = timezone.now()
    rename_tag(old="user_1", new="user_2", actor=ROOT)
    between = timezone.now()
    new = make_agent(tags=["user_1"])
    rename_tag(old="user_2", new="user_3", actor=ROOT)
    assert listed(before, any=["user_1"]) == {old.public_id}
    assert listed(between, any=["user_1"]) == set()
    assert listed(between, any=["user_2"]) == {old.public_id}
    assert listed(timezone.now(), any=["user_1"]) == {new.public_id}
    assert AgentTag.objects.count() == 2


def test_a_filter_of_the_past_list_and_an_agent_that_is_imported_with_an_old_date() -> None:
    long_ago = timezone.now() - timedelta(days=900)
    one = make_agent(tags=["a", "b"], created_at=long_ago)
    make_agent(tags=["a"])
    now = timezone.now()
    change_tags(agent_id=one.public_id, remove=["b"], actor=ROOT)
    (row,) = agents_at(PastFilter(all=["a", "b"]), now, size=10).rows
    assert (row.public_id, row.tags, row.is_there) == (one.public_id, ["a", "b"], True)
    assert [
        row.public_id for row in agents_at(PastFilter(all=["a"], none=["b"]), now, size=10).rows
    ] != [one.public_id]
    assert not agent_at(one.public_id, long_ago + timedelta(days=1)).exists
