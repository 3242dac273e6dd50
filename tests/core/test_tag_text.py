"""What a legal tag is, and what becomes of a typed one."""

import contextlib
import re
import sys
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.errors import Invalid
from agents.core.limits import FOLDED_LENGTH, TAG_LENGTH, TAGS_PER_REQUEST, TYPED_LENGTH
from agents.core.lookalikes import is_typo, lookalike_key
from agents.core.tag_text import (
    fold,
    matches_any,
    names_user,
    parse_typed,
    problem,
    quote,
    require_legal,
    shown,
    tidy,
    unique_legal,
)

pytestmark = pytest.mark.only_sqlite  # the database plays no part

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


# --- Bounded work ---------------------------------------------------------------------------

MARKS = "\u0300\u0316"  # putting a run of these in order takes the square of its length


@pytest.mark.parametrize("text", ["a" + MARKS * 500_000, "\ufdfa" * 1_000_000, "é " * 500_000])
@pytest.mark.parametrize("work", [fold, lookalike_key, tidy, problem, shown, require_legal])
def test_a_very_long_text_costs_little(work: Callable[[str], object], text: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(Invalid):
        work(text)
    assert time.perf_counter() - started < 1


def test_many_tags_of_combining_marks_cost_little() -> None:
    typed = ",".join(["a" + MARKS * 255] * TAGS_PER_REQUEST)
    started = time.perf_counter()
    parse_typed(typed)
    for number in range(1000):
        fold(f"{number}{MARKS * 255}")
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "text", ["a" * (TYPED_LENGTH + 1), "a," * (TAGS_PER_REQUEST + 1), "a\n" * (TYPED_LENGTH // 2)]
)
def test_too_much_in_a_field_of_tags_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_typed(text)
    assert "limit is" in refused.value.message or "at most 1,000 tags" in refused.value.message


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_fold_is_compatibility_and_case_without_marks(text: str) -> None:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
    assert fold(text) == plain[:FOLDED_LENGTH]


def test_folded_text_is_cut() -> None:
    assert len(fold("\ufdfa" * TAG_LENGTH)) == FOLDED_LENGTH
    assert len(fold("각" * TAG_LENGTH)) == 3 * TAG_LENGTH == FOLDED_LENGTH
    assert len(lookalike_key("\ufdfa" * TAG_LENGTH)) <= TAG_LENGTH


def test_tidy_composes_accents_but_no_endless_run_of_them() -> None:
    assert tidy("e\u0301") == "é"
    assert tidy("e" + "\u0301" * 30) == "é" + "\u0301" * 29
    assert tidy("e" + "\u0301" * 31) == "e" + "\u0301" * 31


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('["j1", "j2"]', ["j1", "j2"]),
        (' ["a, b"] ', ["a, b"]),
        ("[x]", ["[x]"]),
        ('["a", 1]', ['["a"', "1]"]),
        ("a，b、c", ["a", "b", "c"]),
    ],
)
def test_a_json_list_and_wide_commas_give_their_tags(text: str, names: list[str]) -> None:
    assert parse_typed(text).names == names


def test_a_typo_is_one_letter_and_never_a_number() -> None:
    for typed, name in [("tier:glod", "tier:gold"), ("gold", "golds")]:
        assert is_typo(typed, name), (typed, name)
    for typed, name in [
        ("user_1", "user_2"),
        ("user_1", "user_12"),
        ("ab", "ac"),
        ("gold", "gilt"),
    ]:
        assert not is_typo(typed, name), (typed, name)
