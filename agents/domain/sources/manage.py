"""Add, edit, test, pause, resume and remove sources. For admins.

What asks the server is no write: no transaction is open while ADE waits for the network.
"""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid
from agents.core.limits import SOURCE_NAME_LENGTH, SOURCES
from agents.core.tag_text import require_legal, shown
from agents.domain.core.checks import checked_text
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.transactions import write
from agents.domain.core.unset import UNSET
from agents.domain.sources import opening
from agents.domain.sources.rights import get_source, locked_source, require_admin
from agents.models import Act, AgentSource, Op, SourceKind, SourceMarking
from agents.net.connectors.base import About, SourceError

_TEST_SECONDS = 10.0
_TOKEN_LENGTH = 10_000  # characters


@dataclass(frozen=True, slots=True)
class Added:
    """A new source, and what the test of the connection found."""

    source: AgentSource
    about: About


def try_address(
    *, url: str, actor: Actor, kind: str | None = None, token: str | None = None
) -> About:
    """Ask a server what it is. Raises Invalid (a bad address, or no answer), NotAllowed."""
    require_admin(actor, "test a source")
    chosen = _checked_kind(kind, url)
    address = opening.checked_address(url, chosen, token=token is not None)
    try:
        with opening.connect(kind=chosen, url=address, token=token) as connector:
            return connector.about(seconds=_TEST_SECONDS)
    except SourceError as error:
        raise Invalid(str(error), field="url") from error


def try_source(*, source: int | str, actor: Actor) -> About:
    """Ask a source what it is, with its stored token. Raises NotFound, NotAllowed, Invalid (no answer)."""
    row = get_source(source=source, actor=actor)
    try:
        with opening.connect_to(row) as connector:
            about = connector.about(seconds=_TEST_SECONDS)
    except SourceError as error:
        raise Invalid(str(error), field="url") from error
    AgentSource.objects.filter(id=row.id).update(server_words=about.words)
    return about


def add_source(
    *,
    name: str,
    url: str,
    actor: Actor,
    kind: str | None = None,
    token: str | None = None,
    only_tag: str | None = None,
    owners_given_here: bool = False,
) -> Added:
    """Test a server and connect it. Its agents come in with the first sync.

    Without `kind` the address decides. `only_tag` takes in only the agents that carry this tag; None means
    all. Raises Invalid (also when the server does not answer), Conflict (the name is taken, too many
    sources), NotAllowed.
    """
    require_admin(actor, "add a source")
    _require_free(_checked_name(name))
    _checked_only_tag(only_tag)
    about = try_address(url=url, actor=actor, kind=kind, token=token)
    row = _add(
        name=name,
        url=url,
        kind=_checked_kind(kind, url),
        token=token,
        only_tag=only_tag,
        owners_given_here=owners_given_here,
        words=about.words,
        actor=actor,
    )
    return Added(row, about)


@write
def _add(
    *,
    name: str,
    url: str,
    kind: SourceKind,
    token: str | None,
    only_tag: str | None,
    owners_given_here: bool,
    words: str,
    actor: Actor,
) -> AgentSource:
    _require_free(name)
    if AgentSource.objects.count() >= SOURCES:
        raise Conflict(f"There are {SOURCES} sources, which is the limit. Remove one first.")
    source = AgentSource.objects.create(
        name=name,
        kind=kind,
        url=opening.checked_address(url, kind, token=token is not None),
        only_tag=_checked_only_tag(only_tag),
        owners_given_here=owners_given_here,
        server_words=words,
        created_at=timezone.now(),
        created_by=actor.name,
    )
    source.sealed_token = opening.seal(source, _checked_token(token))
    source.save(update_fields=["sealed_token"])
    _record(actor, source, "", f"added, {source.kind} at {source.url}")
    return source


