"""The owners of an agent: its user tags."""

from collections.abc import Collection

from ade.db.statements import Loader, listed
from agents.models import Tag
from agents.queries.agents.rows import TagChip, chips
from agents.queries.core.lookups import looked_up, of_agents

_tags = Loader(Tag)
_OWNERS = (
    f"SELECT {_tags.columns('t')} FROM {of_agents('agents_agenttag', 'x', 'tag_id')}"
    f" {looked_up('agents_tag', 't', 'x.tag_id', *_tags.names)} WHERE t.names_user ORDER BY t.name"
)


def owners_of(seq: int) -> list[Tag]:
    """Return the user tags of an agent, by text."""
    return _tags.fetch(_OWNERS, [listed([seq])])


def owners_of_many(seqs: Collection[int]) -> dict[int, list[TagChip]]:
    """Return the user tags of these agents, by seq."""
    return {seq: [tag for tag in tags if tag.names_user] for seq, tags in chips(seqs).items()}
