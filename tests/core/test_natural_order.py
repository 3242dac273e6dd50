"""Names in natural order, and the ranges of names with a beginning."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.limits import TAG_LENGTH
from agents.core.natural_order import natural_key, natural_ranges
from agents.core.tag_text import fold


@pytest.mark.parametrize(
    "names",
    [
        ["user_1", "user_2", "User_3", "user_10", "user_99", "user_100"],
        ["v1.2", "v1.10", "v2.0"],
        ["a", "a1", "a2b10", "a10b2", "ab"],
        ["batch-" + "9" * 20, "batch-1" + "0" * 20, "batch-2" + "0" * 20],
        ["5", "10", "x"],
        ["Ärger 2", "arger 10", "zebra"],
    ],
)
def test_numbers_count_as_numbers(names: list[str]) -> None:
    assert sorted(names, key=natural_key) == names


@given(
    st.text(st.sampled_from("ab1290_é"), max_size=12), st.text(st.sampled_from("a019"), max_size=30)
)
def test_ranges_have_all_names_with_the_beginning_and_no_others(start: str, rest: str) -> None:
    ranges = list(natural_ranges(start))
    assert ranges == sorted(ranges)
    assert all(end <= after for (_, end), (after, _) in itertools.pairwise(ranges))
    for name in (start + rest, rest):
        inside = [1 for first, end in ranges if first <= natural_key(name) < end]
        wanted = bool(name) and fold(name).startswith(fold(start))
        assert len(inside) == int(wanted) or not name


@pytest.mark.parametrize(
    "name", ["1" * 512, "1a" * 256, "\U0001f600" * 512, "\u0301", "\ufdfa" * 30]
)
def test_keys_fit_into_an_index(name: str) -> None:
    assert 0 < len(natural_key(name)) <= TAG_LENGTH
