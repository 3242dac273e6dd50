"""Undo a whole change-set, on any number of agents.

A merge or deletion of a tag is undone in a few statements, a rename by another rename, and all other
changes agent by agent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.core.tag_text import shown
from agents.domain.core import permissions, record
from agents.domain.core.record import Entry, NotUndone
from agents.domain.core.transactions import write
from agents.domain.directory import followers
from agents.domain.directory.plans import require_manager
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.undo import describe_again, ended_tags, undo
from agents.domain.tags import second_owner, tag_rows, user_mark, write_all
from agents.models import Act, Agent, AgentTag, Change, ChangeSet, Op, Tag
from agents.queries.history.change_sets import summaries
from agents.queries.history.renames import Renames

# At most this many changes that were not undone are listed.
_LISTED = 1000


@dataclass(slots=True)
class SetUndone:
    """The result of undoing a change-set: on how many agents, and what could not be undone.

    `kept` are the first of `kept_count` changes that stay, `made` the recreated tags. `change_set` is
    None if nothing was undone.
    """

    change_set: ChangeSet | None = None
    agents: int = 0
    kept: list[NotUndone] = field(default_factory=list)
    kept_count: int = 0
    made: list[str] = field(default_factory=list)


@write
def undo_set(*, change_set_id: int, actor: Actor) -> SetUndone:
    """Revert what a change-set did to tags, unless it was overwritten since.

    A change of one agent needs the right to write, all others the right to manage. Raises NotFound,
    NotAllowed.
    """
    require_unlimited(actor)
    original = ChangeSet.objects.select_for_update(no_key=True).filter(id=change_set_id).first()
    if original is None:
        raise NotFound("There is no such change to undo.")
    if (marked := _mark_in(original)) is not None:
        return _mark_back(original, marked, actor)
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
    """Raise NotAllowed for limited actors, which must not learn whether the change-set exists."""
    actor.require(Power.WRITE, "undo changes")
    actor.require_unlimited("cannot undo a whole change")


def _is_bulk(original: ChangeSet) -> bool:
    touched = original.changes.exclude(agent_id=None).order_by()
    return len(set(touched.values_list("agent_id", flat=True).distinct()[:2])) > 1


def _one_by_one(original: ChangeSet, actor: Actor) -> SetUndone:
    undone = undo(change_set_id=original.id, actor=actor)
    agents = {change.agent_id for change in undone.done}
    return SetUndone(undone.change_set, len(agents), undone.kept[:_LISTED], len(undone.kept))


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


def _mark_in(original: ChangeSet) -> Change | None:
    """Return the change that marked a tag as a user tag or removed the mark, if any."""
    if original.act not in (Act.DESCRIBE, Act.UNDO):
        return None
    return original.changes.filter(op=Op.SET, field=user_mark.FIELD).first()


def _mark_back(original: ChangeSet, marked: Change, actor: Actor) -> SetUndone:
    """Revert the mark, but not other changes of the tag's description."""
    name = Renames({str(marked.tag)}).now(str(marked.tag), marked.id)
    tag = Tag.objects.filter(name=name).first()
    if tag is None or user_mark.in_words(tag) != marked.new:
        return _left(name, "its user mark has been changed since")
    describe_tag(name=name, actor=actor, user=not tag.user_by_hand, undoes=original.id)
    change_set = ChangeSet.objects.filter(undoes=original.id).order_by("-id").first()
    return SetUndone(change_set, tag.n)


def _left(tag: str, why: str) -> SetUndone:
    return SetUndone(kept=[NotUndone("", tag, why)], kept_count=1)


# --- In a few statements --------------------------------------------------------------------

# Tags that the change-set added and nobody removed and added since.
_STANDING = (
    "SELECT agent_id, tag_id, 0 FROM agents_agenttag WHERE tag_id = %s AND change_set_id = %s"
)
# Tags that it removed, of agents that exist, do not carry the tag and had no later change of it.
_ABSENT = (
    "SELECT a.seq, %s, 1 FROM agents_change c JOIN agents_agent a ON a.public_id = c.agent_id"
    " WHERE c.change_set_id = %s AND c.op = 'remove' AND c.tag = %s"
    " AND NOT EXISTS (SELECT 1 FROM agents_agenttag r WHERE r.agent_id = a.seq AND r.tag_id = %s)"
    " AND NOT EXISTS (SELECT 1 FROM agents_change l WHERE l.agent_id = c.agent_id"
    " AND l.id > c.id AND l.op IN ('add', 'remove') AND l.tag = %s)"
)
# Additions to agents that would then have more tags than an agent may have.
_FULL = (
    "DELETE FROM tag_delta WHERE adds = 1 AND agent_id IN (SELECT w.agent_id FROM tag_delta w"
    " JOIN agents_agent a ON a.seq = w.agent_id GROUP BY w.agent_id, a.tag_count"
    " HAVING a.tag_count + sum(2 * w.adds - 1) > %s)"
)
_KEPT = (
    "SELECT c.agent_id, c.tag, c.op FROM agents_change c WHERE c.change_set_id = %s"
    " AND c.op IN ('add', 'remove') AND c.agent_id IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM agents_agent a JOIN tag_delta w ON w.agent_id = a.seq"
    " JOIN wide_tag t ON t.tag_id = w.tag_id WHERE a.public_id = c.agent_id AND t.name = c.tag"
    " AND w.adds = CASE c.op WHEN 'add' THEN 0 ELSE 1 END)"
)


