"""Update everything that refers to a tag by its text when the tag is renamed or merged.

These are the reach of keys and members, the patterns of keys, saved views and webhooks. They are
updated in the transaction of the rename or merge, and each update is recorded. So undoing a merge
moves exactly these back, and undoing a rename leaves alone what had the name before.
"""

from collections.abc import Callable, Collection

from ade.models import MemberEvent, User
from agents.core.actors import Actor, Power
from agents.core.json_text import dumps, loads
from agents.core.reach import TAGS_MOST, Reach, read_reach
from agents.domain import saved_views
from agents.domain.core import reaches, record
from agents.domain.core.access_spans import note_keys
from agents.domain.core.closed_tags import reopen_undone
from agents.domain.core.record import Entry, NotUndone
from agents.domain.directory import watching
from agents.domain.directory.impact import keys_that_list
from agents.models import ApiKey, Change, ChangeSet, Op, SavedView, TrashedTag, Webhook
from agents.queries.history.renames import Renames

_LIMIT, _LIST, _VIEW, _HOOK = "key ", "list of key ", "view ", "tags of webhook "
_MEMBER = "member "


def follow(
    *,
    old: str,
    new: str,
    recorded_as: str,
    except_for: Collection[str] = (),
    merge: ChangeSet | None = None,
) -> list[Entry]:
    """Update everything that refers to `old` to refer to `new`, also agents in the trash. Return the history of the tag `recorded_as`.

    Keys and members in `except_for` (see `limited_before`) are not updated. `merge` is the change-set of
    a merge, whose undo moves the agents in the trash back. Call it in the write that
    renames or merges, under its locks.
    """
    trashed = TrashedTag.objects.filter(name=old)
    if merge is None:
        trashed.update(name=new)
    else:
        trashed.update(name=new, change_set_id=merge.id)
    watching.follow(old=old, new=new)
    return [
        *_follow_keys(old, new, recorded_as, except_for),
        *_follow_members(old, new, recorded_as, except_for),
        *_follow_lists(old, new, recorded_as),
        *_follow_views(old, new, recorded_as),
        *_follow_webhooks(old, new, recorded_as),
    ]


def record_limited_before(name: str) -> list[Entry]:
    """Return the history of keys and members that are limited to a name that no tag has yet."""
    keys, people = reaches.keys_reaching(name), reaches.members_reaching(name)
    fields = [f"{_LIMIT}{key.key_id}" for key in keys] + [f"{_MEMBER}{user.pk}" for user in people]
    return [Entry(Op.SET, tag=name, field=field, new=name) for field in fields]


def limited_before(original: ChangeSet) -> set[str]:
    """Return the keys and members (as history fields) that were limited to the new name before a rename."""
    moves = original.changes.filter(op=Op.SET, old=None)
    fields = moves.values_list("field", flat=True)
    return {field for field in fields if field.startswith((_LIMIT, _MEMBER))}


def has_moves(original: ChangeSet) -> bool:
    """True if a change-set contains updates that `move_back` can reverse."""
    moves = (change for change in record.of_no_agent(original) if change.op == Op.SET)
    return any(move.field.startswith(tuple(_BACK)) for move in moves)


def _trash_back(original: ChangeSet) -> None:
    """Give agents in the trash the tag again that a merge took from them."""
    ends = record.of_no_agent(original)
    if (merged := next((change for change in ends if change.op == Op.MERGE), None)) is not None:
        rows = TrashedTag.objects.filter(change_set_id=original.id)
        rows.update(name=merged.tag, change_set_id=None)


