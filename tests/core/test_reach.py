"""What a reach covers, how it follows a tag, and how it is stored."""

import pytest

from agents.core.reach import (
    AGENTS_MOST,
    EVERYTHING,
    NOTHING,
    TAGS_MOST,
    UNREADABLE_LIMIT,
    Reach,
    key_columns,
    of_columns,
    read_reach,
)
from agents.core.tag_text import problem

pytestmark = pytest.mark.only_sqlite  # the database plays no part

TWO = Reach.of_tags(["b", "a", "b"])
IDS = Reach.of_agents(["agent-2", "agent-1"])


@pytest.mark.parametrize(
    ("reach", "agent_id", "tags", "covered"),
    [
        (EVERYTHING, "agent-9", [], True),
        (NOTHING, "agent-9", ["a"], False),
        (TWO, "agent-9", ["x", "b"], True),
        (TWO, "agent-9", ["x"], False),
        (IDS, "agent-1", [], True),
        (IDS, "agent-9", ["a"], False),
    ],
)
def test_covers(reach: Reach, agent_id: str, tags: list[str], covered: bool) -> None:
    assert reach.covers(agent_id, tags, closed=False) is covered
    assert reach.covers(agent_id, tags, closed=True) is reach.everything


def test_a_reach_has_one_kind_and_a_bounded_size() -> None:
    assert TWO.tags == ("a", "b")
    assert len(Reach.of_tags(map(str, range(TAGS_MOST))).tags) == TAGS_MOST
    assert len(Reach.of_agents(map(str, range(AGENTS_MOST))).agents) == AGENTS_MOST
    for wrong in (
        lambda: Reach.of_tags(map(str, range(TAGS_MOST + 1))),
        lambda: Reach.of_agents(map(str, range(AGENTS_MOST + 1))),
        lambda: Reach(tags=("a",), agents=("agent-1",)),
        lambda: Reach(everything=True, tags=("a",)),
    ):
        with pytest.raises(ValueError, match="reach"):
            wrong()


def test_it_follows_a_tag() -> None:
    assert TWO.with_tag("a", "c") == Reach.of_tags(["b", "c"])
    assert TWO.with_tag("a", "b") == Reach.of_tags(["b"])
    assert TWO.with_tag("a", None).with_tag("b", None) == NOTHING
    assert TWO.with_tag("x", "y") == TWO
    assert IDS.with_tag("a", None) == IDS


@pytest.mark.parametrize("reach", [EVERYTHING, NOTHING, TWO, IDS, Reach.of_tags(["a"])])
def test_what_is_stored_is_read_back(reach: Reach) -> None:
    assert read_reach(reach.stored()) == reach
    columns = key_columns(reach)
    assert of_columns(columns["limit_tag"], columns["stored_reach"]) == reach


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "true",
        '"everything"',
        '{"everything": true}',
        '{"tags": null}',
        '{"tags": []}',
        '{"tags": "a"}',
        '{"tags": ["a"], "agents": ["agent-1"]}',
        '{"tags": [1]}',
        '{"tags": ["a"]',
        str([str(number) for number in range(99)]).replace("'", '"').join(['{"tags": ', "}"]),
    ],
)
def test_what_cannot_be_read_reaches_nothing(text: str) -> None:
    assert read_reach(text) == NOTHING
    assert of_columns(None, text) == NOTHING
    assert of_columns("a", text) == NOTHING


@pytest.mark.parametrize("reach", [NOTHING, TWO, IDS])
def test_version_0_2_reads_a_limit_that_no_agent_can_carry(reach: Reach) -> None:
    limit = key_columns(reach)["limit_tag"]
    assert limit == UNREADABLE_LIMIT
    assert problem(str(limit))


def test_version_0_2_reads_a_single_tag() -> None:
    assert key_columns(Reach.of_tags(["a"]))["limit_tag"] == "a"
