"""Lists of memory blocks, in the order in which they were made."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from agents.actors import Actor
from agents.errors import BadRequest
from agents.jsontext import dumps, loads
from agents.listing.scan import Position
from agents.models import Agent, AgentBlock, Block

# Blocks read at once while looking for those with a tag, which only few have.
_CHUNK = 500


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


def visible_blocks(actor: Actor) -> QuerySet[Block]:
    """The blocks that exist for this actor: all, or those of agents it may see."""
    if actor.limit is None:
        return Block.objects.all()
    agents = Agent.objects.visible_to(actor).values("seq")
    own = AgentBlock.objects.filter(agent_id__in=agents).values("block_id")
    return Block.objects.filter(id__in=own)


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

    Label and place are found by index; a part of a text is looked for in one block after another.
    """
    blocks = _filtered(wanted, actor)
    if after is not None:
        place = _place(after, actor)
        blocks = blocks.filter(id__lt=place) if descending else blocks.filter(id__gt=place)
    if before is not None:
        place = _place(before, actor)
        blocks = blocks.filter(id__gt=place) if descending else blocks.filter(id__lt=place)
    turned = before is not None and after is None
    blocks = blocks.order_by("-id" if descending != turned else "id")
    found = _tagged(blocks, wanted, size) if wanted.tags else list(blocks[:size])
    return found[::-1] if turned else found


def block_count(wanted: BlockFilter, *, actor: Actor) -> int:
    """How many, exactly."""
    blocks = _filtered(wanted, actor)
    return len(_tagged(blocks, wanted, None)) if wanted.tags else blocks.count()


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


def _filtered(wanted: BlockFilter, actor: Actor) -> QuerySet[Block]:
    blocks = visible_blocks(actor)
    if wanted.label is not None:
        blocks = blocks.filter(label=wanted.label)
    parts = {
        "label__icontains": wanted.label_part,
        "description__icontains": wanted.description_part,
        "value__icontains": wanted.value_part,
    }
    blocks = blocks.filter(**{name: part for name, part in parts.items() if part})
    if wanted.tags:
        blocks = blocks.exclude(extra="{}")
    bounds = {
        "agents__in": wanted.agents_equal or None,
        "agents__gt": wanted.agents_over,
        "agents__lt": wanted.agents_under,
    }
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if not given:
        return blocks
    # A limited actor counts its own agents only.
    own = None if actor.limit is None else Q(agentblock__agent__in=Agent.objects.visible_to(actor))
    return blocks.annotate(agents=Count("agentblock", filter=own)).filter(**given)


def _tagged(blocks: QuerySet[Block], wanted: BlockFilter, most: int | None) -> list[Block]:
    """Those of the blocks, in their order, that have the tags."""
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
