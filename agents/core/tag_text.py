"""Which tags are legal, how typed tags are tidied, and how text is folded.

A tag is exact text. It is never split, trimmed or folded, except by `tidy`, which only the field for
adding tags uses. That field tells the user what it changed.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from agents.core.errors import IllegalTag, LimitExceeded, TagTooLong
from agents.core.limits import FOLDED_LENGTH, TAG_LENGTH, TAGS_PER_REQUEST, TYPED_LENGTH

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# All spaces except the plain one, the empty Braille pattern, what Unicode calls default ignorable
# (joiners, direction marks, variation selectors, fillers), and the marks of annotations.
_INVISIBLE = regex.compile(
    r"[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800\uFFF9-\uFFFB[\p{Zs}--\ ]]", regex.VERSION1
)
# A plain space that cannot be seen: at the start, at the end, and the second of two.
_HIDDEN_SPACE = re.compile(r"\A +| +\Z|(?<= ) +")
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*')
_COMMAS = ",，、"  # also full-width and ideographic, as Chinese and Japanese keyboards type them
# Sorting a run of combining marks takes quadratic time. No language uses this many on one letter;
# Unicode's stream-safe text format (UAX 15) has the same limit.
_MARKS_IN_A_ROW = 30


def text_problem(text: str) -> str | None:
    """Return why a database cannot store this text exactly, as the end of a sentence, or None."""
    if "\x00" in text:
        return "contains a NUL character"
    if _SURROGATE.search(text):
        return "contains half of a surrogate pair"
    return None


def problem(name: str) -> str | None:
    """Return why `name` is not a legal tag, as the end of a sentence, or None."""
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
    """Return the text for use in a message: invisible characters as marks, at most `most` characters."""
    start = name if len(name) <= most else name[: most - 1]
    # The fast path: most texts need no mark.
    text = start if is_plain(start) else "".join(mark or char for char, mark in with_marks(start))
    return text if start == name else text + "…"


def is_plain(text: str) -> bool:
    """True if no character needs a mark. Faster than asking for each character."""
    if _HIDDEN_SPACE.search(text):
        return False
    if text.isascii():
        return text.isprintable()
    seldom = (_CONTROL, _SURROGATE, _INVISIBLE)
    return not ("\t" in text or "\n" in text or any(rule.search(text) for rule in seldom))


def with_marks(text: str) -> list[tuple[str, str | None]]:
    """Return each character of a text with the visible mark to show instead, or None."""
    hidden = {place for found in _HIDDEN_SPACE.finditer(text) for place in range(*found.span())}
    return [(char, "␣" if n in hidden else mark_of(char)) for n, char in enumerate(text)]


def mark_of(char: str) -> str | None:
    """Return a visible mark for an invisible character, or None for a visible one."""
    if char in "\t\n":
        return "⇥" if char == "\t" else "⏎"
    if _CONTROL.match(char) or _INVISIBLE.match(char) or _SURROGATE.match(char):
        return f"⟨U+{ord(char):04X}⟩"
    return None


def has_invisible(name: str) -> bool:
    """True if the name contains invisible characters or changes the direction of text."""
    return bool(_INVISIBLE.search(name) or _HIDDEN_SPACE.search(name))


def has_outer_space(name: str) -> bool:
    """True if the name begins or ends with a space, of any kind."""
    return name != name.strip()


def without_invisible(text: str) -> str:
    """Remove invisible characters except plain spaces."""
    return text if text.isascii() else str(_INVISIBLE.sub("", text))


def require_legal(name: object, *, field: str = "tags") -> str:
    """Return `name` if it is a legal tag. Raises Invalid with the tag and the rule it breaks."""
    if not isinstance(name, str):
        raise IllegalTag("A tag must be a string.", field=field)
    why = problem(name)
    if why:
        kind = TagTooLong if len(name) > TAG_LENGTH else IllegalTag
        label = f"Tag “{shown(name)}”" if name and len(name) <= TAG_LENGTH else "Tag"
        raise kind(f"{label} {why}.", field=field)
    return name


def unique_legal(names: Iterable[object], *, field: str = "tags") -> list[str]:
    """Check the names and return them without duplicates, in order. Raises Invalid."""
    return list(dict.fromkeys(require_legal(name, field=field) for name in names))


def tidy(typed: str) -> str:
    """Return a typed tag trimmed, with single spaces, in Unicode form NFC.

    Text longer than a tag (which is refused anyway) and text with more than 30 combining marks in a
    row are not normalised.
    """
    text = " ".join(typed.split())
    if text.isascii() or len(text) > TAG_LENGTH or _has_long_run(text):
        return text
    return unicodedata.normalize("NFC", text)


def _has_long_run(text: str) -> bool:
    run = 0
    for char in text:
        # A character that is not a mark can decompose into a letter that ends with marks.
        run = run + 1 if unicodedata.combining(char) else 0
        if run > _MARKS_IN_A_ROW:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Typed:
    """Tags typed into the field for adding tags: the tidied names, and whether tidying changed any."""

    names: list[str]
    tidied: bool


def parse_typed(text: str) -> Typed:
    """Split typed or pasted text into tags at new lines, tabs and commas.

    Full-width and ideographic commas count too. A tag in "quotes" may contain commas; "" inside quotes
    is one quote. A quote inside a word is an ordinary character. Empty parts are skipped. A JSON list of
    strings, as programs print tags, gives its items. The names
    are tidied and unique, but not checked to be legal. Raises Invalid if the text is longer or has
    more parts than any legal list of tags.
    """
    if len(text) > TYPED_LENGTH:
        raise LimitExceeded(
            f"The tags are {len(text):,} characters together; the limit is {TYPED_LENGTH:,}.",
            field="tags",
        )
    parts = json_list(text)
    if parts is None:
        parts = list(typed_parts(text))
    if sum(map(bool, parts)) > TAGS_PER_REQUEST:
        raise LimitExceeded(f"Add at most {TAGS_PER_REQUEST:,} tags at once.", field="tags")
    # Spaces around several tags are layout. Spaces around a single tag were typed.
    typed = parts if len(parts) == 1 else [part.strip(" ") for part in parts]
    names = [tidy(part) for part in typed]
    return Typed([name for name in dict.fromkeys(names) if name], names != typed)


def json_list(text: str) -> list[str] | None:
    """The strings of a JSON list such as ["j1", "j2"], or None if the text is none."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return names


