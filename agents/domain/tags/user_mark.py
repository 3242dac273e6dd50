"""Mark a tag as a user tag although its text does not match USER_TAG_PATTERNS.

A marked tag is counted, listed and off-boarded as a user's. The mark does not affect what a limited
key may write: that depends only on text (`agents.domain.core.permissions`).
"""

from django.conf import settings
from django.db import connection

from agents.core.actors import Actor, Power
from agents.core.errors import Invalid
from agents.core.tag_text import shown
from agents.domain.core import record, tag_rules
from agents.domain.core.record import Entry
from agents.domain.tags import second_owner, tag_rows, write_all
from agents.models import Act, Op, Tag

# The name of this field in history.
FIELD = "names a user"
_USERS = (
    "UPDATE agents_agent SET user_tag_count = user_tag_count + %s"
    " WHERE seq IN (SELECT agent_id FROM agents_agenttag WHERE tag_id = %s)"
)
_LOCK = (
    "SELECT count(*) FROM (SELECT seq FROM agents_agent WHERE seq IN"
    " (SELECT agent_id FROM agents_agenttag WHERE tag_id = %s) ORDER BY seq"
    " FOR NO KEY UPDATE) locked"
)


def in_words(tag: Tag) -> str:
    """What decides whether this is a user tag, as shown in history."""
    return "yes, by hand" if tag.user_by_hand else "by its text"


def set_mark(tag: Tag, *, by_hand: bool) -> None:
    """Set or remove the mark of a locked tag and update the counts of its agents. The caller saves the tag.

    Raises Invalid if counts change on more than WHOLE_TAG_AT_ONCE agents.
    """
    tag.user_by_hand = by_hand
    most = settings.WHOLE_TAG_AT_ONCE
    if tag.n > most and tag.names_user != (by_hand or tag_rules.names_a_user(tag.name)):
        raise Invalid(
            f"{tag.n:,} agents carry {shown(tag.name)}. This can be changed for at most {most:,} agents.",
            field="user",
        )
    recount(tag)


def recount(tag: Tag) -> None:
    """Set `names_user` of a locked tag from its mark and text, and update the counts of its agents.

    The caller saves the tag.
    """
    before, tag.names_user = (
        tag.names_user,
        bool(tag.user_by_hand) or tag_rules.names_a_user(tag.name),
    )
    if tag.names_user != before:
        if tag.names_user:
            second_owner.check_many(second_owner.count_owned(tag), of=tag.id)
        if connection.vendor == "postgresql":
            write_all.execute(_LOCK, [tag.id])
        write_all.execute(_USERS, [1 if tag.names_user else -1, tag.id])


def mark(name: str, *, actor: Actor) -> None:
    """Mark a tag, creating it if needed. Call it inside a write. Raises as `set_mark`."""
    actor.require(Power.MANAGE, "describe tags")
    [tag] = tag_rows.lock_or_create([name])
    if tag.names_user:
        return
    before = in_words(tag)
    set_mark(tag, by_hand=True)
    tag.save(update_fields=["names_user", "user_by_hand"])
    entry = Entry(Op.SET, tag=name, field=FIELD, old=before, new=in_words(tag))
    record.record(record.open_change_set(actor=actor, act=Act.DESCRIBE), [entry])