def move_back(original: ChangeSet, *, actor: Actor) -> tuple[list[Entry], list[NotUndone]]:
    """Reverse the updates of a merge or of its undo. Return the history and what was not reversed.

    Keys and members are updated only for an admin, because they gain other agents or tags. Tags renamed
    since then are found under their new names.
    """
    reopen_undone(original)
    _trash_back(original)
    entries: list[Entry] = []
    not_undone: list[NotUndone] = []
    moves = [change for change in reversed(record.of_no_agent(original)) if change.op == Op.SET]
    texts = [(change.field, text) for change in moves for text in (change.old, change.new)]
    renames = Renames({_split(field, text)[1] for field, text in texts if text is not None})
    for change in moves:
        move = next((move for head, move in _BACK.items() if change.field.startswith(head)), None)
        if move is None:
            continue
        if move in (_key_reach_back, _list_back, _member_back) and not actor.can(Power.ADMIN):
            not_undone.append(
                NotUndone("", str(change.tag), f"only an admin may restore {change.field}")
            )
            continue
        old, new = (_now(change, text, renames) for text in (change.old, change.new))
        if not _was_limited_since(change) and move(change.field, new, old):
            entries.append(Entry(Op.SET, tag=change.tag, field=change.field, old=new, new=old))
        else:
            why = f"{change.field} was deleted or has changed since"
            not_undone.append(NotUndone("", str(change.tag), why))
    return entries, not_undone


def _split(field: str, text: str | None) -> tuple[str, str]:
    """Split a recorded text into the part before the tag's name, and the name."""
    if not field.startswith(_VIEW):
        return "", str(text)
    part, _, name = str(text).partition("=")
    return f"{part}=", name


def _now(change: Change, text: str | None, renames: Renames) -> str | None:
    if text is None:
        return None
    head, name = _split(change.field, text)
    return head + renames.now(name, change.id)


# --- Keys -----------------------------------------------------------------------------------


def _follow_keys(old: str, new: str, recorded_as: str, except_for: Collection[str]) -> list[Entry]:
    entries, single = [], []
    for key in reaches.lock_keys_reaching(old):
        field = f"{_LIMIT}{key.key_id}"
        if field in except_for:
            continue
        if key.reach.only_tag is None:
            became = None if new in key.reach.tags else new
            reaches.set_key_reach(key, key.reach.with_tag(old, new))
        else:
            became = new
            single.append(key.id)
        entries.append(Entry(Op.SET, tag=recorded_as, field=field, old=old, new=became))
    # One statement: a tag can have very many short-lived keys.
    followed = ApiKey.objects.filter(id__in=single)
    followed.update(limit_tag=new, stored_reach=None)
    note_keys(list(followed))
    return entries


def _follow_members(
    old: str, new: str, recorded_as: str, except_for: Collection[str]
) -> list[Entry]:
    entries = []
    for user in reaches.lock_members_reaching(old):
        field, reach = f"{_MEMBER}{user.pk}", read_reach(user.stored_reach)
        if field in except_for:
            continue
        became = None if new in reach.tags else new
        reaches.set_member_reach(user, reach.with_tag(old, new))
        entries.append(Entry(Op.SET, tag=recorded_as, field=field, old=old, new=became))
    return entries


def _follow_lists(old: str, new: str, recorded_as: str) -> list[Entry]:
    if "*" in new:
        return []  # in a pattern, * matches any text and would allow tags that nobody intended
    entries = []
    # Locked, because the whole list is written: another rename may be changing another name in it.
    for key in keys_that_list(old, ApiKey.objects.select_for_update()):
        became = _put(key, old, new)
        field = f"{_LIST}{key.key_id}"
        entries.append(Entry(Op.SET, tag=recorded_as, field=field, old=old, new=became))
    return entries


def _put(key: ApiKey, old: str, new: str) -> str | None:
    """Replace `old` with `new` in the patterns of a key. Return None if `new` was already there."""
    names = loads(key.may_tag)
    there = new in names
    key.may_tag = dumps(list(dict.fromkeys(new if name == old else name for name in names)))
    key.save(update_fields=["may_tag"])
    return None if there else new


def _key_reach_back(field: str, new: str | None, old: str | None) -> bool:
    locked = ApiKey.objects.select_for_update().filter(disabled_at=None)
    key = locked.filter(key_id=field.removeprefix(_LIMIT)).first()
    reach = None if key is None else _reach_back(key.reach, new, old)
    if key is None or reach is None:
        return False
    reaches.set_key_reach(key, reach)
    return True


