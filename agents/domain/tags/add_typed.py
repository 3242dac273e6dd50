"""Add the tags that a person typed: the allowed ones are added, the others are returned with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.core.actors import Actor, Power
from agents.core.errors import Invalid, LimitExceeded, NotAllowed
from agents.core.limits import TAG_LENGTH, TAGS_PER_PASTE
from agents.core.tag_text import problem, require_legal
from agents.domain.core import permissions
from agents.domain.core.tag_rules import is_protected
from agents.domain.core.transactions import write
from agents.domain.tags.edit import TagsResult, change_tags
from agents.domain.tags.locks import TagNames, read_tag_names
from agents.models import Tag


@dataclass(frozen=True, slots=True)
class Refused:
    """A tag that was not added, and why, as a sentence and in two or three words."""

    name: str
    why: str
    short: str = "not a legal tag"


@dataclass(frozen=True, slots=True)
class Added:
    """The result: the write, the tags that the agent carried already, and those refused."""

    result: TagsResult
    already: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@write
def add_typed(
    *,
    agent_id: str,
    names: Iterable[str],
    actor: Actor,
    instead_of: str | None = None,
    reason: str = "",
) -> Added:
    """Add those names that are legal and allowed, as one change set.

    `instead_of` is a tag to remove in the same change set. Raises Invalid (more than
    TAGS_PER_PASTE names, or more tags than an agent may have), NotFound, NotAllowed.
    """
    actor.require(Power.WRITE, "change tags")
    wanted = list(dict.fromkeys(names))
    if len(wanted) > TAGS_PER_PASTE:
        raise LimitExceeded(
            f"You typed {len(wanted):,} tags; add at most {TAGS_PER_PASTE} at once.", field="tag"
        )
    # PostgreSQL rejects a query with an illegal name that contains NUL.
    typed = [*wanted, *([] if instead_of is None else [instead_of])]
    read = read_tag_names(agent_id, [name for name in typed if problem(name) is None], actor)
    refused = [each for name in wanted if (each := _refusal(name, actor, read))]
    bad = {each.name for each in refused}
    good = [name for name in wanted if name not in bad]
    remove = [instead_of] if instead_of is not None and instead_of not in good and good else []
    result = change_tags(
        agent_id=agent_id, add=good, remove=remove, actor=actor, reason=reason, read=read
    )
    already = [name for name in good if name not in result.added]
    return Added(result, already, refused)


def _refusal(name: str, actor: Actor, read: TagNames) -> Refused | None:
    """Why this tag is not added, or None. A tag that does not exist yet is judged by its text."""
    exists = name in read.existing
    try:
        require_legal(name, field="tag")
        protected = name in read.protected if exists else is_protected(name)
        permissions.check_delta(actor, add=[Tag(name=name, protected=protected)], remove=[])
    except Invalid as error:
        too_long = len(name) > TAG_LENGTH
        return Refused(name, error.message, "too long" if too_long else "not a legal tag")
    except NotAllowed as error:
        return Refused(name, error.message, "not allowed")
    return None
