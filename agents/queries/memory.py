"""Read lists of memory blocks, in the order in which they were created.

No index finds a part of a text, the number of a block's agents, or the blocks of a large tag's agents.
So blocks are read span by span, in their order, and a page has a budget for that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Func, IntegerField, Q, QuerySet

from agents.core.actors import Actor
from agents.core.errors import BadRequest
from agents.core.json_text import dumps, loads
from agents.core.tag_text import text_problem
from agents.models import Agent, AgentBlock, Block
from agents.queries.agents.own import Own, newest_own, own_of
from agents.queries.core import bounds
from agents.queries.core.part import Part, part_of
from agents.queries.core.scan import Position

# Blocks read at once while looking for those with a tag, which only few have.
_CHUNK = 500
# Blocks of one span. Texts are long, and a search reads the whole text.
_SPAN = 1_000
# Blocks read for one page before it is cut short, if it has found any by then.
_ENOUGH = sum(bounds.FULL)
# Blocks read for a limited actor before all blocks of its own agents are read instead.
_PATIENCE = 10_000
# More agents than any tag has.
_ALL = 2**31


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """A filter of blocks. Every given part must match.

    `label` is exact. `*_part` matches a part of the text, ignoring the case of ASCII letters. `agents_*`
    is the number of agents that have the block. `tags` are the block's own.
    """

    label: str | None = None
    label_part: str = ""
    description_part: str = ""
    value_part: str = ""
    agents_equal: tuple[int, ...] = ()
    agents_over: int | None = None
    agents_under: int | None = None
    tags: tuple[str, ...] = ()
    all_tags: bool = False
    # False leaves out hidden blocks, True finds only these.
    hidden: bool | None = None


class _AgentsOf(Func):
    """The number of agents that have a block, up to a limit; with a reach, only agents within it.

    Evaluated for one block after another: a join could start with all agents of the tag.
    """

    template = (
        "(SELECT count(*) FROM (SELECT 1 FROM agents_agentblock x"
        " WHERE x.block_id = %(expressions)s%(within)s LIMIT %(most)s) few)"
    )
    output_field = IntegerField()

    def __init__(self, most: int, own: Own | None) -> None:
        probe, self._params = ("TRUE", []) if own is None else own.sql("x.agent_id")
        super().__init__(F("id"), most=most, within=f" AND {probe}")

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        sql, params = super().as_sql(*args, **kwargs)
        return sql, [*params, *self._params]


def visible_blocks(actor: Actor) -> QuerySet[Block]:
    """Return the blocks that this actor may see: all, or those of its agents."""
    own = own_of(actor)
    if own is None:
        return Block.objects.all()
    if not own.most:
        return Block.objects.none()
    return Block.objects.alias(own=_AgentsOf(1, own)).filter(own=1)


def block_page(
    wanted: BlockFilter,
    *,
    actor: Actor,
    size: int,
    after: str | None = None,
    before: str | None = None,
    descending: bool = False,
) -> Part[Block]:
    """Return up to `size` blocks after one, directly before another, or between the two.

    A page is cut short only after reading 200,000 blocks, and is never empty while there is a block to
    find. A limited actor's page is always full, so it does not depend on how many blocks others have.
    Raises BadRequest for an unknown cursor.
    """
    turned = before is not None and after is None
    cursor = before if turned else after
    start = None if cursor is None else _place(cursor, actor)
    end = None if turned or before is None else _place(before, actor)
    found: list[Block] = []
    looked = 0
    unfinished = False
    for span in _spans(wanted, actor, start, descending != turned, end=end):
        found += _tagged(span, wanted, size + 1 - len(found))
        looked += _SPAN
        unfinished = bool(found) and looked >= _ENOUGH and not actor.limited
        if len(found) > size or unfinished:
            break
    return part_of(found, size, turned=turned, unfinished=unfinished)


def block_count(wanted: BlockFilter, *, actor: Actor) -> int:
    """Return the exact number of blocks, at any cost."""
    if wanted.hidden is False:
        whole, hidden = (replace(wanted, hidden=which) for which in (None, True))
        return block_count(whole, actor=actor) - block_count(hidden, actor=actor)
    spans = _spans(wanted, actor, None, descending=False, whole=True)
    if wanted.tags:
        return sum(len(_tagged(span, wanted, None)) for span in spans)
    return sum(span.count() for span in spans)


def agents_of_block(
    block: Block,
    *,
    actor: Actor,
    size: int,
    after: Position | None = None,
    before: Position | None = None,
    descending: bool = True,
    show_hidden: bool = False,
) -> Part[int]:
    """Return the keys of up to `size` agents with the block, after one position, before another, or
    between the two."""
    agents = Agent.objects.visible_to(actor).filter(agentblock__block=block)
    if not show_hidden:
        agents = agents.filter(hidden=False)
    if after is not None:
        agents = agents.filter(**{"seq__lt" if descending else "seq__gt": after.seq})
    if before is not None:
        agents = agents.filter(**{"seq__gt" if descending else "seq__lt": before.seq})
    turned = before is not None and after is None
    ordered = agents.order_by("-seq" if descending != turned else "seq")
    found = list(ordered.values_list("seq", flat=True)[: size + 1])
    return part_of(found, size, turned=turned)


def _spans(
    wanted: BlockFilter,
    actor: Actor,
    start: int | None,
    descending: bool,
    *,
    whole: bool = False,
    end: int | None = None,
) -> Iterator[QuerySet[Block]]:
    """Yield queries for the filter's blocks after `start` and before `end`, in order.

    Each query reads a bounded number of blocks. With `whole`, one query reads all of them if it can.
    """
    order, beyond = ("-id", "id__lt") if descending else ("id", "id__gt")
    own, limits = _few_own(actor), own_of(actor)
    within = {} if end is None else {"id__gt" if descending else "id__lt": end}
    source = _source(Block.objects.filter(**within), wanted)
    asked = _asked(_source(visible_blocks(actor).filter(**within), wanted), wanted, actor)
    looked = 0
    while own is None:
        rest = source if start is None else source.filter(**{beyond: start})
        ordered = asked.filter(**{} if start is None else {beyond: start}).order_by(order)
        ends = rest.order_by(order).values_list("id", flat=True)[_SPAN - 1 : _SPAN]
        last = None if whole or not _is_dear(wanted, actor) else ends.first()
        if last is None:
            yield ordered
            return
        yield ordered.filter(**{"id__gte" if descending else "id__lte": last})
        start = last
        looked += _SPAN
        if limits is not None and looked >= _PATIENCE:
            # Most of these blocks are of others, so all blocks of this actor's agents are read instead.
            own = _blocks_of(newest_own(limits, _ALL))
    ids = sorted(own, reverse=descending)
    if start is not None:
        ids = [key for key in ids if (key < start if descending else key > start)]
    for at in range(0, len(ids), _SPAN):
        some = Block.objects.filter(id__in=ids[at : at + _SPAN], **within)
        yield _asked(_source(some, wanted), wanted, actor).order_by(order)


def _is_dear(wanted: BlockFilter, actor: Actor) -> bool:
    """True if the filter has a part that no index finds."""
    return wanted != BlockFilter(label=wanted.label) or actor.limited


def _few_own(actor: Actor) -> set[int] | None:
    """Return the blocks of a limited actor's agents, if it has few agents."""
    own_agents = own_of(actor)
    if own_agents is None:
        return None
    newest = newest_own(own_agents, bounds.OWN + 1)
    return None if len(newest) > bounds.OWN else _blocks_of(newest)


