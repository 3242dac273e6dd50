"""Write AgentState as JSON bytes straight from rows. Stored JSON is not parsed.

One agent or a thousand need two queries, plus one for memory blocks and one for identities if
included. The SQL is fixed text: building it with the ORM costs more than running it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from agents.core.actors import Actor
from agents.core.etag import etag_of
from agents.core.json_text import loads
from agents.core.limits import BLOCK_LIMIT_DEFAULT
from agents.domain.agents.client_fields import to_show
from agents.domain.agents.letta_fields import LETTA_DEFAULTS
from agents.domain.agents.model_settings import derived
from agents.domain.memory.new import BLOCK_EXTRA_DEFAULTS
from agents.domain.sources.memory import BlockThere
from agents.queries.agents.find import find_columns
from agents.queries.core.lookups import IN_KEYS, fetch, looked_up, of_agents, utc

_encoder = msgspec.json.Encoder()

_COLUMNS = """
a.seq, a.public_id, a.version, a.name, a.description, a.model, a.embedding, a.created_at, a.updated_at,
d.system, d.llm_config, d.embedding_config, d.metadata, d.extra"""
_AGENTS = f"""
SELECT {_COLUMNS}
FROM agents_agent a JOIN agents_agentdetail d ON d.agent_id = a.seq
WHERE a.seq {IN_KEYS}"""  # noqa: S608  # our own pieces
# Tags and identity IDs in one statement: looking into an almost empty index costs less than another
# round trip.
_TAGS = f"""
SELECT x.agent_id, t.name, 0 FROM {of_agents("agents_agenttag", "x", "tag_id")}
{looked_up("agents_tag", "t", "x.tag_id", "name")}
UNION ALL
SELECT y.agent_id, i.public_id, 1 FROM {of_agents("agents_agentidentity", "y", "identity_id")}
{looked_up("agents_identity", "i", "y.identity_id", "public_id")}"""  # noqa: S608  # our own pieces
_IDENTITY = ("public_id", "identifier_key", "name", "identity_type", "project_id", "properties")
_IDENTITIES = f"""
SELECT x.agent_id, {", ".join(f"i.{name}" for name in _IDENTITY)}
FROM {of_agents("agents_agentidentity", "x", "identity_id")}
{looked_up("agents_identity", "i", "x.identity_id", *_IDENTITY)}
ORDER BY x.identity_id"""  # noqa: S608  # our own pieces
_BLOCK = (
    "public_id", "label", "value", "limit", "description", "read_only", "metadata", "extra"
)  # fmt: skip
_BLOCKS = f"""
SELECT x.agent_id, {", ".join(f'b."{name}"' for name in _BLOCK)}
FROM {of_agents("agents_agentblock", "x", "block_id")}
{looked_up("agents_block", "b", "x.block_id", *_BLOCK)}
ORDER BY x.block_id"""  # noqa: S608  # our own pieces

_CACHED_EXTRA = 2_000  # characters; longer texts are rarely the same


@dataclass(frozen=True, slots=True)
class Show:
    """What to write besides an agent's own fields and tags.

    `linked` is False for actors that cannot access identities.
    """

    blocks: bool = True
    identities: bool = True
    linked: bool = True
    tools: bool = True


class Memory(msgspec.Struct):
    """An agent's memory in Letta's form."""

    blocks: list[dict[str, Any]]
    agent_type: str | None = None
    git_enabled: bool = False
    file_blocks: list[Any] = []  # msgspec copies it
    prompt_template: str = ""


class _State(msgspec.Struct):
    """The fields of an AgentState that are not in `extra`."""

    id: str
    name: str
    description: str | None
    model: str
    embedding: str | None
    created_at: datetime
    updated_at: datetime
    system: str
    llm_config: msgspec.Raw
    embedding_config: msgspec.Raw
    metadata: msgspec.Raw
    tags: list[str]
    memory: Memory
    blocks: list[dict[str, Any]]
    identity_ids: list[str]
    identities: list[dict[str, Any]]
    created_by_id: str | None = None
    last_updated_by_id: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An agent as JSON, and its ETag, which does not depend on `include`."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class WrittenMany:
    """A JSON array of agents, and their ids by key."""

    content: bytes
    ids: dict[int, str]


@dataclass(slots=True)
class _Linked:
    """The tags, blocks and identities of one agent."""

    tags: list[str] = field(default_factory=list)
    identity_ids: list[str] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    identities: list[dict[str, Any]] = field(default_factory=list)


def write_one(seq: int, show: Show, blocks: list[dict[str, Any]] | None = None) -> Written | None:
    """Return an agent as JSON, or None if it was deleted. The caller has checked access.

    `blocks` replaces its memory blocks: those of an agent of a source are there.
    """
    row = next(iter(fetch(_AGENTS, [seq])), None)
    return None if row is None else _write_row(row, show, blocks)


def write_found(agent_id: str, actor: Actor, show: Show) -> Written:
    """Return the agent with this public id as JSON. Raises NotFound."""
    return _write_row(find_columns(_COLUMNS, agent_id, actor), show)


def _write_row(
    row: tuple[Any, ...], show: Show, blocks: list[dict[str, Any]] | None = None
) -> Written:
    seq = row[0]
    linked = _linked([seq], show)[seq]
    if blocks is not None:
        linked.blocks = blocks
    return Written(_write(row, linked, show.tools), etag_of(row[1], row[2], linked.tags))


def write_many(seqs: Sequence[int], show: Show) -> WrittenMany:
    """Return a JSON array of agents in the order of `seqs`. The caller has checked access."""
    if not seqs:
        return WrittenMany(b"[]", {})
    rows = {row[0]: row for row in fetch(_AGENTS, seqs)}
    linked = _linked(seqs, show)
    # Agents deleted since the list was read are left out.
    written = (_write(rows[seq], linked[seq], show.tools) for seq in seqs if seq in rows)
    ids = {seq: row[1] for seq, row in rows.items()}
    return WrittenMany(b"[" + b",".join(written) + b"]", ids)


def _linked(seqs: Sequence[int], show: Show) -> dict[int, _Linked]:
    found: dict[int, _Linked] = defaultdict(_Linked)
    for seq, text, is_identity in fetch(_TAGS, seqs):
        linked = found[seq]
        (linked.identity_ids if is_identity else linked.tags).append(text)
    for linked in found.values():
        linked.tags.sort()
        linked.identity_ids = sorted(linked.identity_ids) if show.linked else []
    if show.blocks:
        for seq, *values in fetch(_BLOCKS, seqs):
            found[seq].blocks.append(block_of(*values))
    if show.identities and any(linked.identity_ids for linked in found.values()):
        for seq, *values in fetch(_IDENTITIES, seqs):
            found[seq].identities.append(identity_of(*values))
    return found


def block_of(
    public_id: str,
    label: str,
    value: str,
    limit: int,
    description: str | None,
    read_only: bool,
    metadata: str,
    extra: str,
) -> dict[str, Any]:
    """Return a memory block in Letta's form."""
    return {
        **BLOCK_EXTRA_DEFAULTS,
        **(loads(extra) if extra != "{}" else {}),
        "created_by_id": None,
        "last_updated_by_id": None,
        "id": public_id,
        "label": label,
        "value": value,
        "limit": limit,
        "description": description,
        "read_only": bool(read_only),
        "metadata": msgspec.Raw(metadata.encode()),
    }


