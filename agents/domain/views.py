"""Saved views of the agents list: one's own, and those that others share."""

from collections.abc import Sequence
from itertools import count

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from agents.actors import Actor, Power
from agents.domain.transactions import Moved, write
from agents.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.jsontext import dumps, loads
from agents.limits import VIEW_NAME_LENGTH, VIEWS_PER_PERSON
from agents.models import SavedView
from agents.tagnames import text_problem

Pairs = Sequence[tuple[str, str]]
# The parameters of a view's address whose values are tags.
TAG_PARTS = {"any", "all", "none"}
_TAKEN = {"new"}  # means something else where a slug stands in an address


def visible_views(actor: Actor) -> QuerySet[SavedView]:
    """The views that exist for this actor: pinned ones first, then by name."""
    mine = Q(owner_id=actor.id)
    # What others share may name tags that a limited actor must not learn of.
    views = SavedView.objects.filter(mine | Q(shared=True) if actor.limit is None else mine)
    return views.order_by("-pinned", "name", "id")


def find_view(slug: str, *, actor: Actor) -> SavedView:
    """The view of this slug. Raises NotFound, also for another's private one."""
    view = visible_views(actor).filter(slug=slug).first()
    if view is None:
        raise NotFound("There is no such view, or it is not shared with you.")
    return view


def may_change(view: SavedView, actor: Actor) -> bool:
    """True for a view that one sees and owns; for managers for any that they see."""
    return view.owner_id == actor.id or actor.can(Power.MANAGE)


def require_change(view: SavedView, actor: Actor) -> None:
    """Raise NotAllowed unless the actor may change a view that it sees."""
    if not may_change(view, actor):
        raise NotAllowed("This view is another's: only its owner or a manager may change it.")


def pairs_of(view: SavedView) -> list[tuple[str, str]]:
    """The parameters of its address."""
    return [(name, value) for name, value in loads(view.pairs)]


@write
def save_view(*, name: str, pairs: Pairs, shared: bool, pinned: bool, actor: Actor) -> SavedView:
    """Save a view. Raises Invalid (name), NotAllowed (share without write), Conflict (too many)."""
    _check(name, shared, actor)
    if SavedView.objects.filter(owner_id=actor.id).count() >= VIEWS_PER_PERSON:
        raise Conflict(f"You have {VIEWS_PER_PERSON} views, the most one may have. Delete some.")
    view = SavedView(
        slug=_free_slug(name),
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
    except IntegrityError:  # another took the slug meanwhile
        raise Moved from None
    return view


@write
def change_view(*, slug: str, name: str, shared: bool, pinned: bool, actor: Actor) -> SavedView:
    """Rename, share or pin a view; its slug stays, so that links do. Raises as `save_view`."""
    view = _own(slug, actor)
    _check(name, shared, actor)
    view.name, view.shared, view.pinned = name, shared, pinned
    view.save(update_fields=["name", "shared", "pinned"])
    return view


@write
def delete_view(*, slug: str, actor: Actor) -> None:
    """Delete a view. Raises NotFound, NotAllowed."""
    _own(slug, actor).delete()


def views_with(tag: str) -> int:
    """How many views name this tag, for the plan of a rename."""
    return sum(_names(view, tag) for view in _with_text(SavedView.objects.all(), tag))


@write
def follow_rename(*, old: str, new: str) -> list[tuple[SavedView, list[tuple[str, str]]]]:
    """Let all views that name a tag name the other one instead; each with its pairs of before.

    Also for a merge. Call it in the write that renames, after its locks.
    """
    held = SavedView.objects.select_for_update(no_key=True).order_by("id")
    moved = [(view, pairs_of(view)) for view in _with_text(held, old) if _names(view, old)]
    for view, before in moved:
        pairs = [
            (name, new if name in TAG_PARTS and value == old else value) for name, value in before
        ]
        view.pairs = dumps([list(pair) for pair in dict.fromkeys(pairs)])
        view.save(update_fields=["pairs"])
    return moved


def _with_text(views: QuerySet[SavedView], text: str) -> QuerySet[SavedView]:
    """Those that hold this text, as a tag or otherwise."""
    return views.filter(pairs__contains=dumps(text))


def _names(view: SavedView, tag: str) -> bool:
    return any(name in TAG_PARTS and value == tag for name, value in pairs_of(view))


def _own(slug: str, actor: Actor) -> SavedView:
    """The view, held. Raises NotFound, NotAllowed."""
    found = find_view(slug, actor=actor)
    require_change(found, actor)
    view = SavedView.objects.select_for_update(no_key=True).filter(id=found.id).first()
    if view is None:
        raise NotFound("There is no such view, or it is not shared with you.")
    return view


def _check(name: str, shared: bool, actor: Actor) -> None:
    if not name.strip():
        raise Invalid("A view needs a name.", field="name")
    if len(name) > VIEW_NAME_LENGTH:
        raise Invalid(f"A view's name has at most {VIEW_NAME_LENGTH} characters.", field="name")
    if bad := text_problem(name):
        raise Invalid(f"The name {bad}.", field="name")
    if shared:
        actor.require(Power.WRITE, "share views")


def _free_slug(name: str) -> str:
    """A slug that no view has, as far as can be seen."""
    base = slugify(name) or "view"
    tries = (base if n == 1 else f"{base}-{n}" for n in count(1))
    used = set(SavedView.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in tries if slug not in used | _TAKEN)
