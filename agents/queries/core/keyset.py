"""Page through rows by keyset: the cost of a page is the same everywhere in the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from agents.core.errors import BadRequest
from agents.core.json_text import dumps, loads_from_address
from agents.core.tag_text import text_problem

Row = TypeVar("Row", bound=Model)
# Tags by name as people count: user_2 before user_10. An index has these columns.
NATURAL = ("sort_key", "id")


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a list: the values of its columns. `backwards`: rows before it are wanted."""

    values: tuple[Any, ...] | None = None
    backwards: bool = False


def walk(
    rows: QuerySet[Row],
    order: Sequence[str],
    place: Place,
    most: int,
    *,
    edge: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Return at most `most` rows after a position in this order of columns, nearest first.

    `edge` is a bound of the first column at the end of the walk.

    Rows that tie with the position are read by queries of their own: no range of an index has both
    them and the rows behind, and very many may tie.
    """
    steps = [_turned(column) if place.backwards else column for column in order]
    if place.values is None:
        return list(rows.order_by(*steps)[:most])
    found: list[Row] = []
    for at in reversed(range(len(steps))):
        bounds = {step.removeprefix("-"): place.values[n] for n, step in enumerate(steps[:at])}
        side = "lt" if steps[at].startswith("-") else "gt"
        bounds[f"{steps[at].removeprefix('-')}__{side}"] = place.values[at]
        bounds |= edge if edge and at == 0 else {}
        found += rows.filter(**bounds).order_by(*steps[at:])[: most - len(found)]
        if len(found) == most:
            break
    return found


def page(
    found: list[Row], order: Sequence[str], place: Place, size: int
) -> tuple[list[Row], str | None, str | None]:
    """Return a page of at most `size` rows of what `walk` found, with the cursors after and before it.

    Ask `walk` for one row more than the page has.
    """
    rows, more = found[:size], len(found) > size
    if place.backwards:
        rows.reverse()
    goes_on = place.backwards or more
    came_from = more if place.backwards else place.values is not None
    return (
        rows,
        encode(rows[-1], order) if rows and goes_on else None,
        encode(rows[0], order) if rows and came_from else None,
    )


def decode(after: str | None, before: str | None, order: Sequence[str]) -> Place:
    """Read the cursor of a link. Raises BadRequest."""
    backwards = before is not None and after is None
    text = before if backwards else after
    if not text:
        return Place()
    try:
        values = loads_from_address(text)
        legal = type(values) is list and len(values) == len(order)
        if not legal:
            raise ValueError
        return Place(tuple(map(_value, order, values)), backwards)
    except (ValueError, TypeError):
        raise BadRequest("This link's position in the list cannot be read.") from None


def _value(column: str, value: Any) -> Any:
    """Return the value of a column. Raises ValueError or TypeError if the column cannot have it."""
    if column.endswith("_at"):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or not 1 < moment.year < 9999:
            raise ValueError
        return moment
    if column == "sort_key":
        if type(value) is not str or text_problem(value):
            raise ValueError
    elif type(value) is not int or not 0 <= value < (2**63 if column.endswith("id") else 2**31):
        raise ValueError
    return value


def encode(row: Model, order: Sequence[str]) -> str:
    """Return the cursor of a row, for a link."""
    values = [getattr(row, column.removeprefix("-")) for column in order]
    return dumps([one.isoformat() if isinstance(one, datetime) else one for one in values])


def _turned(column: str) -> str:
    return column[1:] if column.startswith("-") else f"-{column}"
