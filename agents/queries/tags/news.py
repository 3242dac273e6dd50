"""What others changed on an agent's tags since a page was shown."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from ade.db.statements import Loader, fetch
from agents.models import Agent, Change, ChangeSet, Op

_MOST = 500  # changes read: a page left open for weeks needs no more
_LAST = 2**63 - 1  # no change has a higher number
_changes, _change_sets = Loader(Change), Loader(ChangeSet)
_CHANGES = (
    f"SELECT {_changes.columns('c')}, {_change_sets.columns('s')} FROM agents_change c"
    " JOIN agents_changeset s ON s.id = c.change_set_id"
    " WHERE c.agent_id = %s AND c.op IN ('add', 'remove') AND c.id >= %s AND c.id <= %s"
    " ORDER BY c.id DESC LIMIT %s"
)


@dataclass(frozen=True, slots=True)
class News:
    """A tag that was added or removed, by whom and when."""

    tag: str
    added: bool
    by: str
    by_id: str
    at: datetime


def tag_changes(agent: Agent, *, since: int | None, until: int | None = None) -> list[Change]:
    """The additions and removals of an agent's tags from change `since` up to `until`, oldest first.

    Without `since` only the last one; at most 500. Change numbers are assigned under the agent's
    lock, so a higher one was written later. Read the changes before the tags: a change in between
    is then reported twice at worst, and never missed.
    """
    ends = [0 if since is None else since, _LAST if until is None else until]
    rows = fetch(_CHANGES, [agent.public_id, *ends, 1 if since is None else _MOST])
    changes = []
    for row in reversed(rows):
        change = _changes.load(row[: len(_changes.names)])
        change.change_set = _change_sets.load(row[len(_changes.names) :])
        changes.append(change)
    return changes


def marker(last: int, tags: Iterable[str]) -> str:
    """What a page shows: the number of the last change (0: none), and a digest of the tags.

    The digest covers renames, which are not changes of the agent.
    """
    digest = hashlib.sha256("\0".join(sorted(tags)).encode()).hexdigest()
    return f"{last}-{digest[:12]}"


def news(
    changes: Iterable[Change], *, since: int, tags: Collection[str], without: int | None = None
) -> list[News]:
    """The net changes after change `since`, in their order. Tags added and removed again are left out.

    `tags` are those the agent carries now; changes of change set `without` are skipped.
    """
    first: dict[str, Change] = {}
    last: dict[str, Change] = {}
    for change in changes:
        if change.id > since and change.change_set_id != without:
            first.setdefault(str(change.tag), change)
            last[str(change.tag)] = change
    return [
        _news(change, added=tag in tags)
        for tag, change in last.items()
        if (first[tag].op == Op.ADD) == (change.op == Op.ADD) == (tag in tags)
    ]


def _news(change: Change, *, added: bool) -> News:
    head = change.change_set
    return News(str(change.tag), added, head.actor_name, head.actor_id, head.created_at)
