"""Read rows of agent and tag from CSV, as spreadsheets, programs and people write it. No database.

The encoding, the delimiter and the header are recognized. Every assumption, trim and refusal is reported
with its line. Cells that `csv_cells.guarded` made are read back exactly.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents.core.csv_cells import unguarded
from agents.core.errors import Invalid, LimitExceeded
from agents.core.limits import CSV_LINE_LENGTH, CSV_ROWS
from agents.core.tag_text import json_list, problem, shown, text_problem, typed_parts

TOO_MANY = f"At most {CSV_ROWS:,} rows fit in one change."
_WORKBOOKS = {b"PK\x03\x04": "a workbook or zip file", b"\xd0\xcf\x11\xe0": "an Excel workbook"}
# Some programs save a web page or XML under the name of an Excel file.
_MARKUP = re.compile(r"\s*<(?:!doctype|html|table|\?xml|workbook)\b", re.IGNORECASE)
_SAVE_AS_CSV = (
    "In the spreadsheet program, save it as “CSV UTF-8” and choose that file, or copy the cells and "
    "paste them into “Rows”."
)
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t ]*', re.IGNORECASE)
_DELIMITERS = ",;\t"
# The most columns “tag” and “tags” of one file. Each of their cells is read in each row.
_TAG_COLUMNS = 20
# Quotes that are never closed: after each, the rest of the file is read again.
_OPEN_QUOTES = 20
_ID_HEADERS = ("agentid", "id", "agent")
_AGENT_ID = re.compile(r"\s*agent-(?:local-)?[0-9a-f]{8}-")
# What a spreadsheet makes of a text such as 1e5, and what it shows in place of a formula's value.
_REWRITTEN = re.compile(r"[+-]?\d(?:[.,]\d+)?E[+-]\d{2,}")
_FORMULA_ERROR = re.compile(r"#(?:NAME\?|REF!|VALUE!|N/A|NUM!|DIV/0!|NULL!|ERROR!|#{2,})")
# One cell may hold all tags of an agent; Python's own limit is smaller, and global.
csv.field_size_limit(CSV_LINE_LENGTH)

_QUOTED_LINES = "Lines that stand in quotes as a whole were split into cells."

Report = tuple[int, str, str]  # line (0: the whole file), the text, what was found


@dataclass(slots=True)
class Rows:
    """The content of a file: wanted tags (with their lines) by agent id, refused lines with the reason, and
    what was changed or assumed while reading."""

    wanted: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: list[Report] = field(default_factory=list)
    noted: list[Report] = field(default_factory=list)
    pairs: int = 0
    records: int = 0


def text_of(data: bytes) -> tuple[str, str]:
    """Return the text of a file, and a note on its encoding if that is not UTF-8. Raises Invalid."""
    for start, kind in _WORKBOOKS.items():
        if data.startswith(start):
            raise Invalid(f"The file is {kind}, not CSV. {_SAVE_AS_CSV}", field="file")
    encoding = json.detect_encoding(data)  # by byte order marks and NUL bytes
    try:
        text = data.decode(encoding)
        note = "" if encoding.startswith("utf-8") else f"Read as {encoding[:6].upper()} text."
    except UnicodeError:
        if encoding != "utf-8":
            raise Invalid(
                f"The file looks like {encoding[:6].upper()} text, but is damaged.", field="file"
            ) from None
        text, note = _windows_text(data)
    if why := text_problem(text):
        raise Invalid(f"The file is not text: it {why}.", field="file")
    if _MARKUP.match(text.lstrip("\ufeff")):
        raise Invalid("The file is a web page or XML, not CSV. " + _SAVE_AS_CSV, field="file")
    return text, note


def _windows_text(data: bytes) -> tuple[str, str]:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    if not text or any(byte in data for byte in (b"\x00", b"\x01", b"\x02", b"\x03", b"\x04")):
        raise Invalid(
            "The file is not text in UTF-8, UTF-16 or Windows-1252. Save it as “CSV UTF-8”.",
            field="file",
        )
    return text, (
        "Read as Windows-1252, because it is not UTF-8. Check letters with accents in the plan; "
        "if they are wrong, save the file as “CSV UTF-8”."
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of the agent and the tags; `width` is that of the header, or 2."""

    agent: int = 0
    tag: tuple[int, ...] = (1,)
    tags: tuple[int, ...] = ()
    width: int = 2


