"""CSV as spreadsheets, programs and people write it: what is read, trimmed, assumed and refused."""

import csv
import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.csv_in import Rows, read_rows, text_of
from agents.core.errors import Invalid
from agents.core.limits import CSV_LINE_LENGTH
from agents.core.tag_text import problem
from agents.views.core.csv_text import csv_text

pytestmark = pytest.mark.only_sqlite  # the database plays no part
AGENT = "agent-00000000-0000-4000-8000-000000000000"


def read(data: bytes) -> Rows:
    text, note = text_of(data)
    return read_rows(text, note=note)


def pairs(rows: Rows) -> list[tuple[str, str]]:
    return [(agent, tag) for agent, tags in rows.wanted.items() for tag in tags]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        # blank lines, with and without delimiters
        (b"agent_id,tag\r\nA,h\r\n,\r\n,\r\n\r\n", [("A", "h")]),
        (b"\r\n\r\nagent_id;tag\r\n;\r\nA;h\r\n;;;\r\n", [("A", "h")]),
        (b"A,h\n \n\t\n , \nB,i", [("A", "h"), ("B", "i")]),
        # semicolons, tabs, byte order marks
        ("\ufeffagent_id;tag\r\nA;café\r\nB;vip\r\n".encode(), [("A", "café"), ("B", "vip")]),
        (b"agent_id\ttag\r\nA\tvip\r\n", [("A", "vip")]),
        (b"A;vip,gold\n", [("A", "vip,gold")]),
        (b"A\tvip;gold,x\n", [("A", "vip;gold,x")]),
        # a sep= line
        (b"sep=,\r\nagent_id,tag\r\nA,vip9\r\n", [("A", "vip9")]),
        (b'\xef\xbb\xbf"sep=;"\r\nagent_id;tag\r\nA;x,y\r\n', [("A", "x,y")]),
        (b"SEP=|\nagent_id|tag\nA|x;y\n", [("A", "x;y")]),
        # headers in any case, order and words; other columns
        (b"agent_id,name,tag\r\nA,Some agent,h6\r\n", [("A", "h6")]),
        (b"Tag,Notes,AGENT-ID\r\nh,n,A\r\n", [("A", "h")]),
        (b"Agent ID,Tag\r\nA,h1\r\n", [("A", "h1")]),
        (b" ID ; TAG \r\nA;h1\r\n", [("A", "h1")]),
        (b'"Agent ID","Tag"\r\n"A","h,1"\r\n', [("A", "h,1")]),
        # several tags in a cell
        (b"agent_id,tags\r\nA,h2\r\n", [("A", "h2")]),
        (b'id,tags\nA,"h2, h3,h4"\n', [("A", "h2"), ("A", "h3"), ("A", "h4")]),
        (b"id,tags\nA,h2;h3\n", [("A", "h2"), ("A", "h3")]),
        (b'id;tags\nA;"[""a,b"", ""c""]"\nB;[]\nC;\n', [("A", "a,b"), ("A", "c")]),
        (b'id,tags\nA,"""a,b"",c"\n', [("A", "a,b"), ("A", "c")]),
        # line ends
        (b"agent_id,tag\rA,h\rB,i\r", [("A", "h"), ("B", "i")]),
        (b"agent_id,tag\r\r\nA,h\r\r\nB,i", [("A", "h"), ("B", "i")]),
        # trailing delimiters
        (b"agent_id,tag,,\nA,h,,\n", [("A", "h")]),
        (b"A,h,,,\n", [("A", "h")]),
        (b"agent_id,tag\nA,h,,,\n", [("A", "h")]),
        # spaces around cells and before quotes
        (b"agent_id, tag\r\nA, user_1\r\nB ,vip \r\n", [("A", "user_1"), ("B", "vip")]),
        (b'agent_id, tag\nA, "vip, gold"\n', [("A", "vip, gold")]),
        # encodings
        ("agent_id,tag\r\nA,größe\r\n".encode("utf-16"), [("A", "größe")]),
        ("agent_id\ttag\r\nA\tgröße\r\n".encode("utf-16-le"), [("A", "größe")]),
        ("agent_id,tag\r\nA,größe\r\n".encode("utf-16-be"), [("A", "größe")]),
        ("agent_id,tag\r\nA,café €\r\n".encode("cp1252"), [("A", "café €")]),
        # several columns called tag, some of them empty
        (b"agent_id,tag,tag,tag\nA,x,,y\nB,,z,\n", [("A", "x"), ("A", "y"), ("B", "z")]),
        # lines that a spreadsheet took for one cell each
        (f'agent_id,tag\r\n"{AGENT},""vip, gold"""\r\n{AGENT},x\r\n'.encode(), [(AGENT, "vip, gold"), (AGENT, "x")]),
        (f'"agent_id,tag";;\r\n"{AGENT},""a;b""";;\r\n'.encode(), [(AGENT, "a;b")]),
        (f'"Tag,Agent ID"\n"a""b,{AGENT}"\n'.encode(), [(AGENT, 'a"b')]),
        # what an export guards
        (b"agent_id,tag\nA,'=1\nB,' x \n", [("A", "=1"), ("B", " x ")]),
        (b"agent_id,tag\nA,'tis\n", [("A", "'tis")]),
    ],
)  # fmt: skip
def test_read(data: bytes, wanted: list[tuple[str, str]]) -> None:
    rows = read(data)
    assert (pairs(rows), rows.refused) == (wanted, [])