def _undo_wide(original: ChangeSet, actor: Actor) -> SetUndone:
    tags, made = _locked(original, actor)
    undone = SetUndone(made=made)
    with write_all.delta():
        for name, tag in tags.items():
            write_all.gather(_STANDING, [tag.id, original.id])
            write_all.gather(_ABSENT, [tag.id, original.id, name, tag.id, name])
        write_all.execute(_FULL, [settings.MAX_TAGS_PER_AGENT])
        second_owner.check_many(write_all.count_second_owners(), of=f"undo of {original.id}")
        undone.kept, undone.kept_count = _kept(original, tags)
        moved = _followers_back(original, actor, undone)
        if write_all.count("SELECT count(*) FROM tag_delta") or moved or made:
            new = record.open_change_set(actor=actor, act=Act.UNDO, undoes=original.id)
            record.record(new, [*(Entry(Op.CREATE, tag=name) for name in made), *moved])
            undone.agents = write_all.apply(new, {tag.id: tag for tag in tags.values()})
            undone.change_set = new
    return undone


def _locked(original: ChangeSet, actor: Actor) -> tuple[dict[str, Tag], list[str]]:
    """Lock the tags of the change-set. Returns them by their names in it, and the recreated names.

    Recreates every tag that the change-set ended, even one that no agent carried.
    """
    pairs = original.changes.filter(op__in=[Op.ADD, Op.REMOVE]).order_by()
    heads = ended_tags(original)
    ops = set(pairs.values_list("op", "tag").distinct()) | {(Op.REMOVE, head.tag) for head in heads}
    if not ops:
        if followers.has_moves(original):
            return {}, []
        raise NotFound("There is no such change to undo.")
    renames = Renames({str(tag) for _, tag in ops})
    last = original.changes.order_by("-id").values_list("id", flat=True)[0]
    now = {str(tag): renames.now(str(tag), last) for _, tag in ops}
    ended = {now[str(tag)] for op, tag in ops if op == Op.REMOVE}
    fresh = ended - set(Tag.objects.filter(name__in=ended).values_list("name", flat=True))
    rows = {tag.name: tag for tag in tag_rows.lock_or_create(ended, existing=set(now.values()))}
    for head in heads:
        if (name := now[str(head.tag)]) in fresh:
            describe_again(rows[name], head)
    for op, tag in ops:
        row = rows.get(now[str(tag)])
        if row is not None and (why := permissions.refusal(actor, row, adding=op == Op.REMOVE)):
            raise NotAllowed(why)
        if row is not None and op == Op.REMOVE:
            tag_rows.require_not_ending([row])
    # One tag may have been deleted and another renamed to its name. Undo that row only once.
    first = {row: name for name, row in reversed(now.items()) if row in rows}
    return {name: rows[row] for row, name in first.items()}, sorted(fresh)


def _kept(original: ChangeSet, tags: dict[str, Tag]) -> tuple[list[NotUndone], int]:
    """Return the first changes that are not undone, with the reasons, and their number."""
    write_all.execute("CREATE TEMPORARY TABLE wide_tag (name text PRIMARY KEY, tag_id bigint)")
    for name, tag in tags.items():
        write_all.execute("INSERT INTO wide_tag VALUES (%s, %s)", [name, tag.id])
    rows = write_all.rows(f"{_KEPT} LIMIT {_LISTED + 1}", [original.id])
    count = len(rows)
    if count > _LISTED:
        count = write_all.count(f"SELECT count(*) FROM ({_KEPT}) left_over", [original.id])  # noqa: S608 ours
    write_all.execute("DROP TABLE wide_tag")
    listed = rows[:_LISTED]
    existing, carried = _current({agent for agent, _, _ in listed}, tags)
    return [
        NotUndone(agent, tag, _why(op, exists=agent in existing, carries=(agent, tag) in carried))
        for agent, tag, op in listed
    ], count


def _current(
    agent_ids: Collection[str], tags: Mapping[str, Tag]
) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the agents that exist, and the pairs of agent and tag name that they carry."""
    agents = dict(Agent.objects.filter(public_id__in=agent_ids).values_list("seq", "public_id"))
    names = {tag.id: name for name, tag in tags.items()}
    rows = AgentTag.objects.filter(agent_id__in=agents, tag_id__in=names)
    pairs = rows.values_list("agent_id", "tag_id")
    return set(agents.values()), {(agents[seq], names[tag_id]) for seq, tag_id in pairs}


def _why(op: str, *, exists: bool, carries: bool) -> str:
    if not exists:
        return "the agent is deleted"
    if op == Op.ADD:
        return "someone has added it again since" if carries else "someone has removed it since"
    return "the agent has it again" if carries else "it was changed since, or the agent is full"


def _followers_back(original: ChangeSet, actor: Actor, undone: SetUndone) -> list[Entry]:
    """Give keys, their tag lists and saved views back the names that a merge replaced."""
    entries, kept = followers.move_back(original, actor=actor)
    undone.kept += kept
    undone.kept_count += len(kept)
    return entries
