"""Rows of agent and tag from a file, as a bulk plan: every line that is refused is named with why."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from agents.actors import Actor, Power
from agents.csvcells import unguarded
from agents.domain import guard, history, tagrows
from agents.domain.bulk import new_plan
from agents.domain.bulkdecide import Wish
from agents.domain.bulkplan import fill
from agents.errors import Invalid
from agents.jsontext import dumps
from agents.limits import CSV_ROWS
from agents.models import Agent, BulkOp, BulkPlan, Tag
from agents.tagnames import problem, shown

_CHUNK = 2000
_HEADER = ["agent_id", "tag"]
_TOO_MANY = f"At most {CSV_ROWS:,} rows fit in one change."


@dataclass(slots=True)
class Rows:
    """What a file says: the tags wanted by agent id, and the lines refused (number, text, why)."""

    wanted: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: list[tuple[int, str, str]] = field(default_factory=list)


def plan_rows(*, text: str, actor: Actor, reason: str = "") -> BulkPlan:
    """Plan to add the tags that the rows of a CSV text name.

    Cells are exact, but for the guard that an export puts before what looks like a formula.

    Raises Invalid where no row can be used or there are too many, naming the first refused line.
    """
    actor.require(Power.MANAGE, "change agents in bulk")
    return _plan(read_rows(text), actor, reason)


def plan_pairs(*, pairs: Sequence[tuple[str, str]], actor: Actor, reason: str = "") -> BulkPlan:
    """The same for rows that are parted already: agent and tag. Lines are counted from 1."""
    actor.require(Power.MANAGE, "change agents in bulk")
    if len(pairs) > CSV_ROWS:
        raise Invalid(_TOO_MANY, field="rows")
    rows = Rows()
    for line, pair in enumerate(pairs, 1):
        _take(rows, line, pair)
    return _plan(rows, actor, reason)


def _plan(rows: Rows, actor: Actor, reason: str) -> BulkPlan:
    history.check_reason(reason)
    _refuse_tags(rows, actor)
    seqs = _found(rows, actor)
    if not seqs:
        raise Invalid(_none_left(rows), field="rows")
    rows.refused.sort()
    plan = new_plan(actor, op=BulkOp.ROWS, reason=reason, refused=dumps(rows.refused))
    ordered = sorted(seqs, reverse=True)  # as every plan: newest first
    wishes = ((seq, Wish(tuple(rows.wanted[seqs[seq]]))) for seq in ordered)
    return fill(plan, _in_chunks(wishes), actor)


def read_rows(text: str) -> Rows:
    """Read the text, with or without its header. Raises Invalid (no CSV, too many rows)."""
    rows = Rows()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if reader.line_num == 1 and cells == _HEADER:
                continue
            if cells:
                _take(rows, reader.line_num, [unguarded(cell) for cell in cells])
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num:,} is no CSV: {error}.", field="rows") from error
    return rows


def _take(rows: Rows, line: int, cells: Sequence[str]) -> None:
    if line > CSV_ROWS + 1:
        raise Invalid(_TOO_MANY, field="rows")
    if why := _why_not(rows, cells):
        rows.refused.append((line, shown(",".join(cells)), why))
    else:
        rows.wanted.setdefault(cells[0], {})[cells[1]] = line


def _why_not(rows: Rows, cells: Sequence[str]) -> str | None:
    if len(cells) != len(_HEADER):
        return f"has {len(cells)} cell{'s' * (len(cells) != 1)} and not two."
    agent_id, tag = cells
    if why := problem(tag):
        return f"names a tag that {why}."
    if first := rows.wanted.get(agent_id, {}).get(tag):
        return f"says the same as line {first:,}."
    return None


def _refuse_tags(rows: Rows, actor: Actor) -> None:
    """Take out the rows whose tag the actor may not add."""
    names = {tag for tags in rows.wanted.values() for tag in tags}
    known: dict[str, Tag] = {}
    for some in _some(sorted(names)):
        known |= {tag.name: tag for tag in Tag.objects.filter(name__in=some)}
    refusals = {
        name: guard.refusal(actor, known.get(name) or tagrows.new_tag(name), adding=True)
        for name in names
    }
    for agent_id, tags in rows.wanted.items():
        for name in [name for name in tags if refusals[name]]:
            rows.refused.append((tags.pop(name), shown(f"{agent_id},{name}"), str(refusals[name])))


def _found(rows: Rows, actor: Actor) -> dict[int, str]:
    """The keys of the agents that are there for this actor, with their ids."""
    ids = [agent_id for agent_id, tags in rows.wanted.items() if tags]
    visible = Agent.objects.visible_to(actor)
    seqs: dict[int, str] = {}
    for some in _some(ids):
        # Half a surrogate or a NUL is in no id, and databases refuse to look for one.
        legal = [one for one in some if problem(one) is None]
        seqs |= dict(visible.filter(public_id__in=legal).values_list("seq", "public_id"))
    there = set(seqs.values())
    for agent_id in ids:
        if agent_id not in there:
            for name, line in rows.wanted[agent_id].items():
                text = shown(f"{agent_id},{name}")
                rows.refused.append((line, text, "names an agent that is not there."))
    return seqs


def _none_left(rows: Rows) -> str:
    if not rows.refused:
        return "There is no row. Give one agent_id,tag a line."
    line, text, why = min(rows.refused)
    return f"No row can be used. Line {line:,}: {text} {why}"


def _some(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _in_chunks(wishes: Iterator[tuple[int, Wish]]) -> Iterator[dict[int, Wish]]:
    while chunk := dict(islice(wishes, _CHUNK)):
        yield chunk
