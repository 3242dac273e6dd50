"""JSON as it is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Invalid
from agents.jsontext import dumps, loads, stored

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
    assert loads(stored(value, field="metadata")) == value


def test_stored_keeps_order_and_writes_compactly() -> None:
    assert stored({"b": 1, "a": [None, "é", "\0"]}, field="x") == '{"b":1,"a":[null,"é","\\u0000"]}'
    assert dumps({}) == "{}"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "A number in metadata is not finite."),
        ({"a": [float("-inf")]}, "A number in metadata is not finite."),
        ({"a": "\ud800"}, "A text in metadata contains half of a surrogate pair."),
        ({"\ud800": 1}, "A text in metadata contains half of a surrogate pair."),
        ("x" * 1_000_000, "metadata is larger than 1,000,000 bytes as JSON."),
        ("é" * 600_000, "metadata is larger than 1,000,000 bytes as JSON."),
    ],
)
def test_stored_refuses(value: object, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        stored(value, field="metadata")
    assert (refused.value.message, refused.value.field) == (why, "metadata")


def test_stored_refuses_deep_nesting() -> None:
    value: object = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Invalid) as refused:
        stored(value, field="metadata")
    assert refused.value.message == "metadata is nested deeper than 64 levels."


def test_stored_refuses_what_is_not_json() -> None:
    with pytest.raises(Invalid):
        stored({"a": object()}, field="metadata")
