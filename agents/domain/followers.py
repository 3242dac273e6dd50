"""What names a tag by its text and follows it: API keys' limits and lists, saved views, webhooks.

A rename and a merge move them in their own transaction and record each move, so that the undo of a
merge moves back exactly those, and the undo of a rename leaves those that had the name before.
"""

from collections.abc import Callable, Collection

from agents.actors import Actor, Power
from agents.domain import views
from agents.domain.history import Entry
from agents.domain.impact import keys_that_list
from agents.domain.undo import Kept
from agents.jsontext import dumps, loads
from agents.listing.renames import Renames
from agents.models import ApiKey, Change, ChangeSet, Op, SavedView, Webhook

_LIMIT, _LIST, _VIEW, _HOOK = "key ", "list of key ", "view ", "tags of webhook "


def follow(*, old: str, new: str, told: str, but: Collection[str] = ()) -> list[Entry]:
    """Move all that names `old` to `new`; what history says of each, as of the tag `told`.

    `but` are ids of keys that stay. Call it in the write that renames or merges, under its locks.
    """
    return [
        *_follow_limits(old, new, told, but),
        *_follow_lists(old, new, told),
        *_follow_views(old, new, told),
        *_follow_webhooks(old, new, told),
    ]


def note_waiting(name: str) -> list[Entry]:
    """What history says of the keys that were limited to a name before a tag came to have it."""
    keys = ApiKey.objects.filter(limit_tag=name).order_by("id")
    return [Entry(Op.SET, tag=name, field=f"{_LIMIT}{key.key_id}", new=name) for key in keys]


def waited(original: ChangeSet) -> set[str]:
    """The keys that a rename found limited to the name already."""
    moves = original.changes.filter(op=Op.SET, field__startswith=_LIMIT, old=None)
    return {field.removeprefix(_LIMIT) for field in moves.values_list("field", flat=True)}


def moved(original: ChangeSet) -> bool:
    """True if a change-set moved anything that `back` takes back."""
    moves = original.changes.filter(op=Op.SET, agent_id=None)
    fields = moves.values_list("field", flat=True)
    return any(field.startswith(tuple(_BACK)) for field in fields)


def back(original: ChangeSet, *, actor: Actor) -> tuple[list[Entry], list[Kept]]:
    """Take back what a merge, or the undo of one, moved: history's entries, and what is left.

    Keys only for an admin, as it gives them other agents or tags. It means the tags, whatever they
    are called by now.
    """
    entries: list[Entry] = []
    kept: list[Kept] = []
    moves = list(original.changes.filter(op=Op.SET, agent_id=None).order_by("-id"))
    texts = [(change.field, text) for change in moves for text in (change.old, change.new)]
    renames = Renames({_parted(*one)[1] for one in texts if one[1] is not None})
    for change in moves:
        move = next((move for head, move in _BACK.items() if change.field.startswith(head)), None)
        if move is None:
            continue
        if move in (_limit_back, _list_back) and not actor.can(Power.ADMIN):
            kept.append(Kept("", str(change.tag), f"only an admin may move back {change.field}"))
            continue
        old, new = (_now(change, text, renames) for text in (change.old, change.new))
        if move(change.field, new, old):
            entries.append(Entry(Op.SET, tag=change.tag, field=change.field, old=new, new=old))
        else:
            why = f"{change.field} is gone or has been changed since"
            kept.append(Kept("", str(change.tag), why))
    return entries, kept


def _parted(field: str, text: str | None) -> tuple[str, str]:
    """What of a recorded text is the tag's name, and what stands before it."""
    if not field.startswith(_VIEW):
        return "", str(text)
    part, _, name = str(text).partition("=")
    return f"{part}=", name


def _now(change: Change, text: str | None, renames: Renames) -> str | None:
    if text is None:
        return None
    head, name = _parted(change.field, text)
    return head + renames.now(name, change.id)


# --- Keys -----------------------------------------------------------------------------------


def _follow_limits(old: str, new: str, told: str, but: Collection[str]) -> list[Entry]:
    keys = ApiKey.objects.select_for_update().filter(limit_tag=old).order_by("id")
    moved = [key for key in keys if key.key_id not in but]
    ApiKey.objects.filter(id__in=[key.id for key in moved]).update(limit_tag=new)
    return [
        Entry(Op.SET, tag=told, field=f"{_LIMIT}{key.key_id}", old=old, new=new) for key in moved
    ]