def block_at_source(block: BlockThere) -> dict[str, Any]:
    """Return a memory block at a source in Letta's form."""
    kept = {name: block.there.fields.get(name) for name in BLOCK_EXTRA_DEFAULTS}
    fields = block.there.fields
    return {
        **BLOCK_EXTRA_DEFAULTS,
        **{name: value for name, value in kept.items() if value is not None},
        "created_by_id": None,
        "last_updated_by_id": None,
        "id": block.id,
        "label": block.there.label,
        "value": block.there.value,
        "limit": fields.get("limit", BLOCK_LIMIT_DEFAULT),
        "description": fields.get("description"),
        "read_only": bool(fields.get("read_only")),
        "metadata": fields.get("metadata") or {},
    }


def identity_of(
    public_id: str,
    identifier_key: str,
    name: str,
    identity_type: str,
    project_id: str | None,
    properties: str,
) -> dict[str, Any]:
    """Return an identity in Letta's form. Letta no longer lists its agents in it."""
    return {
        "id": public_id,
        "identifier_key": identifier_key,
        "name": name,
        "identity_type": identity_type,
        "project_id": project_id,
        "agent_ids": [],
        "block_ids": [],
        "organization_id": None,
        "properties": msgspec.Raw(properties.encode()),
    }


def blocks_of(seq: int) -> list[dict[str, Any]]:
    """Return the memory blocks of an agent, oldest first."""
    return [block_of(*values) for _, *values in fetch(_BLOCKS, [seq])]


def identities_of(seq: int) -> list[dict[str, Any]]:
    """Return the identities of an agent, oldest first."""
    return [identity_of(*values) for _, *values in fetch(_IDENTITIES, [seq])]


def _write(row: tuple[Any, ...], linked: _Linked, tools: bool) -> bytes:
    (_, public_id, _, name, description, model, embedding, created, updated,
     system, llm, embedding_config, metadata, extra) = row  # fmt: skip
    state = _State(
        id=public_id,
        name=name,
        description=description,
        model=model,
        embedding=embedding,
        created_at=utc(created),
        updated_at=utc(updated),
        system=system,
        llm_config=msgspec.Raw(llm.encode()),
        embedding_config=msgspec.Raw(embedding_config.encode()),
        metadata=msgspec.Raw(metadata.encode()),
        tags=linked.tags,
        memory=Memory(linked.blocks),
        blocks=linked.blocks,
        identity_ids=linked.identity_ids,
        identities=linked.identities,
    )
    # The two objects share no names, so they are joined as text.
    cached = len(extra) + len(llm) <= _CACHED_EXTRA
    rest = _cached_extra(extra, llm, tools) if cached else _extra(extra, llm, tools)
    return rest + _encoder.encode(state)[1:]


def _extra(text: str, llm_config: str, tools: bool) -> bytes:
    """Return the fields before an agent's own: its stored Letta fields, and LETTA_DEFAULTS."""
    known = loads(text)
    values = {name: known.get(name, default) for name, default in LETTA_DEFAULTS.items()}
    if values["model_settings"] is None:
        values["model_settings"] = derived(loads(llm_config))
    values |= to_show(known, tools=tools)
    return _encoder.encode(values)[:-1] + b","


_cached_extra = lru_cache(maxsize=1024)(_extra)