def _blocks_of(agents: Sequence[int]) -> set[int]:
    """Return the keys of the blocks of these agents."""
    own: set[int] = set()
    for at in range(0, len(agents), 500):
        some = AgentBlock.objects.filter(agent_id__in=agents[at : at + 500])
        own.update(some.values_list("block_id", flat=True))
    return own


def _source(blocks: QuerySet[Block], wanted: BlockFilter) -> QuerySet[Block]:
    """Apply the parts of the filter that an index finds."""
    if wanted.label is not None:
        blocks = blocks.filter(label=wanted.label)
    return blocks.exclude(extra="{}") if wanted.tags or wanted.hidden else blocks


def _asked(blocks: QuerySet[Block], wanted: BlockFilter, actor: Actor) -> QuerySet[Block]:
    """Apply the other parts of the filter, except the blocks' own tags."""
    parts = {
        "label__icontains": wanted.label_part,
        "description__icontains": wanted.description_part,
        "value__icontains": wanted.value_part,
    }
    blocks = blocks.filter(**{name: part for name, part in parts.items() if part})
    if wanted.hidden is not None:
        # Quotes inside JSON strings are escaped, so no text of a client contains this.
        is_hidden = Q(extra__contains='"hidden":true')
        blocks = blocks.filter(is_hidden if wanted.hidden else ~is_hidden)
    bounds_asked = {
        "agents__in": wanted.agents_equal or None,
        "agents__gt": wanted.agents_over,
        "agents__lt": wanted.agents_under,
    }
    given = {name: bound for name, bound in bounds_asked.items() if bound is not None}
    if not given:
        return blocks
    most = max(*wanted.agents_equal, wanted.agents_over or 0, wanted.agents_under or 0, 0) + 1
    # A limited actor counts its own agents only.
    return blocks.alias(agents=_AgentsOf(most, own_of(actor))).filter(**given)


def _tagged(blocks: QuerySet[Block], wanted: BlockFilter, most: int | None) -> list[Block]:
    """Return up to `most` of the blocks that have the wanted tags, in order."""
    if not wanted.tags:
        return list(blocks[:most])
    tests = [Q(extra__contains=dumps(tag)) for tag in wanted.tags]
    test = tests[0]
    for other in tests[1:]:
        test = test & other if wanted.all_tags else test | other
    names = set(wanted.tags)
    found = []
    for block in blocks.filter(test).iterator(_CHUNK):
        own = names & set(loads(block.extra).get("tags", []))
        if own == names or (own and not wanted.all_tags):
            found.append(block)
        if most is not None and len(found) == most:
            break
    return found


def _place(block_id: str, actor: Actor) -> int:
    legal = [] if text_problem(block_id) else [block_id]
    seen = visible_blocks(actor).filter(public_id__in=legal)
    place = seen.values_list("id", flat=True).first()
    if place is None:
        raise BadRequest(f"Block with ID {block_id} not found. Use another ID as cursor.")
    return place