@write
def edit_source(
    *,
    source: int | str,
    actor: Actor,
    name: Any = UNSET,
    url: Any = UNSET,
    kind: Any = UNSET,
    only_tag: Any = UNSET,
    owners_given_here: Any = UNSET,
) -> AgentSource:
    """Change the given settings. Another kind, scheme, host or port drops the token.

    Raises NotFound, NotAllowed, Invalid, Conflict (the name is taken).
    """
    row = locked_source(source, actor)
    before = _facts(row)
    place = opening.place_of(row.kind, row.url)
    if name is not UNSET and name != row.name:
        _require_free(_checked_name(name))
        row.name = name
    if kind is not UNSET:
        row.kind = _checked_kind(kind, row.url)
    if url is not UNSET or kind is not UNSET:
        row.url = opening.checked_address(
            row.url if url is UNSET else url,
            SourceKind(row.kind),
            token=row.sealed_token is not None,
        )
    if only_tag is not UNSET:
        row.only_tag = _checked_only_tag(only_tag)
    if owners_given_here is not UNSET:
        row.owners_given_here = bool(owners_given_here)
    after = _facts(row)
    changed = [f"{what}: {value}" for what, value in after.items() if value != before[what]]
    if not changed:
        return row
    if before["address"] != after["address"] or before["kind"] != after["kind"]:
        opening.move(row, same_place=place == opening.place_of(row.kind, row.url))
        row.feed_mark, row.listed_at, row.problem, row.next_try_at = None, None, "", None
    row.save()
    _record(actor, row, "", f"changed {'; '.join(changed)}")
    return row


@write
def set_token(*, source: int | str, token: str | None, actor: Actor) -> AgentSource:
    """Store another token, or none. The source is tried again at once. Raises NotFound, NotAllowed, Invalid."""
    row = locked_source(source, actor)
    row.sealed_token = opening.seal(row, _checked_token(token))
    row.problem, row.failures, row.next_try_at = "", 0, None
    row.save(update_fields=["sealed_token", "problem", "failures", "next_try_at"])
    _record(actor, row, "", "token removed" if token is None else "new token")
    return row


@write
def pause(*, source: int | str, actor: Actor, reason: str = "") -> AgentSource:
    """Stop reading and writing a source. Tag edits are accepted and wait. Raises NotFound, NotAllowed."""
    row = locked_source(source, actor)
    if row.paused_at is None:
        row.paused_at = timezone.now()
        row.pause_reason = checked_text(reason, field="reason", most=SOURCE_NAME_LENGTH)
        row.save(update_fields=["paused_at", "pause_reason"])
        _record(actor, row, "on", "paused")
    return row


@write
def sync_now(*, source: int | str, actor: Actor) -> AgentSource:
    """Ask for a whole listing now, also before the next attempt is due. Raises Conflict while paused."""
    row = locked_source(source, actor)
    if row.paused_at is not None:
        raise Conflict(f"{shown(row.name)} is paused. Resume it first.")
    row.sync_asked_at, row.next_try_at = timezone.now(), None
    row.save(update_fields=["sync_asked_at", "next_try_at"])
    return row


@write
def pause_change(
    *, source: int | str, change_set_id: int, actor: Actor, paused: bool = True
) -> None:
    """Pause or resume the way of a change of many agents to a source. One-tag edits go on."""
    row = locked_source(source, actor)
    SourceMarking.objects.filter(source=row, change_set_id=change_set_id).update(
        paused_at=timezone.now() if paused else None
    )


def _checked_name(name: object) -> str:
    text = checked_text(name, field="name", most=SOURCE_NAME_LENGTH)
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise Invalid(
            "A source needs a name of visible characters, without spaces around it.", field="name"
        )
    return text


def _require_free(name: str) -> None:
    if AgentSource.objects.filter(name=name).exists():
        raise Conflict(f"A source named {shown(name)} already exists.", field="name")


def _checked_kind(kind: str | None, url: str) -> SourceKind:
    if kind is None:
        return opening.guessed_kind(str(url))
    if kind not in SourceKind.values:
        raise Invalid(f"The kind must be one of {', '.join(SourceKind.values)}.", field="kind")
    return SourceKind(kind)


def _checked_only_tag(name: str | None) -> str | None:
    """Return the tag, or None for all agents. An empty text is refused: it is no choice of all agents."""
    if name == "":
        raise Invalid("Enter a tag, or choose all agents.", field="only_tag")
    return None if name is None else require_legal(name, field="only_tag")


def _checked_token(token: str | None) -> str | None:
    if token is None:
        return None
    text = checked_text(token, field="token", most=_TOKEN_LENGTH)
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid("A token consists of visible ASCII characters.", field="token")
    return text


def _facts(row: AgentSource) -> dict[str, str]:
    return {
        "name": row.name,
        "address": row.url,
        "kind": row.kind,
        "only tag": row.only_tag or "",
        "owner tags given here only": "yes" if row.owners_given_here else "no",
    }


def _record(actor: Actor, row: AgentSource, old: str, new: str) -> None:
    entry = Entry(Op.SET, field=f"source {row.id}", old=old or None, new=f"{row.name}: {new}")
    record_and_log(
        actor=actor, act=Act.SOURCE, entry=entry, event=f"source: {new}", source=row.name
    )
