"""What a person should know about tags that a write adds: one function for all paths.

The editor, bulk plans, CSV, new agents, imports, renames and merges all show what this finds: a tag that no agent
has yet, one that looks like another, characters that cannot be seen, spaces at an end, protection,
and a second owner (`second_owner` has that rule).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents.core.actors import Actor
from agents.core.lookalikes import is_typo, lookalike_key
from agents.core.tag_text import has_invisible, has_outer_space, shown
from agents.models import Tag
from agents.queries.tags.suggestions import nearest

_ALIKE_READ = 1000  # tags with the same look that are read
_ALIKE = (
    "SELECT * FROM agents_tag WHERE lookalike IN ({marks}) AND n > 0 ORDER BY n DESC, name LIMIT %s"
)
_SAME_START = (
    "SELECT * FROM agents_tag WHERE name >= %s AND name < %s AND name <> %s AND n > 0"
    " ORDER BY name LIMIT %s"
)
_NEAR_READ = 500  # tags with the same start that are read
_TYPOS = 5  # new tags for which a similar tag is searched
MOST = 50  # tags that one call looks at


class Kind(StrEnum):
    """What a notice is about."""

    SECOND_OWNER = "second_owner"
    OWNERLESS = "ownerless"
    CROSSING = "crossing"
    NEW = "new"
    LOOKALIKE = "lookalike"
    UNSEEN = "unseen"
    SPACES = "spaces"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about a tag. `other` is the tag that was probably meant, carried by `n` agents.

    For a second owner `n` is the number of agents, and `owners` their other owners, as far as known. For
    agents that lose their last owner `n` is their number, and `tag` is that owner, or empty if they are several.
    """

    kind: Kind
    tag: str
    other: str = ""
    n: int = 0
    other_names_user: bool = False
    owners: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The notice in a few words, as plans and the API show it."""
        if self.kind is Kind.SECOND_OWNER:
            return f"{self.n:,} second owner{'' if self.n == 1 else 's'}"
        if self.kind is Kind.OWNERLESS:
            return f"{self.n:,} agent{'' if self.n == 1 else 's'} without an owner"
        if self.kind is Kind.LOOKALIKE:
            return f"looks like {shown(self.other)}"
        if self.kind is Kind.CROSSING:
            things = "memory block or identity" if self.n == 1 else "memory blocks or identities"
            return f"now shares {self.n:,} {things} with another user"
        return {
            Kind.NEW: f"new tag; did you mean {shown(self.other)}?" if self.other else "new tag",
            Kind.UNSEEN: "contains invisible characters",
            Kind.SPACES: "begins or ends with a space",
            Kind.PROTECTED: "protected",
        }[self.kind]


def notices_of(
    add: Collection[Tag],
    *,
    actor: Actor,
    first_uses: Collection[str] = (),
    second: dict[str, int] | None = None,
    owners: Iterable[str] = (),
    quick: bool = False,
) -> list[Notice]:
    """Return what to say about tags that are added, the gravest first; of the first 50 tags.

    `quick` looks for probable typos in one statement, and only in the second half of a tag.

    `first_uses` are those that no other agent carries. `second` is how many agents get each user tag as
    a second owner, by tag; `owners` are the other owners. Whether a tag is new or looks like another
    is not reported to a limited actor, which must not learn of tags of agents that it cannot see.
    """
    tags = list(add)[:MOST]
    known = tuple(owners)
    found = [
        Notice(Kind.SECOND_OWNER, tag.name, n=number, owners=known)
        for tag in tags
        if (number := (second or {}).get(tag.name, 0))
    ]
    if not actor.limited:
        found += _of_new(
            [tag for tag in tags if tag.name in set(first_uses)], tags, actor, quick=quick
        )
    for tag in tags:
        if has_outer_space(tag.name):
            found.append(Notice(Kind.SPACES, tag.name))
        elif has_invisible(tag.name):
            found.append(Notice(Kind.UNSEEN, tag.name))
        if tag.protected:
            found.append(Notice(Kind.PROTECTED, tag.name))
    return found


def ownerless_first(lost: Mapping[str, int]) -> list[Notice]:
    """Return the notice about agents that lose their last owner: how many, by the owner they lose."""
    number = sum(lost.values())
    only = next(iter(lost)) if len(lost) == 1 else ""
    return [Notice(Kind.OWNERLESS, only, n=number)] if number else []


def _near_by(new: list[Tag], keys: Iterable[str]) -> Iterable[Tag]:
    """Tags in use that look like new ones, and some that begin with the first half of one."""
    looks = sorted(set(keys))
    parts = [_ALIKE.format(marks=", ".join(["%s"] * len(looks)))]
    params: list[object] = [*looks, _ALIKE_READ]
    for tag in new[:_TYPOS]:
        start = tag.name[: max(len(tag.name) // 2, 1)]
        parts.append(_SAME_START)
        params += [start, f"{start}\U0010ffff", tag.name, _NEAR_READ]
    sql = " UNION ALL ".join(f"SELECT * FROM ({part}) p{n}" for n, part in enumerate(parts))  # noqa: S608  # the parts are constants of this module
    return Tag.objects.raw(sql, params)


def _of_new(new: list[Tag], added: list[Tag], actor: Actor, *, quick: bool) -> list[Notice]:
    """For each tag that no other agent carries: that it is new, and what it looks like."""
    keys = {tag.name: lookalike_key(tag.name) for tag in new}
    names = {tag.name for tag in added}
    most_used: dict[str, Tag] = {}
    near_by: list[Tag] = []
    if keys and quick:
        near_by = list(_near_by(new, keys.values()))
    elif keys:
        similar = Tag.objects.filter(lookalike__in=set(keys.values()), n__gt=0)
        near_by = list(similar.exclude(name__in=names).order_by("-n", "name")[:_ALIKE_READ])
    for row in near_by:
        if row.lookalike in keys.values() and row.name not in names:
            most_used.setdefault(row.lookalike, row)
    found, searched = [], 0
    for tag in new:
        other = most_used.get(keys[tag.name])
        if other is not None:
            found.append(Notice(Kind.LOOKALIKE, tag.name, other.name, other.n, other.names_user))
            continue
        meant = None
        if searched < _TYPOS:
            searched += 1
            near = near_by if quick else nearest(tag.name, actor=actor)
            meant = next((row for row in near if is_typo(tag.name, row.name)), None)
        if meant is None or meant.name in names:
            found.append(Notice(Kind.NEW, tag.name))
        else:
            found.append(Notice(Kind.NEW, tag.name, meant.name, meant.n, meant.names_user))
    return found
