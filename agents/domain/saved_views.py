"""Saved views of the agents list: the actor's own views, and shared ones."""

import secrets
from collections.abc import Sequence

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from ade.db.statements import Loader
from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, LimitExceeded, NotAllowed, NotFound
from agents.core.json_text import dumps, loads
from agents.core.limits import VIEW_NAME_LENGTH, VIEWS_PER_PERSON
from agents.core.tag_text import text_problem
from agents.domain.core.transactions import RowsChanged, write
from agents.models import SavedView

Pairs = Sequence[tuple[str, str]]
# The parameters of a view that contain tags.
TAG_PARAMETERS = {"any", "all", "none"}
_RESERVED = {"new"}  # an address with this slug means something else
_NUMBERED = 100  # views of one name whose slugs end with a number; others end at random


def visible_views(actor: Actor) -> QuerySet[SavedView]:
    """Return the views that this actor may see: pinned ones first, then by name."""
    mine = Q(owner_id=actor.id)
    # Shared views can contain tags that a limited actor must not see.
    views = SavedView.objects.filter(mine if actor.limited else mine | Q(shared=True))
    return views.order_by("-pinned", "name", "id")


# Each page of the list asks for them: the ORM would take longer to build this than to run it.
_views = Loader(SavedView)
_FIRST = (
    f"SELECT {_views.columns('v')} FROM agents_savedview v WHERE owner_id = %s{{shared}}"  # noqa: S608  # our columns
    " ORDER BY pinned DESC, name, id LIMIT %s"
)


def first_views(actor: Actor, most: int) -> list[SavedView]:
    """Return the first of `visible_views`."""
    sql = _FIRST.format(shared="" if actor.limited else " OR shared")
    return _views.fetch(sql, [actor.id, most])


def find_view(slug: str, *, actor: Actor) -> SavedView:
    """Return the view with this slug. Raises NotFound, also for a private view of another user."""
    known = not text_problem(slug)
    view = visible_views(actor).filter(slug=slug).first() if known else None
    if view is None:
        raise NotFound("This view does not exist, or it is not shared with you.")
    return view


def may_change(view: SavedView, actor: Actor) -> bool:
    """True if the actor owns the view, or is a manager."""
    return view.owner_id == actor.id or actor.can(Power.MANAGE)


def require_change(view: SavedView, actor: Actor) -> None:
    """Raise NotAllowed unless the actor owns the view or is a manager."""
    if not may_change(view, actor):
        raise NotAllowed("Only the owner of this view or a manager may change it.")


def pairs_of(view: SavedView) -> list[tuple[str, str]]:
    """Return the parameters of the view's address."""
    return [(name, value) for name, value in loads(view.pairs)]


@write
def save_view(*, name: str, pairs: Pairs, shared: bool, pinned: bool, actor: Actor) -> SavedView:
    """Save a view. Raises Invalid (name), NotAllowed (sharing needs write rights), Conflict (too many)."""
    _check(name, shared, actor)
    if SavedView.objects.filter(owner_id=actor.id).count() >= VIEWS_PER_PERSON:
        raise Conflict(
            f"You have {VIEWS_PER_PERSON} saved views, which is the limit. Delete one first."
        )
    view = SavedView(
        slug=_free_slug(name, actor),
        name=name,
        owner_id=actor.id,
        owner_name=actor.name,
        shared=shared,
        pinned=pinned,
        pairs=dumps([list(pair) for pair in pairs]),
        created_at=timezone.now(),
    )
    try:
        view.save(force_insert=True)
    except IntegrityError:  # another request took the slug meanwhile
        raise RowsChanged from None
    return view


@write
def change_view(*, slug: str, name: str, shared: bool, pinned: bool, actor: Actor) -> SavedView:
    """Rename, share or pin a view. Its slug stays, so links still work. Raises as `save_view`, and NotFound."""
    view = _lock(slug, actor)
    _check(name, shared, actor)
    view.name, view.shared, view.pinned = name, shared, pinned
    view.save(update_fields=["name", "shared", "pinned"])
    return view


@write
def delete_view(*, slug: str, actor: Actor) -> None:
    """Delete a view. Raises NotFound, NotAllowed."""
    _lock(slug, actor).delete()


def views_naming(tag: str) -> list[SavedView]:
    """The views that contain this tag, by id."""
    found = _with_text(SavedView.objects.order_by("id"), tag)
    return [view for view in found if _names(view, tag)]


def count_views_naming(tag: str) -> int:
    """Count the views that contain this tag, for the plan of a rename."""
    return len(views_naming(tag))


@write
def follow_rename(*, old: str, new: str) -> list[tuple[SavedView, list[tuple[str, str]]]]:
    """Replace a tag in all views. Return the changed views with their previous parameters.

    Used for renames and merges. Call it in their write, after its locks.
    """
    locked = SavedView.objects.select_for_update(no_key=True).order_by("id")
    changed = [(view, pairs_of(view)) for view in _with_text(locked, old) if _names(view, old)]
    for view, before in changed:
        pairs = [
            (name, new if name in TAG_PARAMETERS and value == old else value)
            for name, value in before
        ]
        view.pairs = dumps([list(pair) for pair in dict.fromkeys(pairs)])
        view.save(update_fields=["pairs"])
    return changed


def _with_text(views: QuerySet[SavedView], text: str) -> QuerySet[SavedView]:
    """Return the views that contain this text, as a tag or otherwise."""
    return views.filter(pairs__contains=dumps(text))


def _names(view: SavedView, tag: str) -> bool:
    return any(name in TAG_PARAMETERS and value == tag for name, value in pairs_of(view))


def _lock(slug: str, actor: Actor) -> SavedView:
    """Lock a view that the actor may change. Raises NotFound, NotAllowed."""
    found = find_view(slug, actor=actor)
    require_change(found, actor)
    view = SavedView.objects.select_for_update(no_key=True).filter(id=found.id).first()
    if view is None:
        raise NotFound("This view does not exist, or it is not shared with you.")
    return view


def _check(name: str, shared: bool, actor: Actor) -> None:
    if not name.strip():
        raise Invalid("Enter a name for the view.", field="name")
    if len(name) > VIEW_NAME_LENGTH:
        raise LimitExceeded(
            f"The name is {len(name):,} characters; the limit is {VIEW_NAME_LENGTH}.", field="name"
        )
    if bad := text_problem(name):
        raise Invalid(f"The name {bad}.", field="name")
    if shared:
        actor.require(Power.WRITE, "share views")


def _free_slug(name: str, actor: Actor) -> str:
    """Return a slug that no other view has at this moment.

    That of a limited actor always ends at random: a number would tell whether others have such a view.
    """
    base = slugify(name) or "view"
    own = () if actor.limited else (base, *(f"{base}-{n}" for n in range(2, _NUMBERED)))
    used = set(SavedView.objects.filter(slug__in=own).values_list("slug", flat=True)) | _RESERVED
    random = f"{base}-{secrets.token_hex(4)}"
    return next((slug for slug in own if slug not in used), random)
