"""Rows as CSV text (RFC 4180) that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable

from agents.core.csv_cells import guarded


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """The rows as lines; None is an empty cell, a text that might be a formula is guarded."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value
