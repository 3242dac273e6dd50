"""Where a user's page in another application is, and where the agents of a former user went."""

from urllib.parse import quote

from django.conf import settings

from agents.models import Change, ChangeSet, Op

_ENDS = 200  # changes at the start and at the end of a change-set that are looked at


def user_link(tag: str) -> str:
    """Return the address of a user in another application, by USER_LINK; "" without one."""
    for pattern in settings.USER_TAG_PATTERNS if settings.USER_LINK else ():
        start, _, end = pattern.partition("{id}")
        user_id = tag[len(start) : len(tag) - len(end)]
        if user_id and tag.startswith(start) and tag.endswith(end):
            return settings.USER_LINK.replace("{id}", quote(user_id, safe=""))
    return ""


def where_went(tag: str) -> Change | None:
    """Return the change that renamed or merged this tag, if that was the last change of it.

    A merge is recorded at the start or the end of its change-set, which may have a million changes.
    """
    last = Change.objects.filter(tag=tag).order_by("-change_set_id").first()
    if last is None:
        return None
    changes = ChangeSet.objects.get(id=last.change_set_id).changes.select_related("change_set")
    near = [*changes.order_by("id")[:_ENDS], *changes.order_by("-id")[:_ENDS]]
    moves = (change for change in near if change.op in (Op.RENAME, Op.MERGE) and change.new)
    return next((change for change in moves if change.tag == tag), None)