def _follow_lists(old: str, new: str, told: str) -> list[Entry]:
    if "*" in new:
        return []  # it would stand for any text there, and open tags that nobody meant
    entries = []
    # Held, since the list is written as a whole: another rename may be at another name in it.
    for key in keys_that_list(old, ApiKey.objects.select_for_update()):
        became = _put(key, old, new)
        field = f"{_LIST}{key.key_id}"
        entries.append(Entry(Op.SET, tag=told, field=field, old=old, new=became))
    return entries


def _put(key: ApiKey, old: str, new: str) -> str | None:
    """Write `new` in the place of `old` in a key's list; None if `new` was there already."""
    names = loads(key.may_tag)
    there = new in names
    key.may_tag = dumps(list(dict.fromkeys(new if name == old else name for name in names)))
    key.save(update_fields=["may_tag"])
    return None if there else new


def _limit_back(field: str, new: str | None, old: str | None) -> bool:
    keys = ApiKey.objects.filter(key_id=field.removeprefix(_LIMIT), limit_tag=new, disabled_at=None)
    return bool(keys.update(limit_tag=old))


def _list_back(field: str, new: str | None, old: str | None) -> bool:
    key = ApiKey.objects.select_for_update().filter(key_id=field.removeprefix(_LIST)).first()
    if key is None:
        return False
    return _exchange(key, "may_tag", new, old)


# --- Views ----------------------------------------------------------------------------------


def _follow_views(old: str, new: str, told: str) -> list[Entry]:
    entries = []
    for view, pairs in views.follow_rename(old=old, new=new):
        field = f"{_VIEW}{view.id}"
        entries += [
            Entry(
                Op.SET,
                tag=told,
                field=field,
                old=f"{part}={old}",
                new=None if (part, new) in pairs else f"{part}={new}",
            )
            for part, name in pairs
            if part in views.TAG_PARTS and name == old
        ]
    return entries


def _view_back(field: str, new: str | None, old: str | None) -> bool:
    views_of = SavedView.objects.select_for_update(no_key=True)
    view = views_of.filter(id=int(field.removeprefix(_VIEW))).first()
    if view is None:
        return False
    pair_of = [None if text is None else list(text.partition("=")[::2]) for text in (new, old)]
    return _exchange(view, "pairs", *pair_of)


# --- Webhooks -------------------------------------------------------------------------------


def _follow_webhooks(old: str, new: str, told: str) -> list[Entry]:
    if "*" in old or "*" in new:
        return []  # among patterns, it stands for any text
    entries = []
    for hook in Webhook.objects.exclude(tags="[]").select_for_update().order_by("id"):
        names = loads(hook.tags)
        if old not in names:
            continue
        hook.tags = dumps(list(dict.fromkeys(new if name == old else name for name in names)))
        hook.save(update_fields=["tags"])
        became = None if new in names else new
        field = f"{_HOOK}{hook.public_id}"
        entries.append(Entry(Op.SET, tag=told, field=field, old=old, new=became))
    return entries


def _webhook_back(field: str, new: str | None, old: str | None) -> bool:
    known = Webhook.objects.select_for_update()
    hook = known.filter(public_id=field.removeprefix(_HOOK)).first()
    return hook is not None and _exchange(hook, "tags", new, old)


def _exchange(row: ApiKey | SavedView | Webhook, column: str, new: object, old: object) -> bool:
    """Put `old` where `new` stands in a stored list, or beside the rest; False if it cannot be."""
    items = loads(getattr(row, column))
    if new is not None and new not in items:
        return False
    if new is None:
        items.append(old)
    else:
        items = [old if item == new else item for item in items]
    kept = [item for at, item in enumerate(items) if item is not None and item not in items[:at]]
    setattr(row, column, dumps(kept))
    row.save(update_fields=[column])
    return True


_BACK: dict[str, Callable[[str, str | None, str | None], bool]] = {
    _LIMIT: _limit_back,
    _LIST: _list_back,
    _VIEW: _view_back,
    _HOOK: _webhook_back,
}