def _was_limited_since(change: Change) -> bool:
    """True if somebody has changed the limit of the member that this change is about after it."""
    if not change.field.startswith(_MEMBER):
        return False
    of_member = MemberEvent.objects.filter(member_id=f"person:{change.field.removeprefix(_MEMBER)}")
    return of_member.filter(what=MemberEvent.What.REACH, at__gt=change.moment).exists()


def _member_back(field: str, new: str | None, old: str | None) -> bool:
    # Disabled members too: enabled again, they would see the agents of the other tag.
    user = User.objects.select_for_update().filter(pk=int(field.removeprefix(_MEMBER))).first()
    reach = None if user is None else _reach_back(read_reach(user.stored_reach), new, old)
    if user is None or reach is None:
        return False
    reaches.set_member_reach(user, reach)
    return True


def _reach_back(reach: Reach, new: str | None, old: str | None) -> Reach | None:
    """Return the reach with `new` replaced by `old`, or with `old` added. None if that is impossible."""
    if not reach.tags or (new is not None and new not in reach.tags):
        return None
    if new is not None:
        return reach.with_tag(new, old)
    if old is None or len(reach.tags) == TAGS_MOST:
        return None
    return Reach.of_tags([*reach.tags, old])


def _list_back(field: str, new: str | None, old: str | None) -> bool:
    key = ApiKey.objects.select_for_update().filter(key_id=field.removeprefix(_LIST)).first()
    if key is None:
        return False
    return _exchange(key, "may_tag", new, old)


# --- Views ----------------------------------------------------------------------------------


def _follow_views(old: str, new: str, recorded_as: str) -> list[Entry]:
    entries = []
    for view, pairs in saved_views.follow_rename(old=old, new=new):
        field = f"{_VIEW}{view.id}"
        entries += [
            Entry(
                Op.SET,
                tag=recorded_as,
                field=field,
                old=f"{part}={old}",
                new=None if (part, new) in pairs else f"{part}={new}",
            )
            for part, name in pairs
            if part in saved_views.TAG_PARAMETERS and name == old
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


def _follow_webhooks(old: str, new: str, recorded_as: str) -> list[Entry]:
    if "*" in old or "*" in new:
        return []  # in a pattern, * matches any text
    entries = []
    for hook in Webhook.objects.exclude(tags="[]").select_for_update().order_by("id"):
        names = loads(hook.tags)
        if old not in names:
            continue
        hook.tags = dumps(list(dict.fromkeys(new if name == old else name for name in names)))
        hook.save(update_fields=["tags"])
        became = None if new in names else new
        field = f"{_HOOK}{hook.public_id}"
        entries.append(Entry(Op.SET, tag=recorded_as, field=field, old=old, new=became))
    return entries


def _webhook_back(field: str, new: str | None, old: str | None) -> bool:
    known = Webhook.objects.select_for_update()
    hook = known.filter(public_id=field.removeprefix(_HOOK)).first()
    return hook is not None and _exchange(hook, "tags", new, old)


def _exchange(row: ApiKey | SavedView | Webhook, column: str, new: object, old: object) -> bool:
    """Replace `new` with `old` in a stored list, or add `old`. False if that is impossible."""
    items = loads(getattr(row, column))
    if new is not None and new not in items:
        return False
    if new is None:
        items.append(old)
    else:
        items = [old if item == new else item for item in items]
    unique = [item for at, item in enumerate(items) if item is not None and item not in items[:at]]
    setattr(row, column, dumps(unique))
    row.save(update_fields=[column])
    return True


_BACK: dict[str, Callable[[str, str | None, str | None], bool]] = {
    _LIMIT: _key_reach_back,
    _MEMBER: _member_back,
    _LIST: _list_back,
    _VIEW: _view_back,
    _HOOK: _webhook_back,
}
