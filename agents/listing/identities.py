"""Identities, in the order in which they were made.

Who may see only the agents of one tag knows of none: an identity spans users.
"""

from dataclasses import dataclass

from django.db.models import QuerySet

from agents.actors import Actor
from agents.errors import BadRequest, NotFound
from agents.models import Identity
from agents.tagnames import text_problem


@dataclass(frozen=True, slots=True)
class IdentityFilter:
    """Which identities: every part that is given must hold. Of the name a part is wanted."""

    identifier_key: str | None = None
    name: str = ""
    identity_type: str | None = None
    project_id: str | None = None


def visible_identities(actor: Actor) -> QuerySet[Identity]:
    """The identities that exist for this actor."""
    return Identity.objects.all() if actor.limit is None else Identity.objects.none()


def find_identity(identity_id: str, actor: Actor) -> Identity:
    """The identity with this id. Raises NotFound."""
    seen = visible_identities(actor).filter(public_id=identity_id)
    identity = None if text_problem(identity_id) else seen.first()
    if identity is None:
        raise NotFound(f"Identity with ID {identity_id} not found")
    return identity


def identities_of(wanted: IdentityFilter, *, actor: Actor) -> QuerySet[Identity]:
    """The identities of a filter."""
    found = visible_identities(actor)
    if wanted.name:
        found = found.filter(name__icontains=wanted.name)
    exact = {
        "identifier_key": wanted.identifier_key,
        "identity_type": wanted.identity_type,
        "project_id": wanted.project_id,
    }
    return found.filter(**{name: value for name, value in exact.items() if value is not None})


def identity_page(
    wanted: IdentityFilter,
    *,
    actor: Actor,
    size: int,
    after: str | None = None,
    before: str | None = None,
    descending: bool = True,
) -> list[Identity]:
    """Up to `size` after one, or next before another. Raises BadRequest for an unknown one."""
    found = identities_of(wanted, actor=actor)
    if after is not None:
        place = _place(after, actor)
        found = found.filter(id__lt=place) if descending else found.filter(id__gt=place)
    if before is not None:
        place = _place(before, actor)
        found = found.filter(id__gt=place) if descending else found.filter(id__lt=place)
    turned = before is not None and after is None
    page = list(found.order_by("-id" if descending != turned else "id")[:size])
    return page[::-1] if turned else page


def named_identities(
    identity_id: str | None, keys: tuple[str, ...], *, actor: Actor
) -> tuple[str, ...] | None:
    """The ids of the identities that a filter of agents names; None if it names none at all."""
    if identity_id is None and not keys:
        return None
    found = visible_identities(actor)
    if identity_id is not None:
        found = found.filter(public_id=identity_id)
    if keys:
        found = found.filter(identifier_key__in=keys)
    return tuple(found.values_list("public_id", flat=True))


def _place(identity_id: str, actor: Actor) -> int:
    seen = visible_identities(actor).filter(public_id=identity_id)
    place = seen.values_list("id", flat=True).first()
    if place is None:
        raise BadRequest(f"Identity with ID {identity_id} not found, so no page starts from it.")
    return place
