"""Limit members to the agents with some tags, and change their role.

Accounts themselves are made and ended in `ade.accounts.members`.
"""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError

from ade.accounts import members
from ade.accounts.members import By
from ade.models import Role, User
from agents.core.actors import Actor, ActorKind, Power
from agents.core.errors import Conflict, Invalid, LimitExceeded, NotAllowed, NotFound
from agents.core.reach import EVERYTHING, TAGS_MOST, Reach, read_reach
from agents.core.tag_text import unique_legal
from agents.domain.core.closed_tags import require_open
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.transactions import write
from agents.domain.core.unset import UNSET
from agents.domain.tags import tag_rows
from agents.models import Act, Op


@write
def change_member(
    *,
    member_id: int,
    actor: Actor,
    role: Role | None = None,
    limit: Any = UNSET,
) -> User:
    """Set a member's role, the tags that the member is limited to, or both, in one transaction.

    A `limit` of None means all agents. Only an admin may do this, or a key with manage scope for members
    who are no admins. Admins have no limit. Raises NotAllowed, NotFound, Invalid (no tag, an illegal tag,
    an admin, the last admin), LimitExceeded (more than 10 tags), Conflict (a tag is being merged or
    deleted).
    """
    member = find_member(member_id, actor=actor)
    if not actor.can(Power.ADMIN) and (member.role == Role.ADMIN or role == Role.ADMIN):
        raise NotAllowed("Only an admin may change admins or make one.")
    reach = None if limit is UNSET else checked_limit(limit)
    if reach is not None and any(tag.ends_in for tag in tag_rows.share_lock(reach.tags).values()):
        raise Conflict(
            "One of these tags is being merged, deleted or off-boarded. Choose another one."
        )
    try:
        return _give(member, role, reach, By(actor.id, actor.name))
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="limit") from None


@write
def follow_claims(member: User, role: Role | None, limit: list[str] | None, by: By) -> User:
    """Set role and limit as `change_member` does, for an identity provider. Raises ValidationError.

    No tags: all agents. A `limit` of None leaves it as it is.
    """
    try:
        reach = None if limit is None else checked_limit(limit or None)
    except (Invalid, Conflict) as error:
        raise ValidationError(error.message) from None
    if reach is not None:
        tag_rows.share_lock(reach.tags)
    return _give(member, role, reach, by)


def _give(member: User, role: Role | None, reach: Reach | None, by: By) -> User:
    # In an order in which no step is refused that the whole would not be.
    if reach == EVERYTHING:
        member = give_reach(member, EVERYTHING, by=by)
    if role is not None:
        member = members.change_role(member, role=role, by=by)
    if reach is not None and not reach.everything:
        member = give_reach(member, reach, by=by)
    return member


@write
def note_view_as(*, subject: str, name: str, actor: Actor) -> None:
    """Record that an admin looks at the list of agents as this key or member sees it."""
    actor.require(Power.ADMIN, "view the list as somebody else")
    entry = Entry(Op.SET, field="viewed as", new=f"{name} ({subject})")
    record_and_log(
        actor=actor, act=Act.VIEW_AS, entry=entry, event="viewed the list as", subject=subject
    )


def give_reach(member: User, reach: Reach, *, by: By) -> User:
    """Set the reach of a member. Raises ValidationError for an admin, who cannot be limited."""
    return members.set_reach(member, stored=reach.stored(), detail=reach.in_words(), by=by)


def checked_limit(names: Collection[object] | None) -> Reach:
    """Return the reach of these tags; of None, EVERYTHING. Raises Invalid, LimitExceeded, Conflict (closed)."""
    if names is None:
        return EVERYTHING
    if not names:
        raise Invalid("Enter at least one tag, or choose all agents.", field="limit")
    if len(names) > TAGS_MOST:
        raise LimitExceeded(
            f"A member can be limited to at most {TAGS_MOST} tags; these are {len(names):,}.",
            field="limit",
        )
    tags = unique_legal(names, field="limit")
    require_open(tags, field="limit")
    return Reach.of_tags(tags)


def find_member(member_id: int, *, actor: Actor) -> User:
    """Return a member. Raises NotAllowed, NotFound."""
    require_members(actor)
    known = User.objects.filter(pk=member_id) if 0 < member_id < 1 << 63 else User.objects.none()
    member = known.first()
    if member is None:
        raise NotFound("There is no such member.")
    return member


def require_members(actor: Actor) -> None:
    """Raise NotAllowed unless the actor may see and limit members."""
    actor.require_sign_in("see or change members")
    actor.require_unlimited("may not see or change members")
    if actor.kind is ActorKind.KEY:
        actor.require(Power.MANAGE, "see or change members")
    else:
        actor.require(Power.ADMIN, "see or change members")


def limit_of(member: User) -> tuple[str, ...]:
    """Return the tags that a member is limited to; none for a member who can access all agents."""
    return read_reach(member.stored_reach).tags