def typed_parts(text: str, *, also: str = "") -> Iterator[str]:
    """The parts between new lines, tabs, commas and the characters of `also`, quotes removed."""
    for line in re.split(r"[\n\r\t]", text):
        yield from _parts(line, _COMMAS + also)


def _parts(line: str, commas: str) -> Iterator[str]:
    comma, position = re.compile(f"[{commas}]|$"), 0
    while position <= len(line):
        quoted = _QUOTED.match(line, position)
        if quoted and (quoted.end() == len(line) or line[quoted.end()] in commas):
            yield quoted.group(1).replace('""', '"')
            position = quoted.end() + 1
            continue
        found = comma.search(line, position)
        end = found.start() if found else len(line)
        yield line[position:end]
        position = end + 1


def quote(name: str) -> str:
    """Return text that `parse_typed` reads as exactly this name, if the name is tidy."""
    if '"' in name or any(comma in name for comma in _COMMAS):
        return '"' + name.replace('"', '""') + '"'
    return name


def fold(text: str) -> str:
    """Return text for search, without case and accents, the same on every database.

    Only the first 512 characters of the text and the first 1,536 of the result are used: one
    character can fold to 18 (U+FDFA), and the result is stored and indexed.
    """
    bare = _bare(text[:TAG_LENGTH].casefold())
    return bare[:FOLDED_LENGTH].casefold()[:FOLDED_LENGTH]


def without_accents(text: str) -> str:
    """Return the text with plain letters, in its own case; at most the first 512 characters of it."""
    return _bare(text[:TAG_LENGTH])


def _bare(text: str) -> str:
    """Return the text in Unicode form NFKD without combining marks.

    Marks never count, so each character can be taken apart alone: normalising many marks in a row
    takes very long.
    """
    if text.isascii():
        return text
    return text.translate({ord(char): _bare_char(char) for char in set(text)})


def _bare_char(char: str) -> str:
    if unicodedata.combining(char):
        return ""
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if not unicodedata.combining(part))


def matches_any(name: str, patterns: Sequence[str]) -> bool:
    """True if `name` matches one of the patterns. `*` matches any text, including none."""
    return any(_fits(name, pattern.split("*")) for pattern in patterns)


def names_user(name: str, patterns: Sequence[str]) -> bool:
    """True if `name` matches one of the user tag patterns. `{id}` matches a user's id."""
    return any(
        len(name) > len(pattern) - len("{id}") and _fits(name, pattern.split("{id}"))
        for pattern in patterns
    )


def _fits(name: str, parts: Sequence[str]) -> bool:
    """True if the name consists of the parts in order, with any text in between.

    This is not a regular expression: users write patterns for keys and webhooks, and a pattern with a
    dozen gaps could keep a process busy for years.
    """
    if len(parts) == 1:
        return name == parts[0]
    place, end = len(parts[0]), len(name) - len(parts[-1])
    if place > end or not (name.startswith(parts[0]) and name.endswith(parts[-1])):
        return False
    for part in parts[1:-1]:  # the first match leaves the most text for the other parts
        found = name.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