def read_rows(text: str, *, note: str = "") -> Rows:
    """Read the text, with or without a header. Raises Invalid (too much of it, a wrong header)."""
    rows = Rows(noted=[(0, "", note)] if note else [])
    lines = _lines(text)
    start = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    separator = _SEP_LINE.fullmatch(lines[start].strip()) if start < len(lines) else None
    start += bool(separator)
    first = next((line for line in lines[start:] if line.strip()), "")
    delimiter = separator[1] if separator else _delimiter(first)
    if delimiter in ' "':
        raise Invalid("“sep=” must name a comma, a semicolon or another delimiter.", field="rows")
    columns: _Columns | None = None
    split = False
    for line, cells in _records(lines, start, delimiter, rows):
        if not any(cell.strip() for cell in cells):
            continue
        if (inner := _quoted_line(cells)) is not None:
            cells, split = inner, True
        if columns is None:
            columns = _header(cells)
            if columns is not None:
                continue
            columns = _Columns()
        _take_row(rows, line, cells, columns)
    if split:
        rows.noted.insert(0, (0, "", _QUOTED_LINES))
    return rows


def take(rows: Rows, line: int, agent_id: str, tag: str) -> None:
    """Add a pair to the rows, or to the refused lines. Raises Invalid if there are too many."""
    rows.pairs += 1
    if rows.pairs > CSV_ROWS:
        raise Invalid(TOO_MANY, field="rows")
    named = rows.wanted.get(agent_id, {})
    if why := problem(tag):
        rows.refused.append((line, shown(f"{agent_id},{tag}"), f"names a tag that {why}."))
    elif first := named.get(tag):
        text = f"repeats line {first:,}." if first != line else "names this tag twice."
        rows.refused.append((line, shown(f"{agent_id},{tag}"), text))
    else:
        rows.wanted.setdefault(agent_id, {})[tag] = line


def _lines(text: str) -> list[str]:
    # Python on Windows writes CR CR LF if a file was opened without newline="".
    plain = text.lstrip("\ufeff").replace("\r\r\n", "\r\n")
    lines = list(io.StringIO(plain, newline=""))
    for number, line in enumerate(lines, 1):
        if len(line) > CSV_LINE_LENGTH:
            raise LimitExceeded(
                f"Line {number:,} is {len(line):,} characters; the limit is {CSV_LINE_LENGTH:,}.",
                field="rows",
            )
    return lines


def _delimiter(line: str) -> str:
    """Return the delimiter that makes the line a header, else the first one outside of quotes."""
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        if _names_columns(cells):
            return delimiter
    outside = re.sub(r'"[^"]*"?', "", line)
    return next((char for char in outside if char in _DELIMITERS), ",")


def _records(
    lines: Sequence[str], start: int, delimiter: str, rows: Rows
) -> Iterator[tuple[int, list[str]]]:
    """Yield the records with the numbers of their first lines; broken ones are refused one by one.

    Raises Invalid if there are too many records or quotes that are never closed.
    """
    spaced = any(re.search(rf'{re.escape(delimiter)} +"', line) for line in lines)
    unclosed = 0
    while start < len(lines):
        reader = csv.reader(
            lines[start:], delimiter=delimiter, strict=True, skipinitialspace=spaced
        )
        begin, reached = start, len(lines)
        while True:
            line = begin + reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                _count_record(rows)
                rows.refused.append((line + 1, shown(lines[line].rstrip()), _broken(error)))
                # If a quote is never closed, the next lines are read without it.
                if "unexpected end" in str(error):
                    unclosed += 1
                    if unclosed > _OPEN_QUOTES:
                        raise Invalid(
                            f"More than {_OPEN_QUOTES} quotes are never closed. The first refused "
                            f"line is {rows.refused[0][0]:,}.",
                            field="rows",
                        ) from error
                    reached = line + 1
                    break
                continue
            yield line + 1, cells
        start = reached


def _quoted_line(cells: Sequence[str]) -> list[str] | None:
    """Return the cells of a line that is in one cell, or None.

    A spreadsheet that separates with semicolons reads a line with commas as one cell, and saves it in
    quotes.
    """
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) != 1 or len(filled[0]) < 2:
        return None
    try:
        inner = next(csv.reader(filled, delimiter=_delimiter(filled[0]), strict=True), [])
    except csv.Error:
        return None
    is_row = len(inner) > 1 and any(_AGENT_ID.match(cell) for cell in inner)
    return inner if is_row or (len(inner) > 1 and _names_columns(inner)) else None


def _count_record(rows: Rows) -> None:
    """Count a record, also one without a tag. Raises Invalid if there are too many."""
    rows.records += 1
    if rows.records > CSV_ROWS:
        raise Invalid(TOO_MANY, field="rows")


def _broken(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "has a quote that is never closed."
    if "expected after" in str(error):
        return 'has a quote inside a quoted cell. Write "" for it.'
    return f"is no CSV: {error}."


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-\ufeff]+", "", name).casefold()


