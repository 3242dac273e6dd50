"""Which tags look alike: across scripts, never between digits and letters, never by what is unseen."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.limits import TAG_LENGTH
from agents.core.lookalikes import (
    LOOKALIKE_VERSION,
    _ascii_punctuation,
    _latin_letters,
    lookalike_key,
)
from agents.core.tag_text import has_invisible, parse_typed, quote, shown

pytestmark = pytest.mark.only_sqlite  # the database plays no part

texts = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user_е", "user_e"),  # Cyrillic small letters
        ("раураl", "paypal"),
        ("USER_В", "USER_B"),  # Cyrillic capitals
        ("НОМЕ", "home"),
        ("user_ο", "user_o"),  # Greek
        ("ΑΝΝΑ", "ANNA"),
        ("user_օ", "user_o"),  # Armenian
        ("Ꭺnna", "Anna"),  # Cherokee
        ("ο", "о"),  # Greek and Cyrillic
        ("ｕｓｅｒ＿１", "user_1"),  # full width
        ("𝐮𝐬𝐞𝐫", "user"),  # mathematical
        ("клиент_7", "КЛИЕНТ-7"),
        ("Νίκος", "νίκος"),
        ("Ann’s", "Ann's"),  # as text processors write it
        ("“vip”", '"vip"'),
        ("a−1", "a-1"),  # minus sign
        ("tier꞉gold", "tier:gold"),
        ("a∕b", "a/b"),
        ("a‚b", "a,b"),
        ("user_１", "user_1"),
        ("scоpe", "scope"),  # one Cyrillic letter among Latin ones
        ("👩\u200d💻", "👩💻"),
        ("⭐\ufe0f", "⭐"),
        ("e\u0301", "é"),
        ("한", "\u1112\u1161\u11ab"),  # a syllable and its letters
    ],
)
def test_the_same_in_another_script(one: str, other: str) -> None:
    assert lookalike_key(one) == lookalike_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user_1", "user_l"),
        ("user_1", "user_I"),
        ("user_0", "user_O"),
        ("user_5", "user_S"),
        ("user_8", "user_B"),
        ("user_О", "user_0"),  # Cyrillic О is a letter
        ("user_З", "user_3"),
        ("user_б", "user_6"),
        ("rn", "m"),
        ("vv", "w"),
        ("клиент_1", "клиент_2"),
        ("user_1", "user_١"),  # the same number in Arabic, which does not look like it
        ("a/b", "a:b"),
        ("一", "ー"),
    ],
)
def test_digits_and_letters_of_one_script_do_not_look_alike(one: str, other: str) -> None:
    assert lookalike_key(one) != lookalike_key(other)


UNSEEN = [
    "\u00a0", "\u1680", "\u2003", "\u2009", "\u202f", "\u205f", "\u3000",  # spaces
    "\u1160", "\u180b", "\u200c", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u2029",
    "\u00ad", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180e", "\u200b", "\u200d", "\u200e",
    "\u2060", "\u2065", "\u206f", "\u2800", "\u3164", "\ufe0f", "\ufeff", "\uffa0", "\U000e0020",
    "\U000e0100", "\U000e0001", "\U000e007f", "\U000e01ef", "\U0001d173", "\ufff9", "\ufffb",
]  # fmt: skip


@pytest.mark.parametrize("char", UNSEEN)
def test_what_cannot_be_seen_is_ignored_by_the_key_and_shown(char: str) -> None:
    for name in (f"user_77{char}", f"{char}user_77", f"user{char}_77"):
        assert lookalike_key(name) == lookalike_key("user_77")
        assert shown(name) == name.replace(char, f"⟨U+{ord(char):04X}⟩")
        assert has_invisible(name)


@pytest.mark.parametrize(
    ("name", "seen"),
    [("user_77 ", "user_77␣"), (" user_77", "␣user_77"), ("a  b", "a ␣b"), ("  ", "␣␣")],
)
def test_plain_spaces_that_cannot_be_seen_are_shown(name: str, seen: str) -> None:
    assert shown(name) == seen
    assert has_invisible(name)


@pytest.mark.parametrize("name", ["a b", "größe", "日本", "🙂 ok", "user_1", "مرحبا"])
def test_what_can_be_seen_has_no_mark(name: str) -> None:
    assert shown(name) == name
    assert not has_invisible(name)


def test_every_look_alike_letter_of_the_data() -> None:
    letters = {char: latin for char, latin in _latin_letters().items() if len(latin) == 1}
    apart = [
        char
        for char, latin in letters.items()
        if lookalike_key(f"user_{char}") != lookalike_key(f"user_{latin}")
    ]
    assert len(letters) > 200
    assert set(apart) <= {"ϲ", "Ϲ", "ͺ"}  # forms of sigma and iota, which come first


def test_the_data_is_of_this_version() -> None:
    """Where this fails after an update of the data, raise LOOKALIKE_VERSION and add a migration."""
    data = [*sorted(_latin_letters().items()), *sorted(_ascii_punctuation().items())]
    digest = hashlib.sha256(json.dumps(data).encode()).hexdigest()
    assert (LOOKALIKE_VERSION, digest[:16]) == (3, "82e4738c05ecd4c8")


@given(texts.filter(bool))
def test_the_key_fits_its_index(name: str) -> None:
    assert 1 <= len(lookalike_key(name * 10)) <= TAG_LENGTH


@given(st.text("abAB019_-: éß", min_size=1, max_size=20))
def test_case_and_separators_do_not_count(name: str) -> None:
    assert lookalike_key(name.upper()) == lookalike_key(name)


@pytest.mark.parametrize("comma", [",", "，", "、"])
def test_every_comma_separates_in_the_add_field(comma: str) -> None:
    assert parse_typed(f"a{comma} b{comma}{comma}c").names == ["a", "b", "c"]
    assert parse_typed(f'"a{comma}b"{comma}c').names == [f"a{comma}b", "c"]
    assert parse_typed(quote(f"a{comma}b")).names == [f"a{comma}b"]
