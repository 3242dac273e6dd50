"""What a legal tag is, how a typed one is tidied, and when two look alike. Pure: no database.

A tag's text is exact: it is never split, trimmed or folded, except by `tidy`, which only the add
field uses and which says so.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.errors import Invalid
from agents.limits import TAG_LENGTH

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*')


def text_problem(text: str) -> str | None:
    """Why this text cannot be stored exactly in every database, or None if it can."""
    if "\x00" in text:
        return "contains a NUL character"
    if _SURROGATE.search(text):
        return "contains half of a surrogate pair"
    return None


def problem(name: str) -> str | None:
    """Why `name` is no legal tag, as the end of a sentence about it, or None if it is one."""
    if not name:
        return "is empty"
    if len(name) > TAG_LENGTH:
        return f"is {len(name):,} characters; the limit is {TAG_LENGTH}"
    bad = text_problem(name)
    if bad:
        return bad
    if _CONTROL.search(name):
        return "contains a control character"
    return None


def shown(name: str, most: int = 60) -> str:
    """The name fit for a message: unprintable characters as marks, shortened to `most`."""
    kept = name if len(name) <= most else name[: most - 1]
    plain = kept.isascii() and kept.isprintable()  # of nearly all texts nothing needs a mark
    text = kept if plain else "".join(mark_of(char) or char for char in kept)
    return text if kept == name else text + "…"


def mark_of(char: str) -> str | None:
    """A visible mark for a character that cannot be seen, or None if it can."""
    if char in "\t\n":
        return "⇥" if char == "\t" else "⏎"
    if _CONTROL.match(char) or _INVISIBLE.match(char) or _SURROGATE.match(char):
        return f"⟨U+{ord(char):04X}⟩"
    return None


def has_invisible(name: str) -> bool:
    """True if the name holds characters that cannot be seen or that change the text's direction."""
    return bool(_INVISIBLE.search(name))


def require_legal(name: object, *, field: str = "tags") -> str:
    """Return `name` if it is a legal tag; raise Invalid, naming the tag and the rule, if not."""
    if not isinstance(name, str):
        raise Invalid("A tag must be a string.", field=field)
    why = problem(name)
    if why:
        label = f"Tag “{shown(name)}”" if name and len(name) <= TAG_LENGTH else "Tag"
        raise Invalid(f"{label} {why}.", field=field)
    return name


def unique_legal(names: Iterable[object], *, field: str = "tags") -> list[str]:
    """The names, each legal and each once, in their first order. Raises Invalid."""
    return list(dict.fromkeys(require_legal(name, field=field) for name in names))


def tidy(typed: str) -> str:
    """What a typed tag becomes: ends trimmed, inner white space one space, NFC."""
    return unicodedata.normalize("NFC", " ".join(typed.split()))


@dataclass(frozen=True, slots=True)
class Typed:
    """Tags as the add field holds them: the tidied names, and whether tidying changed any."""

    names: list[str]
    tidied: bool


def parse_typed(text: str) -> Typed:
    """Split what was typed or pasted: new line, tab and comma part tags, "quotes" keep commas in.

    Two quotes inside quotes stand for one. A quote inside a word is a character. Empty parts are
    left out. The names are tidied and unique, not yet checked to be legal.
    """
    parts = [part for line in re.split(r"[\n\r\t]", text) for part in _parts(line)]
    # Of several, white space around each is layout; of a single one it was typed.
    typed = parts if len(parts) == 1 else [part.strip(" ") for part in parts]
    names = [tidy(part) for part in typed]
    return Typed([name for name in dict.fromkeys(names) if name], names != typed)


def _parts(line: str) -> Iterable[str]:
    position = 0
    while position <= len(line):
        quoted = _QUOTED.match(line, position)
        if quoted and (quoted.end() == len(line) or line[quoted.end()] == ","):
            yield quoted.group(1).replace('""', '"')
            position = quoted.end() + 1
            continue
        comma = line.find(",", position)
        end = len(line) if comma < 0 else comma
        yield line[position:end]
        position = end + 1


def quote(name: str) -> str:
    """The text that `parse_typed` reads back as exactly this one name, if the name is tidy."""
    if "," in name or '"' in name:
        return '"' + name.replace('"', '""') + '"'
    return name


def fold(text: str) -> str:
    """Text as search compares it: case and accents folded, the same on every database."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def lookalike_key(name: str) -> str:
    """Equal for names a person may take for each other.

    Case, accents, spaces, `_`, `-`, `:` and leading zeros of numbers do not count.
    """
    # Zeros go first: in "v1-02" they lead a number, in "v102" they do not.
    numbers = re.sub(r"(?<!\d)0+(?=\d)", "", _INVISIBLE.sub("", fold(name)))
    bare = re.sub(r"[\s_\-:]+", "", numbers)
    # Compatibility forms can be many times longer than the name; an index holds 2,700 bytes.
    return (bare or name)[:TAG_LENGTH]


def matches_any(name: str, patterns: Sequence[str]) -> bool:
    """True if `name` fits one of the patterns, in which `*` stands for any text, also none."""
    return any(_fits(name, pattern.split("*")) for pattern in patterns)


def names_user(name: str, patterns: Sequence[str]) -> bool:
    """True if `name` fits one of the user patterns, in which `{id}` stands for the user's id."""
    return any(
        len(name) > len(pattern) - len("{id}") and _fits(name, pattern.split("{id}"))
        for pattern in patterns
    )


def user_tag(user_id: str, patterns: Sequence[str]) -> str:
    """The tag that names this user: the first pattern with the id in its place."""
    return patterns[0].replace("{id}", user_id)


def _fits(name: str, parts: Sequence[str]) -> bool:
    """True if the name is the parts in their order, with any text in between.

    Not by a regular expression: keys and webhooks bring patterns of their own, and one with a dozen
    holes would keep a process busy for years.
    """
    if len(parts) == 1:
        return name == parts[0]
    place, end = len(parts[0]), len(name) - len(parts[-1])
    if place > end or not (name.startswith(parts[0]) and name.endswith(parts[-1])):
        return False
    for part in parts[1:-1]:  # the first place that fits leaves most for the others
        found = name.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
