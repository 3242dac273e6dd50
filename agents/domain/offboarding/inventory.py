"""What belongs to a user of the application: one list for the plan, the receipt and `erase_user`.

A user is a tag. A test fails if a table with data of users is missing in `KINDS` or `WITHOUT_USER_DATA`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from ade.models import User
from agents.core.json_text import dumps, loads
from agents.core.reach import read_reach
from agents.domain.core import reaches
from agents.domain.saved_views import views_naming
from agents.domain.users import OffboardMode
from agents.models import (
    AccessToken,
    Agent,
    AgentBlock,
    AgentDetail,
    AgentIdentity,
    AgentSource,
    AgentTag,
    ApiKey,
    Block,
    Identity,
    ImportedAgent,
    SavedView,
    SourcedAgent,
    SourcedBlock,
    Tag,
    Tombstone,
    TrashedAgent,
    TrashedFile,
    TrashedTag,
    Webhook,
)

_TOKENS, _IDS = 2_000, 10_000  # client-side access tokens, and ids, that one statement asks for
T = TypeVar("T")
NAMED = 20  # things of one kind that a plan names; it counts the others


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of a user. `action` is what off-boarding does to it, as words for people."""

    kind: str
    public_id: str
    label: str = ""
    place: str = ""
    action: str = "kept"

    @property
    def is_deleted(self) -> bool:
        return self.action == "deleted"


@dataclass(frozen=True, slots=True)
class Part:
    """The things of one kind that share an action: the first NAMED of them, and how many there are."""

    kind: str
    title: str
    action: str
    count: int
    first: list[Thing] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many things are not named."""
        return self.count - len(self.first)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose things, and what happens to the agents."""

    tag: Tag
    how: OffboardMode

    @property
    def deletes(self) -> bool:
        return self.how is OffboardMode.AGENTS


def parts(asked: Asked) -> list[Part]:
    """The plan's parts, without those that have nothing."""
    return [part for of in KINDS.values() for part in of(asked) if part.count]


def small_things(asked: Asked) -> Iterator[Thing]:
    """Everything but agents and their memory: keys, members, views, webhooks, identities, trash."""
    for kind, of in KINDS.items():
        if kind not in ("agents", "blocks"):
            for part in of(asked, None):
                yield from part.first


# --- Kinds ----------------------------------------------------------------------------------

_ENDS = "ends"  # the receipt compares these words
_DELETED = "deleted"
_UNTAGGED = "loses the tag"
_KEPT = "kept"


def _agents(asked: Asked, most: int | None = NAMED) -> list[Part]:
    rows = Agent.objects.filter(agenttag__tag=asked.tag).order_by("-seq")
    rows = rows.select_related("source")
    shared = Q(user_tag_count__gt=int(asked.tag.names_user))
    if asked.how is OffboardMode.MOVE:
        return [_part("agents", "Agents", "moved", rows, _agent, most)]
    if not asked.deletes:
        return [_part("agents", "Agents", _UNTAGGED, rows, _agent, most)]
    return [
        _part("agents", "Agents", _DELETED, rows.exclude(shared), _agent, most),
        _part("agents", "Agents with another user", _UNTAGGED, rows.filter(shared), _agent, most),
    ]


def _blocks(asked: Asked, most: int | None = NAMED) -> list[Part]:
    mine = AgentTag.objects.filter(tag=asked.tag).values("agent_id")
    links = AgentBlock.objects.filter(block_id=OuterRef("id"))
    goes = Agent.objects.filter(
        agenttag__tag=asked.tag, user_tag_count__lte=int(asked.tag.names_user)
    ).values("seq")
    rows = Block.objects.filter(
        id__in=AgentBlock.objects.filter(agent_id__in=mine).values("block_id")
    )
    others = Exists(links.exclude(agent_id__in=goes))
    if not asked.deletes:
        return [
            _part("blocks", "Memory blocks", _KEPT, rows.order_by("id"), _block, most),
            *_blocks_there(asked, goes, most),
        ]
    return [
        _part("blocks", "Memory blocks", _DELETED, rows.exclude(others).order_by("id"), _block, most),
        _part(
            "blocks", "Memory blocks that other agents share", _KEPT,
            rows.filter(others).order_by("id"), _block, most,
        ),
        *_blocks_there(asked, goes, most),
    ]  # fmt: skip