@pytest.mark.parametrize(
    ("data", "noted"),
    [
        (b"A,x\n", []),
        ("A,é".encode("cp1252"), [(0, "", "Read as Windows-1252, because it is not UTF-8. Check letters with accents in the plan; if they are wrong, save the file as “CSV UTF-8”.")]),
        ("A,é".encode("utf-16"), [(0, "", "Read as UTF-16 text.")]),
        (b"agent_id,tag\nA , h \n", [
            (2, "A␣", "had spaces at its start or end, which were removed."),
            (2, "␣h␣", "had spaces at its start or end, which were removed."),
        ]),
        ("A,cafÃ© 9\n".encode(), [(1, "cafÃ© 9", "looks encoded twice: “café 9”?")]),
        ("id,tags\nA,\"x,GrÃ¶ÃŸe\"\n".encode(), [(2, "GrÃ¶ÃŸe", "looks encoded twice: “Größe”?")]),
        ("A,Å tefan\n".encode(), []),
        ("A,â‚¬uro\n".encode(), [(1, "â‚¬uro", "looks encoded twice: “€uro”?")]),
        (b"A,1.23E+05\nA,1e5\nA,1E5\n", [(1, "1.23E+05", "looks like a number that a spreadsheet rewrote.")]),
        (b"A;1,5E-07\n", [(1, "1,5E-07", "looks like a number that a spreadsheet rewrote.")]),
        (b"A,#NAME?\nA,#name\n", [(1, "#NAME?", "looks like an error of a spreadsheet's formula.")]),
        (f'"{AGENT},x"\n'.encode(), [(0, "", "Lines that stand in quotes as a whole were split into cells.")]),
    ],
)  # fmt: skip
def test_noted(data: bytes, noted: list[object]) -> None:
    assert [
        (n, t.replace(" ", "␣") if n and "spaces" in w else t, w) for n, t, w in read(data).noted
    ] == noted


@pytest.mark.parametrize(
    ("text", "refused", "wanted"),
    [
        ('agent_id,tag\r\nA,"12" monitor"\r\nB,x\r\n', (2, 'has a quote inside a quoted cell. Write "" for it.'), [("B", "x")]),
        ('A,x\nB,"open\nC,y\nD,z\n', (2, "has a quote that is never closed."), [("A", "x"), ("C", "y"), ("D", "z")]),
        ("agent_id,tag\nA,vip, gold\n", (2, "has 3 cells and not two."), []),
        ("A\n", (1, "has 1 cell and not two."), []),
        ("agent_id,tag\n,x\n", (2, "has no agent ID."), []),
        ("agent_id,tag\nA,\n", (2, "names a tag that is empty."), []),
        ("A,x\nA,x\n", (2, "repeats line 1."), [("A", "x")]),
        ('id,tags\nA,"[""a"", ""b"\n', (2, "has a list of tags that is cut off."), []),
    ],
)  # fmt: skip
def test_refused_line_by_line(
    text: str, refused: tuple[int, str], wanted: list[tuple[str, str]]
) -> None:
    rows = read_rows(text)
    assert [(line, why) for line, _, why in rows.refused] == [refused]
    assert pairs(rows) == wanted


