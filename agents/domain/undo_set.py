"""Undo of a whole change-set, however many agents it touched.

A merge or a deletion of a tag is taken back in a few statements, as it was done; a rename by another
rename; all else agent by agent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from agents.actors import Actor, Power
from agents.domain import followers, guard, history, tagrows, wide
from agents.domain.directory import rename_tag
from agents.domain.history import Entry
from agents.domain.plans import require_manager
from agents.domain.transactions import write
from agents.domain.undo import Kept, describe_again, ended_tags, undo
from agents.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.listing.history import summaries
from agents.listing.renames import Renames
from agents.models import Act, Agent, AgentTag, Change, ChangeSet, Op, Tag
from agents.tagnames import shown

# What was left is told one by one up to so many.
_TOLD = 1000


@dataclass(slots=True)
class SetUndone:
    """What the undo of a change-set did: on how many agents, and what it left as it was.

    `kept` are the first of `kept_count`, `made` the tags that were made again. `change_set` is None
    where nothing was left to undo.
    """

    change_set: ChangeSet | None = None
    agents: int = 0
    kept: list[Kept] = field(default_factory=list)
    kept_count: int = 0
    made: list[str] = field(default_factory=list)


@write
def undo_set(*, change_set_id: int, actor: Actor) -> SetUndone:
    """Take back what a change-set did to tags, where it still stands.

    What touched one agent needs the right to write, all else that to manage. Raises NotFound,
    NotAllowed.
    """
    require_unlimited(actor)
    original = ChangeSet.objects.select_for_update(no_key=True).filter(id=change_set_id).first()
    if original is None:
        raise NotFound("There is no such change to undo.")
    # A rename is the one change of its change-set.
    first = summaries([original])[0].changes[:1]
    head = next((change for change in first if change.op == Op.RENAME), None)
    if head is None and original.agent_count is None and not _is_bulk(original):
        return _one_by_one(original, actor)
    require_manager(actor, "undo changes of many agents")
    if head is not None:
        return _rename_back(original, head, actor)
    if original.agent_count is None:
        return _one_by_one(original, actor)
    return _undo_wide(original, actor)


def require_unlimited(actor: Actor) -> None:
    """Raise NotAllowed for an actor that may not even learn whether there is such a change-set."""
    actor.require(Power.WRITE, "undo changes")
    if actor.limit is not None:
        raise NotAllowed("A key that is limited to a tag may not undo a whole change.")


def _is_bulk(original: ChangeSet) -> bool:
    touched = original.changes.exclude(agent_id=None).order_by()
    return len(set(touched.values_list("agent_id", flat=True).distinct()[:2])) > 1


def _one_by_one(original: ChangeSet, actor: Actor) -> SetUndone:
    undone = undo(change_set_id=original.id, actor=actor)
    agents = {change.agent_id for change in undone.done}
    return SetUndone(undone.change_set, len(agents), undone.kept[:_TOLD], len(undone.kept))


def _rename_back(original: ChangeSet, head: Change, actor: Actor) -> SetUndone:
    old, new = str(head.tag), str(head.new)
    now = Renames({new}).now(new, head.id)
    if now != new:
        return _left(new, f"{shown(new)} has been renamed since, to {shown(now)}")
    try:
        with transaction.atomic():
            result = rename_tag(old=new, new=old, actor=actor, undoes=original)
    except (Conflict, Invalid, NotFound) as error:
        return _left(new, f"{error.message[:1].lower()}{error.message[1:].rstrip('.')}")
    return SetUndone(result.change_set, result.plan.agents)


def _left(tag: str, why: str) -> SetUndone:
    return SetUndone(kept=[Kept("", tag, why)], kept_count=1)


# --- In a few statements --------------------------------------------------------------------

# What the change-set put on, where it is still the one that did.
_STANDING = (
    "SELECT agent_id, tag_id, 0 FROM agents_agenttag WHERE tag_id = %s AND change_set_id = %s"
)
# What it took off, from agents that are there, do not carry it, and where nothing came after it.
_ABSENT = (
    "SELECT a.seq, %s, 1 FROM agents_change c JOIN agents_agent a ON a.public_id = c.agent_id"
    " WHERE c.change_set_id = %s AND c.op = 'remove' AND c.tag = %s"
    " AND NOT EXISTS (SELECT 1 FROM agents_agenttag r WHERE r.agent_id = a.seq AND r.tag_id = %s)"
    " AND NOT EXISTS (SELECT 1 FROM agents_change l WHERE l.agent_id = c.agent_id"
    " AND l.id > c.id AND l.op IN ('add', 'remove') AND l.tag = %s)"
)
# Those that came to carry a tag by it, but have as many as an agent may.
_FULL = (
    "DELETE FROM wide_delta WHERE adds = 1 AND agent_id IN (SELECT w.agent_id FROM wide_delta w"
    " JOIN agents_agent a ON a.seq = w.agent_id GROUP BY w.agent_id, a.tag_count"
    " HAVING a.tag_count + sum(2 * w.adds - 1) > %s)"
)
_KEPT = (
    "SELECT c.agent_id, c.tag, c.op FROM agents_change c WHERE c.change_set_id = %s"
    " AND c.op IN ('add', 'remove') AND c.agent_id IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM agents_agent a JOIN wide_delta w ON w.agent_id = a.seq"
    " JOIN wide_tag t ON t.tag_id = w.tag_id WHERE a.public_id = c.agent_id AND t.name = c.tag"
    " AND w.adds = CASE c.op WHEN 'add' THEN 0 ELSE 1 END)"
)


def _undo_wide(original: ChangeSet, actor: Actor) -> SetUndone:
    tags, made = _locked(original, actor)
    undone = SetUndone(made=made)
    with wide.delta():
        for name, tag in tags.items():
            wide.gather(_STANDING, [tag.id, original.id])
            wide.gather(_ABSENT, [tag.id, original.id, name, tag.id, name])
        wide.execute(_FULL, [settings.MAX_TAGS_PER_AGENT])
        undone.kept, undone.kept_count = _kept(original, tags)
        moved = _followers_back(original, actor, undone)
        if wide.one("SELECT count(*) FROM wide_delta") or moved or made:
            new = history.open_change_set(actor=actor, act=Act.UNDO, undoes=original.id)
            history.record(new, [*(Entry(Op.CREATE, tag=name) for name in made), *moved])
            undone.agents = wide.apply(new, {tag.id: tag for tag in tags.values()})
            undone.change_set = new
    return undone


def _locked(original: ChangeSet, actor: Actor) -> tuple[dict[str, Tag], list[str]]:
    """The tags of the change-set by the names in it, under lock, and those made again as it ended
    them, whether an agent carried them or not."""
    pairs = original.changes.filter(op__in=[Op.ADD, Op.REMOVE]).order_by()
    heads = ended_tags(original)
    ops = set(pairs.values_list("op", "tag").distinct()) | {(Op.REMOVE, one.tag) for one in heads}
    if not ops:
        if followers.moved(original):
            return {}, []
        raise NotFound("There is no such change to undo.")
    renames = Renames({str(tag) for _, tag in ops})
    last = original.changes.order_by("-id").values_list("id", flat=True)[0]
    now = {str(tag): renames.now(str(tag), last) for _, tag in ops}
    ended = {now[str(tag)] for op, tag in ops if op == Op.REMOVE}
    fresh = ended - set(Tag.objects.filter(name__in=ended).values_list("name", flat=True))
    rows = {tag.name: tag for tag in tagrows.lock_made(ended, also=set(now.values()))}
    for head in heads:
        if (name := now[str(head.tag)]) in fresh:
            describe_again(rows[name], head)
    for op, tag in ops:
        row = rows.get(now[str(tag)])
        if row is not None and (why := guard.refusal(actor, row, adding=op == Op.REMOVE)):
            raise NotAllowed(why)
    # Of two tags one may have been deleted and the other renamed to its name: once is enough.
    first = {row: name for name, row in reversed(now.items()) if row in rows}
    return {name: rows[row] for row, name in first.items()}, sorted(fresh)


def _kept(original: ChangeSet, tags: dict[str, Tag]) -> tuple[list[Kept], int]:
    """What is left as it is: the first of it with the reason, and how much."""
    wide.execute("CREATE TEMPORARY TABLE wide_tag (name text PRIMARY KEY, tag_id bigint)")
    for name, tag in tags.items():
        wide.execute("INSERT INTO wide_tag VALUES (%s, %s)", [name, tag.id])
    rows = wide.rows(f"{_KEPT} LIMIT {_TOLD + 1}", [original.id])
    count = len(rows)
    if count > _TOLD:
        count = wide.one(f"SELECT count(*) FROM ({_KEPT}) left_over", [original.id])  # noqa: S608 ours
    wide.execute("DROP TABLE wide_tag")
    told = rows[:_TOLD]
    there, carried = _as_it_is({agent for agent, _, _ in told}, tags)
    return [
        Kept(agent, tag, _why(op, there=agent in there, carries=(agent, tag) in carried))
        for agent, tag, op in told
    ], count


def _as_it_is(
    agent_ids: Collection[str], tags: Mapping[str, Tag]
) -> tuple[set[str], set[tuple[str, str]]]:
    """Which of the agents there are, and which of the tags, by the names here, they carry."""
    agents = dict(Agent.objects.filter(public_id__in=agent_ids).values_list("seq", "public_id"))
    names = {tag.id: name for name, tag in tags.items()}
    rows = AgentTag.objects.filter(agent_id__in=agents, tag_id__in=names)
    pairs = rows.values_list("agent_id", "tag_id")
    return set(agents.values()), {(agents[seq], names[tag_id]) for seq, tag_id in pairs}


def _why(op: str, *, there: bool, carries: bool) -> str:
    if not there:
        return "the agent is deleted"
    if op == Op.ADD:
        return "someone else has put it on since" if carries else "it is no longer there"
    return "the agent carries it again" if carries else "it was changed since, or the agent is full"


def _followers_back(original: ChangeSet, actor: Actor, undone: SetUndone) -> list[Entry]:
    """Give keys, their lists and saved views the names again that a merge took from them."""
    entries, kept = followers.back(original, actor=actor)
    undone.kept += kept
    undone.kept_count += len(kept)
    return entries
