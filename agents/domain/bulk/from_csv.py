"""Plan rows of agent and tag from a file. The plan lists every refused line with the reason."""

from collections.abc import Iterator, Sequence
from itertools import islice

from agents.core.actors import Actor, Power
from agents.core.csv_in import Rows, read_rows, take
from agents.core.errors import Invalid
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_BATCH
from agents.core.tag_text import problem, require_legal, shown
from agents.domain.bulk.decide import Wish, row_wish
from agents.domain.bulk.planning import plan_all
from agents.domain.bulk.plans import new_plan
from agents.domain.core import permissions, record
from agents.domain.core.idempotency import Once
from agents.domain.tags import tag_rows
from agents.models import Agent, BulkOp, BulkPlan, Owners, Tag

_CHUNK = 2000


def plan_rows(
    *,
    text: str,
    actor: Actor,
    reason: str = "",
    note: str = "",
    op: BulkOp = BulkOp.ROWS,
) -> BulkPlan:
    """Plan to add the tags in the rows of a CSV text, or to remove them or all others, by `op`.

    With ROWS_SET an agent of the text keeps only its tags there; an agent without a tag there is left
    out. `note` is what is known about the text already, such as its encoding. Raises Invalid if no row can
    be used (naming the first refused line) or there are too many rows.
    """
    actor.require(Power.MANAGE, "change agents in bulk")
    return _plan(read_rows(text, note=note), actor, reason, op=op)


def plan_pairs(
    *,
    pairs: Sequence[tuple[str, str]],
    actor: Actor,
    reason: str = "",
    once: Once | None = None,
) -> BulkPlan:
    """Plan to add tags from pairs of agent id and tag. Lines are counted from 1."""
    actor.require(Power.MANAGE, "change agents in bulk")
    rows = Rows()
    for line, (agent_id, tag) in enumerate(pairs, 1):
        take(rows, line, agent_id, tag)
    return _plan(rows, actor, reason, once)


def _plan(
    rows: Rows,
    actor: Actor,
    reason: str,
    once: Once | None = None,
    op: BulkOp = BulkOp.ROWS,
) -> BulkPlan:
    record.check_reason(reason)
    _refuse_tags(rows, actor, adding=op != BulkOp.ROWS_REMOVE)
    seqs = _found(rows, actor)
    if not seqs:
        raise Invalid(_none_left(rows), field="rows")
    rows.refused.sort()
    notes = {"refused": dumps(rows.refused), "noted": dumps(rows.noted)}
    plan = new_plan(actor, once, op=op, reason=reason, planned_to="", **notes)
    ordered = sorted(seqs, reverse=True)  # newest first, as in every plan
    wishes = ((seq, row_wish(op, rows.wanted[seqs[seq]], None)) for seq in ordered)
    return plan_all(plan, _wish_chunks(wishes, op), actor)


def rows_again(
    plan: BulkPlan, *, owners: Owners | None, use: tuple[str, str] | None, actor: Actor
) -> BulkPlan:
    """Plan the same rows again: with a decision about second owners, or with one tag replaced by another."""
    if use is not None:
        require_legal(use[1], field="use")
    batches = plan.batches.order_by("number").values_list("items", flat=True)
    items = (item for batch in batches.iterator(chunk_size=20) for item in loads(batch))
    fields = {name: getattr(plan, name) for name in ("op", "reason", "refused", "noted")}
    again = new_plan(actor, planned_to="", owners=owners, **fields)
    op = BulkOp(plan.op)
    wishes = ((seq, row_wish(op, _used(tags, use), owners)) for seq, tags in items)
    return plan_all(again, _wish_chunks(wishes, op), actor)


def _used(tags: Sequence[str], use: tuple[str, str] | None) -> tuple[str, ...]:
    if use is None:
        return tuple(tags)
    return tuple(dict.fromkeys(use[1] if tag == use[0] else tag for tag in tags))


def _refuse_tags(rows: Rows, actor: Actor, *, adding: bool) -> None:
    """Move the rows whose tag the actor may not add, or remove, to the refused lines."""
    names = {tag for tags in rows.wanted.values() for tag in tags}
    known: dict[str, Tag] = {}
    for chunk in _chunks(sorted(names)):
        known |= {tag.name: tag for tag in Tag.objects.filter(name__in=chunk)}
    refusals = {
        name: permissions.refusal(actor, known.get(name) or tag_rows.new_tag(name), adding=adding)
        for name in names
    }
    for agent_id, tags in rows.wanted.items():
        for name in [name for name in tags if refusals[name]]:
            rows.refused.append((tags.pop(name), shown(f"{agent_id},{name}"), str(refusals[name])))


def _found(rows: Rows, actor: Actor) -> dict[int, str]:
    """Return the ids of the agents that this actor may see, by key. Refuses rows of other agents."""
    ids = [agent_id for agent_id, tags in rows.wanted.items() if tags]
    visible = Agent.objects.visible_to(actor)
    seqs: dict[int, str] = {}
    for chunk in _chunks(ids):
        # No id contains half a surrogate or a NUL, and databases refuse to look for one.
        legal = [agent_id for agent_id in chunk if problem(agent_id) is None]
        seqs |= dict(visible.filter(public_id__in=legal).values_list("seq", "public_id"))
    there = set(seqs.values())
    for agent_id in ids:
        if agent_id not in there:
            for name, line in rows.wanted[agent_id].items():
                text = shown(f"{agent_id},{name}")
                rows.refused.append((line, text, "names an agent that does not exist."))
    return seqs


def _none_left(rows: Rows) -> str:
    if not rows.refused:
        return "The file has no rows. Give one agent_id,tag per line."
    line, text, why = min(rows.refused)
    return f"No row can be used. Line {line:,}: {text} {why}"


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _wish_chunks(wishes: Iterator[tuple[int, Wish]], op: BulkOp) -> Iterator[dict[int, Wish]]:
    # To replace all tags, those of each agent are read: up to a thousand.
    size = BULK_BATCH if op == BulkOp.ROWS_SET else _CHUNK
    while chunk := dict(islice(wishes, size)):
        yield chunk
