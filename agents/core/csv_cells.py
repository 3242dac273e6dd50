"""Escape text in CSV cells so that a spreadsheet does not run it as a formula.

A cell that starts like a formula gets a leading '. So does a text with white space at its start or
end: reading trims every other cell. A text that already looks escaped gets one more ', so that every
cell can be turned back into its text.
"""

import re

_GUARD = re.compile(r"'*(?:[=+\-@]|\s)|.*\s\Z", re.DOTALL)


def guarded(text: str) -> str:
    """Return the text as a cell that is not a formula and keeps its spaces. `unguarded` reverses this."""
    return f"'{text}" if _GUARD.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell that `guarded` escaped. Other cells are returned unchanged."""
    return cell[1:] if cell.startswith("'") and _GUARD.match(cell[1:]) else cell
