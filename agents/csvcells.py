"""Texts as cells of a CSV file that a spreadsheet may open. Pure: no database.

A spreadsheet takes a cell that begins like a formula for one, and runs it; so it gets a ' before.
So that every text can be told again from its cell, a text that looks guarded gets one more.
"""

import re

_LIKE_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


def guarded(text: str) -> str:
    """The text as a cell that is no formula; `unguarded` gives it back."""
    return f"'{text}" if _LIKE_FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell that `guarded` made; any other cell that is not like one as it is."""
    return cell[1:] if _GUARDED.match(cell) else cell
