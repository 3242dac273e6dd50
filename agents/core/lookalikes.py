"""When two tags look alike. Pure: no database.

Letters of different scripts that look alike (Cyrillic е, Latin e), and punctuation that looks like that
of ASCII (’ and '), come from Unicode's own data, as `confusable-homoglyphs` packs it. Letters and digits of one script are never taken for each other:
`user_1` and `user_l` are two users.
"""

import unicodedata
from functools import cache

import regex
from confusable_homoglyphs.utils import load

from agents.core.limits import TAG_LENGTH
from agents.core.tag_text import fold, without_accents, without_invisible

# Raise it when the rule or the data changes what `lookalike_key` gives: stored keys carry it, and
# those with a lower one are computed again (`manage.py recount --fix`, or a migration).
LOOKALIKE_VERSION = 3
_SHORTEST_TYPO = 4  # characters; shorter names are one letter apart too often
_WORD = regex.compile(r"\p{L}+")
_LETTERS = regex.compile(r"\p{L}*")
_FOREIGN = regex.compile(r"(?=\p{L})[^\p{Latin}\p{Common}\p{Inherited}]")
_ZEROS = regex.compile(r"(?<!\d)0+(?=\d)")
_NO_DIFFERENCE = regex.compile(r"[\s_:\p{Pd}]+")


def lookalike_key(name: str) -> str:
    """Equal for names a person may take for each other.

    Case, accents, characters that cannot be seen, spaces, `_`, dashes, `:` and leading zeros of
    numbers do not count; neither does the script of letters that look the same, nor the form of
    punctuation: programs write “ for " and − for -.
    """
    folded = fold(name)
    if not name.isascii():
        plain = without_invisible(without_accents(name)).translate(_ascii_punctuation())
        folded = fold(_in_latin(plain))
    # Zeros go first: in "v1-02" they lead a number, in "v102" they do not.
    bare: str = _NO_DIFFERENCE.sub("", _ZEROS.sub("", folded))
    # A folded name can be longer than the name; an index holds 2,700 bytes.
    return (bare or name)[:TAG_LENGTH]


def is_typo(typed: str, name: str) -> bool:
    """True if one letter more, less or other, or two letters swapped, makes one folded name the other.

    Numbers are never typos of each other: user_1 and user_2 are two users.
    """
    first, second = sorted((fold(typed), fold(name)), key=len)
    if first == second or len(second) - len(first) > 1 or len(second) < _SHORTEST_TYPO:
        return first == second and typed != name
    start = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first)
    )
    a, b = first[start:], second[start:]
    if any(char.isdecimal() for char in (*a[:2], *b[:2])):
        return False
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:]
    return swapped or a[1:] == b[1:] or a == b[1:]


def _in_latin(text: str) -> str:
    if not _FOREIGN.search(text):
        return text
    # `fold` cuts the text at this length. The last word must not be cut in the middle.
    text = text[: _LETTERS.match(text, TAG_LENGTH).end()]
    return str(_WORD.sub(lambda word: _latin_word(word[0]), text))


def _latin_word(word: str) -> str:
    """The word in Latin letters where it can be taken for a Latin one; else letter by letter."""
    letters = _latin_letters()
    as_typed = "".join(letters.get(char, char) for char in word)
    if as_typed.isascii():
        return as_typed
    # Of other words case must not count: small letters decide, capitals where those tell nothing.
    return "".join(letters.get(char) or letters.get(char.upper(), char) for char in word.casefold())


@cache
def _latin_letters() -> dict[str, str]:
    """The letter of A to Z that a letter of another script looks like."""
    table = {}
    for char, alike in _alike().items():
        if not _FOREIGN.fullmatch(char):
            continue
        latin = [letter for letter in alike if letter.isascii() and letter.isalpha()]
        same_case = [letter for letter in latin if letter.isupper() == char.isupper()]
        if latin:
            table[char] = (same_case or latin)[0]
    return table


@cache
def _ascii_punctuation() -> dict[int, str]:
    """The punctuation of ASCII that a punctuation mark or symbol looks like, by its code point."""
    table = {}
    for char, alike in _alike().items():
        if len(char) > 1 or char.isascii() or unicodedata.category(char)[0] not in "PS":
            continue
        plain = [mark for mark in alike if len(mark) == 1 and mark.isascii() and not mark.isalnum()]
        if plain:
            table[ord(char)] = plain[0]
    return table


@cache
def _alike() -> dict[str, list[str]]:
    """What each character looks like, at most two steps away in Unicode's data."""
    data: dict[str, list[dict[str, str]]] = load("confusables.json")
    near = {char: [other["c"] for other in others] for char, others in data.items()}
    return {
        char: [*alike, *(far for middle in alike for far in near.get(middle, ()))]
        for char, alike in near.items()
    }