def _names_columns(cells: Sequence[str]) -> bool:
    names = [_plain(cell) for cell in cells]
    return any(name in names for name in _ID_HEADERS) and ("tag" in names or "tags" in names)


def _header(cells: Sequence[str]) -> _Columns | None:
    """Return the columns that a header names, or None if the cells are no header. Raises Invalid."""
    if any(_AGENT_ID.match(cell) for cell in cells):
        return None  # the tag of the first row may well be called "tag" or "id"
    names = [_plain(cell) for cell in cells]
    agent = next((names.index(name) for name in _ID_HEADERS if name in names), None)
    tag = tuple(n for n, name in enumerate(names) if name == "tag")
    tags = tuple(n for n, name in enumerate(names) if name == "tags")
    if agent is None and not (tag or tags):
        return None
    if agent is None:
        raise Invalid("The header has no column “agent_id” (or “id”).", field="rows")
    if not (tag or tags):
        raise Invalid("The header has no column “tag” or “tags”.", field="rows")
    if len(tag) + len(tags) > _TAG_COLUMNS:
        raise Invalid(
            f"The header has more than {_TAG_COLUMNS} columns “tag” or “tags”.", field="rows"
        )
    return _Columns(agent, tag, tags, len(cells))


def _take_row(rows: Rows, line: int, cells: list[str], columns: _Columns) -> None:
    _count_record(rows)
    while len(cells) > columns.width and not cells[-1].strip():
        cells.pop()  # delimiters that a spreadsheet adds at the end
    whole = shown(",".join(cells))
    if len(cells) > columns.width or (columns.width == 2 and len(cells) < 2):
        count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
        wanted = "two" if columns.width == 2 else f"{columns.width}"
        rows.refused.append((line, whole, f"has {count} and not {wanted}."))
        return
    agent_id = _trimmed(rows, line, _cell(cells, columns.agent)).strip("\ufeff\u200b")
    if not agent_id:
        rows.refused.append((line, whole, "has no agent ID."))
        return
    filled = [place for place in columns.tag if _cell(cells, place).strip()]
    # Of several columns called “tag”, some may be empty.
    for place in filled or columns.tag:
        name = _trimmed(rows, line, _cell(cells, place))
        take(rows, line, agent_id, _noted(rows, line, name))
    for place in columns.tags:
        for name in _several(rows, line, _cell(cells, place)):
            take(rows, line, agent_id, _noted(rows, line, name))


def _cell(cells: Sequence[str], place: int) -> str:
    """Return a cell of a row; "" if the row is shorter than the header."""
    return cells[place] if place < len(cells) else ""


def _trimmed(rows: Rows, line: int, cell: str) -> str:
    """Return the text of a cell: exact if an export guarded it, else without space around it."""
    cell = cell.replace("\r\n", "\n")
    exact = unguarded(cell)
    if exact != cell:
        return exact
    text = cell.strip()
    if text != cell:
        rows.noted.append(
            (line, shown(cell), "had spaces at its start or end, which were removed.")
        )
    return text


def _several(rows: Rows, line: int, cell: str) -> list[str]:
    """Return the tags of a cell: a JSON list as ADE exports it, or names separated as in the field for adding tags."""
    text = unguarded(cell.strip()).replace("\r\n", "\n")
    if text.startswith("["):
        if (names := json_list(text)) is not None:
            return list(dict.fromkeys(names))
        if text.startswith('["'):
            rows.refused.append((line, shown(text), "has a list of tags that is cut off."))
            return []
    parts = [part.strip() for part in typed_parts(text, also=";")]
    return list(dict.fromkeys(part for part in parts if part))


def _noted(rows: Rows, line: int, name: str) -> str:
    """Return the name unchanged, and note it if a program probably changed it."""
    meant = _once_encoded(name)
    if meant is not None:
        rows.noted.append((line, shown(name), f"looks encoded twice: “{shown(meant)}”?"))
    elif _REWRITTEN.fullmatch(name):
        rows.noted.append((line, shown(name), "looks like a number that a spreadsheet rewrote."))
    elif _FORMULA_ERROR.fullmatch(name):
        rows.noted.append((line, shown(name), "looks like an error of a spreadsheet's formula."))
    return name


def _once_encoded(name: str) -> str | None:
    if name.isascii():
        return None
    try:
        # Bytes without a character in Windows-1252 are kept as control characters.
        raw = b"".join(
            char.encode("cp1252")
            if ord(char) > 0xFF or char.isprintable()
            else char.encode("latin-1")
            for char in name
        )
        return codecs.decode(raw, "utf-8")
    except UnicodeError:
        return None
