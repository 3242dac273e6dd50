"""Texts as CSV cells: none is a formula, and each can be told again."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.csv_cells import guarded, unguarded
from agents.views.core.csv_text import csv_text

pytestmark = pytest.mark.only_sqlite  # the database plays no part


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@A", "'@A"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        ("'tis", "'tis"),
        ("a=1", "a=1"),
        (" =1", "' =1"),
        (" a", "' a"),
        ("a ", "'a "),
        ("a\u00a0", "'a\u00a0"),
        ("' a", "'' a"),
        ("a b", "a b"),
        ("", ""),
    ],
)
def test_guarded(text: str, cell: str) -> None:
    assert (guarded(text), unguarded(cell)) == (cell, text)


@given(st.text() | st.text("'=+-@\t\r\n a"))
def test_every_cell_can_be_turned_back_into_its_text(text: str) -> None:
    cell = guarded(text)
    assert unguarded(cell) == text
    assert cell[:1] not in set("=+-@\t\r\n")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=3))
def test_rows_are_read_as_they_were_written(texts: list[str]) -> None:
    (cells,) = csv.reader(io.StringIO(csv_text([texts]), newline=""), strict=True)
    assert [unguarded(cell) for cell in cells] == texts
