"""JSON as it is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.errors import Invalid
from agents.core.json_text import checked_json, dumps, loads

pytestmark = pytest.mark.only_sqlite  # the database plays no part

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=20,
)


@given(values)
def test_stored_comes_back_as_it_was(value: object) -> None:
    assert loads(checked_json(value, field="metadata")) == value


def test_stored_keeps_order_and_writes_compactly() -> None:
    assert (
        checked_json({"b": 1, "a": [None, "é", "\0"]}, field="x")
        == '{"b":1,"a":[null,"é","\\u0000"]}'
    )
    assert dumps({}) == "{}"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "metadata contains NaN or an infinite number, which JSON cannot store."),
        (
            {"a": [float("-inf")]},
            "metadata contains NaN or an infinite number, which JSON cannot store.",
        ),
        ({"a": "\ud800"}, "A text in metadata contains half of a surrogate pair."),
        ({"\ud800": 1}, "A text in metadata contains half of a surrogate pair."),
        ("x" * 1_000_000, "metadata is 1,000,002 bytes as JSON; the limit is 1,000,000."),
        ("é" * 600_000, "metadata is 1,200,002 bytes as JSON; the limit is 1,000,000."),
    ],
)
def test_stored_refuses(value: object, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_json(value, field="metadata")
    assert (refused.value.message, refused.value.field) == (why, "metadata")


def test_stored_refuses_deep_nesting() -> None:
    value: object = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Invalid) as refused:
        checked_json(value, field="metadata")
    assert refused.value.message == "metadata is nested deeper than 64 levels."


def test_stored_refuses_what_is_not_json() -> None:
    with pytest.raises(Invalid):
        checked_json({"a": object()}, field="metadata")
