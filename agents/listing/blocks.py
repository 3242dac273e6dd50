"""Lists of memory blocks, in the order in which they were made.

No index finds a part of a text, how many agents have a block, or which blocks the agents of a large
tag have. So blocks are looked at span by span, in their order, and a page has a budget for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Func, IntegerField, Q, QuerySet

from agents.actors import Actor
from agents.errors import BadRequest
from agents.jsontext import dumps, loads
from agents.listing import bounds
from agents.listing.models import newest_of
from agents.listing.scan import Position
from agents.models import Agent, AgentBlock, Block, Tag

# Blocks read at once while looking for those with a tag, which only few have.
_CHUNK = 500
# Blocks of one span. Texts are long, and a part of one is looked for in all of it.
_SPAN = 1_000
# Looked at for one page before it is cut short, if it has something by then.
_ENOUGH = 10_000


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """Which blocks: every part that is given must hold.

    `label` is exact; of the texts a part is wanted, in any case of its ASCII letters. `agents_*`
    is how many agents have the block. `tags` are the block's own.
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


class _AgentsOf(Func):
    """How many agents have a block, counted up to a number; with a tag, of those that carry it.

    Asked of one block after another: a join could begin with all agents of the tag.
    """

    template = (
        "(SELECT count(*) FROM (SELECT 1 FROM agents_agentblock x"
        " WHERE x.block_id = %(expressions)s%(carries)s LIMIT %(most)s) few)"
    )
    output_field = IntegerField()

    def __init__(self, most: int, tag_id: int | None) -> None:
        carries = (
            f" AND (SELECT p.tag_id FROM agents_agenttag p WHERE p.tag_id = {tag_id}"
            " AND p.agent_id = x.agent_id LIMIT 1) IS NOT NULL"
        )
        super().__init__(F("id"), most=most, carries="" if tag_id is None else carries)


def visible_blocks(actor: Actor) -> QuerySet[Block]:
    """The blocks that exist for this actor: all, or those of agents it may see."""
    if actor.limit is None:
        return Block.objects.all()
    tag = Tag.objects.filter(name=actor.limit).first()
    if tag is None:
        return Block.objects.none()
    return Block.objects.alias(own=_AgentsOf(1, tag.id)).filter(own=1)


def block_page(
    wanted: BlockFilter,
    *,
    actor: Actor,
    size: int,
    after: str | None = None,
    before: str | None = None,
    descending: bool = False,
) -> list[Block]:
    """Up to `size` blocks after one, or next before another. Raises BadRequest for an unknown one.

    A page may have fewer although there are more, where to look further would take too long. None
    is empty while there is one to find, however long that takes.
    """
    turned = before is not None and after is None
    cursor = before if turned else after
    start = None if cursor is None else _place(cursor, actor)
    found: list[Block] = []
    looked = 0
    for span in _spans(wanted, actor, start, descending != turned):
        found += _tagged(span, wanted, size - len(found))
        looked += _SPAN
        if len(found) >= size or (found and looked >= _ENOUGH):
            break
    return found[::-1] if turned else found


def block_count(wanted: BlockFilter, *, actor: Actor) -> int:
    """How many, exactly, however long that takes."""
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
) -> list[int]:
    """The keys of up to `size` agents that have the block, after one place or next before another."""
    agents = Agent.objects.visible_to(actor).filter(agentblock__block=block)
    if after is not None:
        agents = agents.filter(**{"seq__lt" if descending else "seq__gt": after.seq})
    if before is not None:
        agents = agents.filter(**{"seq__gt" if descending else "seq__lt": before.seq})
    turned = before is not None
    ordered = agents.order_by("-seq" if descending != turned else "seq")
    found = list(ordered.values_list("seq", flat=True)[:size])
    return found[::-1] if turned else found


def _spans(
    wanted: BlockFilter,
    actor: Actor,
    start: int | None,
    descending: bool,
    *,
    whole: bool = False,
) -> Iterator[QuerySet[Block]]:
    """The blocks of a filter from a place on, in their order, as queries that look at a bounded
    number of blocks each; with `whole` as one, where that is asked of all blocks."""
    order, beyond = ("-id", "id__lt") if descending else ("id", "id__gt")
    own = _few_own(actor)
    if own is not None:
        ids = sorted(own, reverse=descending)
        if start is not None:
            ids = [one for one in ids if (one < start if descending else one > start)]
        for at in range(0, len(ids), _SPAN):
            some = Block.objects.filter(id__in=ids[at : at + _SPAN])
            yield _asked(_source(some, wanted), wanted, actor).order_by(order)
        return
    source = _source(Block.objects.all(), wanted)
    asked = _asked(_source(visible_blocks(actor), wanted), wanted, actor)
    while True:
        rest = source if start is None else source.filter(**{beyond: start})
        ordered = asked.filter(**{} if start is None else {beyond: start}).order_by(order)
        ends = rest.order_by(order).values_list("id", flat=True)[_SPAN - 1 : _SPAN]
        end = None if whole or not _is_dear(wanted, actor) else ends.first()
        if end is None:
            yield ordered
            return
        yield ordered.filter(**{"id__gte" if descending else "id__lte": end})
        start = end


def _is_dear(wanted: BlockFilter, actor: Actor) -> bool:
    """True if something is asked that no index tells."""
    return wanted != BlockFilter(label=wanted.label) or actor.limit is not None


def _few_own(actor: Actor) -> set[int] | None:
    """The blocks of a limited actor's agents, if these are few."""
    if actor.limit is None:
        return None
    newest = list(newest_of(actor.limit, bounds.OWN + 1))
    if len(newest) > bounds.OWN:
        return None
    own: set[int] = set()
    for at in range(0, len(newest), 500):
        some = AgentBlock.objects.filter(agent_id__in=newest[at : at + 500])
        own.update(some.values_list("block_id", flat=True))
    return own


def _source(blocks: QuerySet[Block], wanted: BlockFilter) -> QuerySet[Block]:
    """What an index tells of the filter."""
    if wanted.label is not None:
        blocks = blocks.filter(label=wanted.label)
    return blocks.exclude(extra="{}") if wanted.tags else blocks


def _asked(blocks: QuerySet[Block], wanted: BlockFilter, actor: Actor) -> QuerySet[Block]:
    """Those of the blocks that the filter means, but for their own tags."""
    parts = {
        "label__icontains": wanted.label_part,
        "description__icontains": wanted.description_part,
        "value__icontains": wanted.value_part,
    }
    blocks = blocks.filter(**{name: part for name, part in parts.items() if part})
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
    tag_id = None if actor.limit is None else Tag.objects.get(name=actor.limit).id
    return blocks.alias(agents=_AgentsOf(most, tag_id)).filter(**given)


def _tagged(blocks: QuerySet[Block], wanted: BlockFilter, most: int | None) -> list[Block]:
    """Up to `most` of the blocks, in their order, that have the tags, if any are wanted."""
    if not wanted.tags:
        return list(blocks[:most])
    tests = [Q(extra__contains=dumps(tag)) for tag in wanted.tags]
    test = tests[0]
    for one in tests[1:]:
        test = test & one if wanted.all_tags else test | one
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
    place = visible_blocks(actor).filter(public_id=block_id).values_list("id", flat=True).first()
    if place is None:
        raise BadRequest(f"Block with ID {block_id} not found, so no page starts from it.")
    return place
