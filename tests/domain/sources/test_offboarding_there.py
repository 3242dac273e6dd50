"""Off-boarding deletes a user's agents and memory at their source first, and reads them back there."""

import pytest

from agents.core.errors import SourceUnavailable
from agents.domain.bulk import run
from agents.domain.offboarding import receipt
from agents.domain.offboarding.begin import begin
from agents.domain.users import OffboardMode
from agents.models import Agent, AgentSource, Offboarding, Tag
from tests.domain.sources.fixtures import known
from tests.helpers import make_agent, make_manager
from tests.net.scripted import Asked, Letta, Reply

pytestmark = pytest.mark.django_db(transaction=True)


def make_user(letta: Letta, source: AgentSource) -> tuple[Agent, str, str]:
    """An agent of user_1 at the source with an own and a shared block; one kept here."""
    there = known(
        letta, source, name="There", tags=["user_1"],
        memory_blocks=[{"label": "human", "value": "Jane, 555-0100"}, {"label": "company", "value": "x"}],
    )  # fmt: skip
    own, shared = (block["id"] for block in letta.agents[there.public_id]["blocks"])
    other = letta.make(name="Other")
    other["blocks"].append(letta.agents[there.public_id]["blocks"][1])
    make_agent(name="Here", tags=["user_1"])
    return there, own, shared


def start() -> tuple[Offboarding, object]:
    begun = begin(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert begun.job is not None
    return begun.offboarding, begun.job.id


def seen(row: Offboarding) -> dict[tuple[str, str], str]:
    return {(item.place, item.label or item.public_id): item.seen for item in row.items.all()}


def test_it_goes_there_first_and_is_read_back(letta: Letta, letta_source: AgentSource) -> None:
    there, own, shared = make_user(letta, letta_source)
    row, job = start()
    while run.step(job):
        pass
    assert there.public_id not in letta.agents
    assert own not in letta.loose
    assert "555-0100" not in repr([letta.agents, letta.loose])
    row = receipt.check(offboarding_id=row.id, actor=make_manager())
    assert seen(row) == {
        ("prod", "There"): "gone",
        ("prod", own): "gone",
        ("prod", shared): "kept",
        ("", "There"): "gone",
        ("", "Here"): "gone",
        **{key: "gone" for key in seen(row) if key[0] == "" and key[1].startswith("block-")},
    }
    assert row.checked_at is not None
    assert not Agent.objects.filter(tag_count__gt=0).exists()


def test_a_source_that_stops_half_way_is_said_and_finished_later(
    letta: Letta, letta_source: AgentSource
) -> None:
    there, own, _ = make_user(letta, letta_source)
    row, job = start()
    letta.instead = lambda asked: Reply(503) if asked.path.startswith("/v1/blocks/") else None
    with pytest.raises(SourceUnavailable):
        run.step(job)
    assert Agent.objects.filter(
        public_id=there.public_id
    ).exists()  # nothing goes here before there
    assert seen(row)["prod", "There"] == "not reachable"

    def only_agents(asked: Asked) -> Reply | None:
        return Reply(503) if asked.method == "DELETE" and "/blocks/" in asked.path else None

    letta.instead = only_agents
    with pytest.raises(SourceUnavailable):
        run.step(job)
    assert there.public_id not in letta.agents
    assert own in letta.loose
    letta.instead = lambda asked: None
    while run.step(job):
        pass
    assert own not in letta.loose
    row = receipt.check(offboarding_id=row.id, actor=make_manager())
    assert (seen(row)["prod", "There"], seen(row)["prod", own]) == ("gone", "gone")
    assert not Tag.objects.filter(name="user_1").exists()


def test_what_cannot_be_read_back_is_not_reachable(letta: Letta, letta_source: AgentSource) -> None:
    make_user(letta, letta_source)
    row, job = start()
    while run.step(job):
        pass
    letta.instead = lambda asked: Reply(503)
    row = receipt.check(offboarding_id=row.id, actor=make_manager())
    assert seen(row)["prod", "There"] == "not reachable"
    letta.instead = lambda asked: None
    AgentSource.objects.update(problem="", next_try_at=None)
    row = receipt.check(offboarding_id=row.id, actor=make_manager())
    assert seen(row)["prod", "There"] == "gone"
