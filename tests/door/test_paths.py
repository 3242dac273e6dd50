"""Normalised paths: a path that can be read in two ways is refused for every key."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.door.paths import Ambiguous, read_target
from agents.core.door.routes import find_route

AGENT = "agent-123e4567-e89b-42d3-8456-426614174000"
TARGETS = [
    f"/v1/agents/{AGENT}/messages",
    "/v1/runs/",
    f"/v1/agents/{AGENT}/core-memory/blocks/human",
]
# Ways to write a separator, a dot or a path that other programs may read differently.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TRICKS = [
    *(
        "//",
        "/./",
        "/../",
        "/%2e/",
        "/%2E%2e/",
        "/.%2e/",
        "%2F",
        "%2f",
        "/%252e%252e/",
        "%252F",
        "\\",
        "%5C",
    ),
    *(
        ";",
        ";x=1",
        "%3B",
        "#",
        "%23",
        "%00",
        "%0A",
        "%0d%0a",
        "\t",
        " ",
        "\n",
        "%3F",
        "%25",
        "é",
        "%C0%AE",
    ),
    *("%EF%BF%BD", "%ff", "/..;/", "http://evil/"),
]


def matches(target: str, method: str = "GET") -> bool:
    """Return True if the target is read at all, and names a route."""
    try:
        return find_route(method, read_target(target)) is not None
    except Ambiguous:
        return False


@pytest.mark.parametrize("target", TARGETS)
def test_the_plain_targets_match(target: str) -> None:
    assert matches(target)


@given(st.sampled_from(TARGETS), st.sampled_from(TRICKS), st.integers(0, 200))
def test_a_trick_anywhere_in_a_path_never_passes(target: str, trick: str, at: int) -> None:
    changed = target[: at % (len(target) + 1)] + trick + target[at % (len(target) + 1) :]
    assert not matches(changed)


@given(st.sampled_from(TARGETS), st.integers(0, 200))
def test_another_case_never_passes(target: str, at: int) -> None:
    at %= len(target)
    changed = target[:at] + target[at].upper() + target[at + 1 :]
    if changed != target and not target[at:].startswith(tuple("human")):
        match = find_route("GET", read_target(changed))
        assert match is None or match.names["agent_id"] != AGENT


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        target = read_target(text)
    except Ambiguous:
        return
    written = target.text(slash=target.slash, query=target.query)
    assert read_target(written) == target
    assert written.isascii()


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_a_query_is_written_as_it_was_read(pairs: list[tuple[str, str]]) -> None:
    query = urlencode([(name, value) for name, value in pairs])
    if any("\0" in name + value or name + value == "" for name, value in pairs):
        return
    assert list(read_target(f"/v1/runs/?{query}").query) == pairs


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "v1/agents/",
        "http://host/v1/agents/",
        "//host/v1/agents/",
        "/v1/agents/\x00",
        "/" + "a" * 9000,
        "/v1/runs/?a=%ff",
    ],
)
def test_other_forms_of_a_target_are_refused(target: str) -> None:
    assert not matches(target)


def test_a_slash_at_the_end() -> None:
    assert matches("/v1/runs")
    assert matches("/v1/runs/")
    assert not matches(f"/v1/agents/{AGENT}/messages/")
    assert not matches(f"/v1/agents/{AGENT}/messages//")
    assert not matches("/v1/runs//")