def _blocks_there(asked: Asked, goes: QuerySet[Any], most: int | None) -> list[Part]:
    """Memory blocks at sources, as the last sync saw them. The source is asked again when they go."""
    mine = AgentTag.objects.filter(tag=asked.tag).values("agent_id")
    rows = SourcedBlock.objects.filter(agent_id__in=mine).select_related("source").order_by("id")
    same = SourcedBlock.objects.filter(source=OuterRef("source"), block_id=OuterRef("block_id"))
    rows = rows.filter(~Exists(same.filter(id__lt=OuterRef("id"), agent_id__in=mine)))
    if not asked.deletes:
        return [_part("blocks", "Memory blocks at sources", _KEPT, rows, _block_there, most)]
    others = Exists(same.exclude(agent_id__in=goes))
    return [
        _part(
            "blocks", "Memory blocks at sources, with archives", _DELETED, rows.exclude(others),
            _block_there, most,
        ),
        _part(
            "blocks", "Memory blocks at sources that other agents share", _KEPT, rows.filter(others),
            _block_there, most,
        ),
    ]  # fmt: skip


def _keys(asked: Asked, most: int | None = NAMED) -> list[Part]:
    now = timezone.now()
    valid = Q(disabled_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
    keys = reaches.keys_reaching(asked.tag.name, ApiKey.objects.filter(valid))
    if asked.how is OffboardMode.MOVE:
        return [_listed("keys", "API keys", "moved", [_key(key) for key in keys], most)]
    alone = [_key(key) for key in keys if key.reach.only_tag]
    several = [_key(key) for key in keys if not key.reach.only_tag]
    return [
        _listed("keys", "API keys limited to this user", _ENDS, alone, most),
        _listed("keys", "API keys limited to several tags", _UNTAGGED, several, most),
    ]


def _members(asked: Asked, most: int | None = NAMED) -> list[Part]:
    users = reaches.members_reaching(asked.tag.name, User.objects.filter(is_active=True))
    named = [(user, Thing("members", f"member {user.pk}", user.display_name)) for user in users]
    if asked.how is OffboardMode.MOVE:
        return [_listed("members", "Members", "moved", [thing for _, thing in named], most)]
    alone = [thing for user, thing in named if read_reach(user.stored_reach).only_tag]
    several = [thing for user, thing in named if not read_reach(user.stored_reach).only_tag]
    return [
        _listed("members", "Members limited to this user", _ENDS, alone, most),
        _listed("members", "Members limited to several tags", _UNTAGGED, several, most),
    ]


def _tokens(asked: Asked, most: int | None = NAMED) -> list[Part]:
    found = [Thing("tokens", str(token.token_id), token.hostname) for token in tokens_of(asked.tag)]
    return [_listed("tokens", "Client-side access tokens", _ENDS, found, most)]


def tokens_of(tag: Tag) -> list[AccessToken]:
    """The valid client-side access tokens for agents that carry the tag, newest first.

    All valid tokens are looked at: none may outlive the off-boarding because others were made since.
    """
    valid = AccessToken.objects.filter(expires_at__gt=timezone.now()).order_by("-id")
    found: list[AccessToken] = []
    for some in batched(valid.iterator(chunk_size=_TOKENS), _TOKENS):
        named = [(token, set(loads(token.policy))) for token in some]
        ids = {agent_id for _, agents in named for agent_id in agents}
        own: set[str] = set()
        for part in batched(ids, _IDS):
            rows = Agent.objects.filter(public_id__in=part, agenttag__tag=tag)
            own.update(rows.values_list("public_id", flat=True))
        found += [token for token, agents in named if agents & own]
    return found


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` of these things."""
    left = iter(things)
    while some := list(islice(left, size)):
        yield some


def _views(asked: Asked, most: int | None = NAMED) -> list[Part]:
    found = [Thing("views", view.slug, view.name) for view in views_naming(asked.tag.name)]
    action = "moved" if asked.how is OffboardMode.MOVE else _KEPT
    return [_listed("views", "Saved views", action, found, most)]


def _webhooks(asked: Asked, most: int | None = NAMED) -> list[Part]:
    rows = Webhook.objects.filter(tags__contains=dumps(asked.tag.name)).order_by("id")
    found = [Thing("webhooks", hook.public_id, hook.name) for hook in rows]
    action = "moved" if asked.how is OffboardMode.MOVE else _KEPT
    return [_listed("webhooks", "Webhooks for this user", action, found, most)]


def _identities(asked: Asked, most: int | None = NAMED) -> list[Part]:
    mine = AgentTag.objects.filter(tag=asked.tag).values("agent_id")
    of = AgentIdentity.objects.filter(agent_id__in=mine).values("identity_id")
    rows = Identity.objects.filter(id__in=of).order_by("id")
    return [_part("identities", "Identities", _KEPT, rows, _identity, most)]


def _trash(asked: Asked, most: int | None = NAMED) -> list[Part]:
    own = TrashedTag.objects.filter(name=asked.tag.name).values("agent_id")
    rows = TrashedAgent.objects.filter(seq__in=own).order_by("-deleted_at", "-seq").defer("state")
    action = _DELETED if asked.deletes else _KEPT
    return [_part("trash", "Agents in the trash", action, rows, _trashed, most)]


def _waiting(asked: Asked, most: int | None = NAMED) -> list[Part]:
    """Memory of agents that were deleted before, which their sources have not deleted yet."""
    files = TrashedFile.objects.filter(waiting=True).order_by("id").defer("file")
    kept = TrashedTag.objects.filter(
        name=asked.tag.name, agent__public_id__in=files.values("public_id")
    )
    ids = set(kept.values_list("agent__public_id", flat=True))
    stones = Tombstone.objects.filter(public_id__in=files.values("public_id"))
    named = stones.filter(tags__contains=dumps(asked.tag.name)).values_list("public_id", "tags")
    ids |= {public_id for public_id, tags in named if asked.tag.name in loads(tags)}
    sources = dict(AgentSource.objects.values_list("id", "name"))
    found = [
        Thing("archives" if key.startswith("archive-") else "blocks", key, label, place)
        for row in files.filter(public_id__in=ids)
        if (place := sources.get(row.source_id)) is not None
        for key, label, kind in loads(row.blocks)
        if kind == "own"
    ]
    return [_listed("waiting", "Memory of deleted agents at sources", _DELETED, found, most)]


KINDS: Mapping[str, Callable[..., list[Part]]] = {
    "agents": _agents,
    "blocks": _blocks,
    "keys": _keys,
    "members": _members,
    "tokens": _tokens,
    "views": _views,
    "webhooks": _webhooks,
    "identities": _identities,
    "trash": _trash,
    "waiting": _waiting,
}
# The tables of each kind. What is not here holds no data of users, or only history (`erase_user`).
TABLES: Mapping[str, tuple[type[Model], ...]] = {
    "agents": (Agent, AgentDetail, AgentTag, Tag, ImportedAgent, SourcedAgent, AgentSource),
    "blocks": (Block, AgentBlock, SourcedBlock),
    "keys": (ApiKey,),
    "members": (User,),
    "tokens": (AccessToken,),
    "views": (SavedView,),
    "webhooks": (Webhook,),
    "identities": (Identity, AgentIdentity),
    "trash": (TrashedAgent, TrashedTag),
    "waiting": (TrashedFile,),
}


def _part(
    kind: str,
    title: str,
    action: str,
    rows: QuerySet[Any],
    thing: Callable[[Any], Thing],
    most: int | None,
) -> Part:
    found = [thing(row) for row in (rows if most is None else rows[:most])]
    count = len(found) if most is None or len(found) < most else rows.count()
    return _listed(kind, title, action, found, most, count)


def _listed(
    kind: str,
    title: str,
    action: str,
    found: list[Thing],
    most: int | None,
    count: int | None = None,
) -> Part:
    shown = [Thing(one.kind, one.public_id, one.label, one.place, action) for one in found[:most]]
    return Part(kind, title, action, len(found) if count is None else count, shown)


def _agent(agent: Agent) -> Thing:
    place = "" if agent.source is None else str(agent.source.name)
    return Thing("agents", agent.public_id, agent.name, place)


def _block(block: Block) -> Thing:
    return Thing("blocks", block.public_id, block.label)


def _block_there(link: SourcedBlock) -> Thing:
    return Thing("blocks", link.block_id, link.label, str(link.source.name))


def _key(key: ApiKey) -> Thing:
    return Thing("keys", key.key_id, key.name)


def _identity(identity: Identity) -> Thing:
    return Thing("identities", identity.public_id, identity.name)


def _trashed(row: TrashedAgent) -> Thing:
    return Thing("trash", row.public_id, row.name)