@pytest.mark.parametrize("tag", ["tag", "id", "agent_id"])
def test_a_row_whose_tag_is_called_like_a_column_is_no_header(tag: str) -> None:
    agent = "agent-00000000-0000-4000-8000-000000000000"
    assert pairs(read_rows(f"{agent},{tag}\n")) == [(agent, tag)]


@pytest.mark.parametrize("text", ["agent_id,name\nA,x\n", "name,tag\nA,x\n", "ID;Labels\nA;x\n"])
def test_a_header_without_a_column_that_is_needed(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_rows(text)
    assert refused.value.message.startswith("The header has no column “")


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\xff\xfe\x00",
        b"a,b\x00c",
        b"\x81\x8d\x8f",
        b"\x00\x01\x02\x03\xff",
        b"<html><table><tr><td>agent_id</td></tr></table>",
        b'\xef\xbb\xbf<?xml version="1.0"?><Workbook></Workbook>',
    ],
)
def test_what_is_no_text_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        text_of(data)
    assert refused.value.field == "file"


def test_rows_are_counted_and_not_lines() -> None:
    data = ("agent_id,tag\r\r\n" + "\r\r\n".join(f"A,x{n}" for n in range(26_000))).encode()
    assert len(read(data).wanted["A"]) == 26_000
    with pytest.raises(Invalid) as refused:
        read_rows("\n".join(f"A,x{n}" for n in range(50_001)))
    assert refused.value.message == "At most 50,000 rows fit in one change."
    assert len(pairs(read_rows("A,x\n" + "\n,\n" * 60_000 + "B,y"))) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        # Each opens a quote that is open at the end of the file: it was read again for each line.
        ('x","z\n' * 20_000, "More than 20 quotes are never closed"),
        # Lines without a tag, of which each made a line of the report.
        ("x\n" * 60_000, "At most 50,000 rows"),
        ("id,tags\n" + " a ,\n" * 60_000, "At most 50,000 rows"),
        (f"id{',tags' * 10_000}\n" + "A\n" * 10_000, "more than 20 columns"),
        (f"sep= ,\n{' ' * 100_000}\n", "“sep=” must name"),
        ('sep=",\nA"x\n', "“sep=” must name"),
    ],
)
def test_work_is_bounded_before_it_is_done(text: str, why: str) -> None:
    begun = time.process_time()
    with pytest.raises(Invalid, match=why):
        read_rows(text)
    assert time.process_time() - begun < 10


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(Invalid):
        read_rows(f"A,{'x' * CSV_LINE_LENGTH}\n")


tags = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda text: problem(text) is None
) | st.sampled_from(
    [" a ", "=1", "'=1", "a,b", 'a"b', "a;b", "a\nb", "\t", "[x]", '["', "' ", "\ufeff"]
)
carried = st.dictionaries(
    st.uuids(version=4).map(lambda key: f"agent-{key}"),
    st.lists(tags, min_size=1, max_size=4, unique=True),
    min_size=1,
    max_size=4,
)


def as_excel_saves(text: str, delimiter: str) -> bytes:
    """The CSV opened in a spreadsheet and saved again: its delimiter, quotes, line ends and mark."""
    out = io.StringIO(newline="")
    cells = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(cells)
    return out.getvalue().encode("utf-8-sig")


@given(carried, st.sampled_from(";,\t"), st.booleans())
def test_an_export_saved_by_a_spreadsheet_reads_back_equal(
    agents: dict[str, list[str]], delimiter: str, long: bool
) -> None:
    if long:
        lines = [["agent_id", "tag"], *([key, tag] for key in agents for tag in agents[key])]
    else:
        lines = [
            ["id", "name", "tags"],
            *([key, "=n; x", json.dumps(agents[key])] for key in agents),
        ]
    rows = read(as_excel_saves(csv_text(lines), delimiter))
    assert {key: list(found) for key, found in rows.wanted.items()} == agents
    assert rows.refused == []
