"""Read identities, in the order in which they were created.

Limited actors see no identities, because an identity spans users.
"""

from dataclasses import dataclass

from django.db.models import QuerySet

from agents.core.actors import Actor
from agents.core.errors import BadRequest, NotFound
from agents.core.tag_text import text_problem
from agents.models import Identity
from agents.queries.core.part import Part, part_of


@dataclass(frozen=True, slots=True)
class IdentityFilter:
    """A filter of identities. Every given part must match; `name` matches a part of the name."""

    identifier_key: str | None = None
    name: str = ""
    identity_type: str | None = None
    project_id: str | None = None


def visible_identities(actor: Actor) -> QuerySet[Identity]:
    """Return the identities that this actor may see."""
    return Identity.objects.none() if actor.limited else Identity.objects.all()


def find_identity(identity_id: str, actor: Actor) -> Identity:
    """Return the identity with this id. Raises NotFound."""
    seen = visible_identities(actor).filter(public_id=identity_id)
    identity = None if text_problem(identity_id) else seen.first()
    if identity is None:
        raise NotFound(f"Identity with ID {identity_id} not found")
    return identity


def identities_of(wanted: IdentityFilter, *, actor: Actor) -> QuerySet[Identity]:
    """Return the identities that match the filter."""
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
) -> Part[Identity]:
    """Return up to `size` identities after one, directly before another, or between the two.

    Raises BadRequest for an unknown cursor.
    """
    found = identities_of(wanted, actor=actor)
    if after is not None:
        place = _place(after, actor)
        found = found.filter(id__lt=place) if descending else found.filter(id__gt=place)
    if before is not None:
        place = _place(before, actor)
        found = found.filter(id__gt=place) if descending else found.filter(id__lt=place)
    turned = before is not None and after is None
    rows = list(found.order_by("-id" if descending != turned else "id")[: size + 1])
    return part_of(rows, size, turned=turned)


def named_identities(
    identity_id: str | None, keys: tuple[str, ...], *, actor: Actor
) -> tuple[str, ...] | None:
    """Return the ids of the identities in a filter of agents; None if the filter names none."""
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
        raise BadRequest(f"Identity with ID {identity_id} not found. Use another ID as cursor.")
    return place
