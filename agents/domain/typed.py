"""Adding the tags that a person typed: each that may be added is, the others are named with why."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.actors import Actor, Power
from agents.domain import guard, tagrows
from agents.domain.tags import TagsResult, change_tags
from agents.domain.transactions import write
from agents.errors import Invalid, NotAllowed
from agents.limits import TAG_LENGTH, TAGS_PER_PASTE
from agents.models import Tag
from agents.tagnames import problem, require_legal


@dataclass(frozen=True, slots=True)
class Refused:
    """A tag that was not added, and the rule that forbids it, as a sentence and in a word or two."""

    name: str
    why: str
    short: str = "not a legal tag"


@dataclass(frozen=True, slots=True)
class Added:
    """What came of it: the write, the tags that were there already, and those refused."""

    result: TagsResult
    there: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@write
def add_typed(
    *, agent_id: str, names: Iterable[str], actor: Actor, instead_of: str | None = None
) -> Added:
    """Add those of the names that are legal and allowed, as one change-set.

    `instead_of` is a tag that goes in the same change-set. Raises Invalid (more than
    TAGS_PER_PASTE names, or more tags than an agent may have), NotFound, NotAllowed.
    """
    actor.require(Power.WRITE, "change tags")
    wanted = list(dict.fromkeys(names))
    if len(wanted) > TAGS_PER_PASTE:
        raise Invalid(f"{len(wanted):,} tags at once; the limit is {TAGS_PER_PASTE}.", field="tag")
    refused = list(_refusals(wanted, actor))
    bad = {one.name for one in refused}
    good = [name for name in wanted if name not in bad]
    away = [instead_of] if instead_of is not None and instead_of not in good and good else []
    result = change_tags(agent_id=agent_id, add=good, remove=away, actor=actor)
    there = [name for name in good if name not in result.added]
    return Added(result, there, refused)


def _refusals(names: list[str], actor: Actor) -> Iterable[Refused]:
    # An illegal name may be one that the database cannot even be asked for.
    legal = [name for name in names if problem(name) is None]
    known = {tag.name: tag for tag in Tag.objects.filter(name__in=legal)}
    for name in names:
        try:
            require_legal(name, field="tag")
            guard.check_delta(actor, add=[known.get(name) or tagrows.new_tag(name)], remove=[])
        except Invalid as error:
            long = len(name) > TAG_LENGTH
            yield Refused(name, error.message, "too long" if long else "not a legal tag")
        except NotAllowed as error:
            yield Refused(name, error.message, "not allowed")
