"""The tags of locked agents, without objects of models: an agent may carry a thousand."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.utils import timezone

from ade.db.statements import IS_SQLITE, fetch, listed, read_moment
from agents.models import ChangeSet, Tag
from agents.queries.core.lookups import looked_up, of_agents

_TAG = ("id", "name", "names_user", "protected", "colour", "closed_until")
_SQL = f"""
SELECT x.agent_id, {", ".join(f"t.{name}" for name in _TAG)}, x.added_at, x.change_set_id
FROM {of_agents("agents_agenttag", "x", "tag_id", "added_at", "change_set_id")}
{looked_up("agents_tag", "t", "x.tag_id", *_TAG)}"""  # our own pieces


class CarriedTag(NamedTuple):
    """A tag on an agent: what writes and the tag editor need of both."""

    id: int
    name: str
    names_user: bool
    protected: bool
    colour: str
    closed_until: datetime | None
    added_at: datetime
    change_set_id: int

    @property
    def is_closed(self) -> bool:
        """True for the tag of a user who was off-boarded some days ago."""
        return self.closed_until is not None and self.closed_until > timezone.now()

    @classmethod
    def of(cls, tag: Tag, change_set: ChangeSet) -> Self:
        """Return a tag that this change-set adds."""
        shown = (tag.id, tag.name, tag.names_user, tag.protected, tag.colour, tag.closed_until)
        return cls(*shown, change_set.created_at, change_set.id)


def carried_by(seqs: Sequence[int]) -> dict[int, list[CarriedTag]]:
    """Return the tags of each agent, in no order. Call it after locking the agents."""
    found: dict[int, list[CarriedTag]] = defaultdict(list)
    for seq, *values in fetch(_SQL, [listed(seqs)]):
        found[seq].append(_read(values))
    return found


def _read(values: Sequence[Any]) -> CarriedTag:
    tag = CarriedTag._make(values)
    if not IS_SQLITE:
        return tag
    return tag._replace(
        names_user=bool(tag.names_user),
        protected=bool(tag.protected),
        closed_until=tag.closed_until and read_moment(str(tag.closed_until)),
        added_at=read_moment(str(tag.added_at)),
    )
