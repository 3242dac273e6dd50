"""Suggest tags while a person types: tags that contain the text, the most likely first."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from ade.db.replica import connection
from agents.core.actors import Actor, ActorKind, Source
from agents.core.limits import TAG_LENGTH
from agents.core.lookalikes import lookalike_key
from agents.core.tag_text import fold
from agents.models import Act, Change, ChangeSet, Op, Tag
from agents.queries.agents.own import newest_own, own_of
from agents.queries.core import bounds
from agents.queries.core.keyset import NATURAL
from agents.queries.core.lookups import fetch, looked_up, of_agents
from agents.queries.directory import of_kind
from agents.queries.tags.walk import TRIGRAM, holds, matches

# If at most this many tags contain a text, all of them are ranked.
_FEW = 1000
# If there are more, this many of the most used tags are read.
_MOST_USED = 2000
# And this many tags whose name begins with the text as typed.
_BEGINNING = 200
# The person's last acts that are read, and the most tags of them that are offered before anything is typed.
_ACTS = 30
_LAST_ADDED = 3
# A shorter beginning of a name matches too many tags.
_TELLING = 2
_LAST = "\U0010ffff"
_COLUMNS = ("name", "name_folded", "n", "names_user", "protected", "description", "colour")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag, how many agents carry it (that the actor may see), and how lists show it."""

    name: str
    folded: str
    n: int
    names_user: bool
    protected: bool
    description: str
    colour: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The first matching tags, and the number of matches; with `more`, at least that many."""

    rows: list[Suggestion]
    total: int
    more: bool = False


def suggest(
    q: str,
    *,
    actor: Actor,
    limit: int = 10,
    exclude: Collection[str] = (),
    added_last: bool = False,
    users: bool = False,
) -> Suggestions:
    """Return tags in use that contain `q`, ignoring case and accents.

    The order: tags equal to it, tags that begin with it, tags with a word that begins with it, then the
    others, each by use. If `q` is empty: by use, user tags last; with `added_last`, the tags that the
    person added last come first. With `users` only user tags.
    """
    if len(q) > TAG_LENGTH:  # no tag can contain it
        return Suggestions([], 0)
    folded = fold(q)
    left_out = set(exclude)
    found, more = _candidates(q, folded, actor, limit + len(left_out))
    rows = [row for row in found if row.name not in left_out and row.n]
    if users:
        rows = [row for row in rows if row.names_user]
    word = re.compile(r"(?:^|[\W_])" + re.escape(folded))
    rows.sort(key=lambda row: (_rank(row, folded, word), -row.n, row.name))
    if not folded and added_last and not users:
        rows = list({row.name: row for row in [*_added_last(actor, left_out), *rows]}.values())
    return Suggestions(rows[:limit], len(rows), more)


def _added_last(actor: Actor, left_out: Collection[str]) -> list[Suggestion]:
    """Return tags in use that a person added in the tag editor, the last one first."""
    if actor.kind != ActorKind.PERSON or actor.limited:
        return []
    acts = ChangeSet.objects.filter(actor_id=actor.id).order_by("-id")
    newest = list(acts.values_list("id", "act", "source")[:_ACTS])
    ids = [key for key, *what in newest if what == [Act.TAGS, Source.PAGE]]
    added = Change.objects.filter(change_set_id__in=ids, op=Op.ADD).values_list(
        "change_set_id", "tag"
    )
    names = dict.fromkeys(name for _, name in sorted(added, reverse=True) if name not in left_out)
    rows = {row.name: row for row in _rows(Tag.objects.filter(name__in=names, n__gt=0))}
    return [rows[name] for name in names if name in rows][:_LAST_ADDED]


def _rank(row: Suggestion, folded: str, word: re.Pattern[str]) -> int:
    if not folded:
        return int(row.names_user)
    if row.folded == folded:
        return 0
    if row.folded.startswith(folded):
        return 1
    return 2 if word.search(row.folded) else 3


def _candidates(q: str, folded: str, actor: Actor, most: int) -> tuple[list[Suggestion], bool]:
    """Return the tags to rank, and whether more tags may match."""
    if "\0" in q:
        return [], False
    own = own_of(actor)
    if own is not None:
        newest = newest_own(own, bounds.OWN + 1)
        rows = of_these_agents(newest[: bounds.OWN])
        return [row for row in rows if folded in row.folded], len(newest) > bounds.OWN
    used = Tag.objects.filter(n__gt=0)
    if not folded:
        kinds = (used & of_kind(users=users) for users in (False, True))
        rows = [row for kind in kinds for row in _rows(kind.order_by("-n", *NATURAL)[: most + 1])]
        return rows, len(rows) > most
    few = _holding(folded)
    if few is not None:
        return few, False
    beginning = used.filter(name__gte=q, name__lt=q + _LAST).order_by("name")[:_BEGINNING]
    alike = used.filter(lookalike=lookalike_key(q))[:_BEGINNING]
    several = [*_most_used(folded), *_rows(beginning), *_rows(alike)]
    rows = list({row.name: row for row in several if folded in row.folded}.values())
    # If these are all tags, nothing was left out.
    return rows, Tag.objects.order_by("-n", "name")[_MOST_USED:].exists()


def _rows(tags: QuerySet[Tag]) -> Iterable[Suggestion]:
    return (Suggestion(*row) for row in tags.values_list(*_COLUMNS))


def _holding(folded: str) -> list[Suggestion] | None:
    """Return all tags that contain the text; None if many, or if it is too short for the index."""
    if len(folded) < TRIGRAM:
        return None
    source, wanted = matches(folded)
    columns = ", ".join(f"t.{column}" for column in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {source} LIMIT %s", [wanted, _FEW + 1])
        rows = cursor.fetchall()
    return [Suggestion(*row) for row in rows] if len(rows) <= _FEW else None


def _most_used(folded: str) -> list[Suggestion]:
    """Return the most used tags that contain the text; the limit is a fence for the planner."""
    columns = ", ".join(_COLUMNS)
    sql = (
        f"SELECT {columns} FROM (SELECT {columns} FROM agents_tag"
        f" ORDER BY n DESC, name LIMIT %s) t WHERE {holds('name_folded')}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_MOST_USED, folded])
        return [Suggestion(*row) for row in cursor.fetchall()]


_SHOWN = [column for column in _COLUMNS if column != "n"]
_OF_AGENTS = f"""
SELECT {", ".join("own.n" if column == "n" else f"t.{column}" for column in _COLUMNS)}
FROM (
    SELECT x.tag_id, count(*) AS n FROM {of_agents("agents_agenttag", "x", "tag_id")}
    GROUP BY x.tag_id
) own {looked_up("agents_tag", "t", "own.tag_id", *_SHOWN)}"""


def of_these_agents(seqs: Collection[int]) -> Iterable[Suggestion]:
    """Return the tags of these agents, counted among these agents."""
    return (Suggestion(*row) for row in fetch(_OF_AGENTS, seqs))


def nearest(name: str, *, actor: Actor, limit: int = 5) -> list[Suggestion]:
    """Return tags in use that a person may have meant by this one, which no agent carries.

    First those that look alike, then those that share less and less of its beginning.
    """
    found = {row.name: row for row in _looking_alike(name, actor)}
    for quarters in (4, 3, 2):
        part = name[: len(name) * quarters // 4]
        if len(found) >= limit or len(part) < _TELLING:
            break
        rows = suggest(part, actor=actor, limit=limit, exclude=[*found, name]).rows
        found |= {row.name: row for row in rows}
    found.pop(name, None)
    return list(found.values())[:limit]


def _looking_alike(name: str, actor: Actor) -> list[Suggestion]:
    key = lookalike_key(name)
    own = own_of(actor)
    if own is not None:
        rows = [row for row in of_these_agents(newest_own(own)) if lookalike_key(row.name) == key]
    else:
        rows = [*_rows(Tag.objects.filter(lookalike=key, n__gt=0))]
    return sorted(rows, key=lambda row: (-row.n, row.name))
