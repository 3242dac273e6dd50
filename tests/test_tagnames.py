"""What a legal tag is, and what becomes of a typed one."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Invalid
from agents.limits import TAG_LENGTH
from agents.tagnames import (
    fold,
    lookalike_key,
    matches_any,
    names_user,
    parse_typed,
    problem,
    quote,
    require_legal,
    shown,
    tidy,
    unique_legal,
    user_tag,
)

USERS = ["user_{id}", "user:{id}"]
typed_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
comma_soup = st.text(st.sampled_from('ab "",\n\t\r'), max_size=40)


@pytest.mark.parametrize(
    "name",
    ["a", " a ", "a/", "..", "a,b", '"', "a\tb\nc", "é", "e\u0301", "🎈" * TAG_LENGTH, "<script>"],
)
def test_problem_legal_tag(name: str) -> None:
    assert problem(name) is None
    assert require_legal(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Tag is empty."),
        ("a" * 513, "Tag is 513 characters; the limit is 512."),
        ("a\0b", "Tag “a⟨U+0000⟩b” contains a NUL character."),
        ("a\ud800", "Tag “a⟨U+D800⟩” contains half of a surrogate pair."),
        ("a\rb", "Tag “a⟨U+000D⟩b” contains a control character."),
        ("\x1b[31m", "Tag “⟨U+001B⟩[31m” contains a control character."),
        ("\x85", "Tag “⟨U+0085⟩” contains a control character."),
        (7, "A tag must be a string."),
        (None, "A tag must be a string."),
    ],
)
def test_require_legal_illegal_tag(name: object, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_legal(name, field="add")
    assert (refused.value.message, refused.value.field) == (why, "add")


def test_unique_legal_keeps_first_order_and_exact_text() -> None:
    assert unique_legal(["b", "a", "b", "A", "a "]) == ["b", "a", "A", "a "]


def test_shown_long_and_invisible() -> None:
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 59 + "…"
    assert shown("a\u200bb") == "a⟨U+200B⟩b"
    assert shown("\u202e" * 100, 3) == "⟨U+202E⟩⟨U+202E⟩…"


@pytest.mark.parametrize(
    ("typed", "names", "tidied"),
    [
        ("vip", ["vip"], False),
        ("", [], False),
        ("a,b", ["a", "b"], False),
        ("a, b ,, c,", ["a", "b", "c"], False),
        ("a\nb\r\nc\td", ["a", "b", "c", "d"], False),
        ("a;b", ["a;b"], False),
        ('"a, b"', ["a, b"], False),
        ('"a, b" , c', ["a, b", "c"], False),
        ('"say ""hi"", now",x', ['say "hi", now', "x"], False),
        ('5" disk', ['5" disk'], False),
        ('5" disk, 3" disk', ['5" disk', '3" disk'], False),
        ('"a"b, c', ['"a"b', "c"], False),
        ('"open, end', ['"open', "end"], False),
        ('""', [], False),
        ("a,a,b", ["a", "b"], False),
        (" a", ["a"], True),
        ("a  b", ["a b"], True),
        ("a, b  c", ["a", "b c"], True),
        ("e\u0301", ["é"], True),
        ("a\u00a0b", ["a b"], True),
        ("   ", [], True),
    ],
)
def test_parse_typed(typed: str, names: list[str], tidied: bool) -> None:
    parsed = parse_typed(typed)
    assert (parsed.names, parsed.tidied) == (names, tidied)


@given(st.one_of(typed_text, comma_soup))
def test_parse_typed_any_text_gives_tidy_unique_names(text: str) -> None:
    names = parse_typed(text).names
    assert names == list(dict.fromkeys(tidy(name) for name in names))
    assert "" not in names


@given(st.lists(st.one_of(typed_text, comma_soup).map(tidy).filter(bool), unique=True, max_size=5))
def test_quote_parse_typed_round_trip(names: list[str]) -> None:
    for separator in (",", ", ", "\n", "\t"):
        parsed = parse_typed(separator.join(quote(name) for name in names))
        assert (parsed.names, parsed.tidied) == (names, False)


@given(typed_text)
def test_tidy_twice_is_tidy_once(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


def test_fold_every_character_once_and_for_all() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    assert [c for c in characters if fold(fold(c)) != fold(c)] == []


@given(typed_text)
def test_fold_does_not_see_normal_form_or_case(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user_1", "User 1"),
        ("user_1", "user:001"),
        ("user-1", "user1"),
        ("tier:gold", "Tier-Gold"),
        ("café", "CAFE"),
        ("v1-02", "v1-2"),
        ("a\u200bb", "ab"),
        ("ﬁx", "fix"),
        ("user\u00a01", "user_1"),
        ("0", "000"),
        ("straße", "STRASSE"),
    ],
)
def test_lookalike_key_same(one: str, other: str) -> None:
    assert lookalike_key(one) == lookalike_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user_1", "user_2"),
        ("user_1", "user_10"),
        ("v102", "v12"),
        ("user_0", "user"),
        ("a/b", "ab"),
        ("--", "__"),
        ("a.b", "ab"),
    ],
)
def test_lookalike_key_different(one: str, other: str) -> None:
    assert lookalike_key(one) != lookalike_key(other)


@given(typed_text.filter(bool))
def test_lookalike_key_fits_its_index(name: str) -> None:
    assert 1 <= len(lookalike_key(name * 10)) <= TAG_LENGTH


def test_matches_any_star_is_any_text() -> None:
    patterns = ["git-memory-enabled", "origin:*", "*.log"]
    names = ["origin:", "origin:a\nb", "x.log", "git-memory-enabled"]
    assert [name for name in names if matches_any(name, patterns)] == names
    others = ["origin", "x.logs", "xlog", "git-memory-enabled2", "Origin:a"]
    assert [name for name in others if matches_any(name, patterns)] == []


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_matches_any_is_what_a_regular_expression_says(pattern: str, name: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert matches_any(name, [pattern]) == bool(re.fullmatch(expression, name))


def test_matches_any_many_stars_ends() -> None:
    # As a regular expression it would not, in a lifetime.
    assert not matches_any("a" * (TAG_LENGTH - 1) + "b", ["*a" * (TAG_LENGTH // 2)])


def test_names_user_by_pattern() -> None:
    names = ["user_1", "user:1", "user_a b", "user_{id}"]
    assert [name for name in names if names_user(name, USERS)] == names
    others = ["user_", "user:", "user", "superuser_1", "User_1", ""]
    assert [name for name in others if names_user(name, USERS)] == []


def test_user_tag_is_one_of_the_first_pattern() -> None:
    assert user_tag("42", USERS) == "user_42"
    assert names_user(user_tag("a{id}b", USERS), USERS)
