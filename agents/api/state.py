"""The one writer of AgentState: from rows to bytes, with stored JSON passed through unparsed.

Two queries for one agent as for a thousand, one more where memory blocks are asked for. The SQL is
fixed text: building it by the ORM costs more than running it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection

from agents.etag import etag_of
from agents.jsontext import dumps, loads

_encoder = msgspec.json.Encoder()

_AGENTS = """
SELECT a.seq, a.public_id, a.version, a.name, a.description, a.model, a.embedding,
       a.created_at, a.updated_at,
       d.system, d.llm_config, d.embedding_config, d.metadata, d.extra
FROM agents_agent a JOIN agents_agentdetail d ON d.agent_id = a.seq
WHERE a.seq {}"""
_TAGS = """
SELECT x.agent_id, t.name FROM agents_agenttag x JOIN agents_tag t ON t.id = x.tag_id
WHERE x.agent_id {}"""
_BLOCKS = """
SELECT x.agent_id, b.public_id, b.label, b.value, b."limit", b.description, b.read_only,
       b.metadata, b.extra
FROM agents_agentblock x JOIN agents_block b ON b.id = x.block_id
WHERE x.agent_id {} ORDER BY b.id"""

# What a Letta client knows of a block and ADE does not keep.
_BLOCK_REST: dict[str, Any] = {
    "project_id": None,
    "template_name": None,
    "is_template": False,
    "template_id": None,
    "base_template_id": None,
    "deployment_id": None,
    "entity_id": None,
    "preserve_on_migration": False,
    "hidden": None,
    "created_by_id": None,
    "last_updated_by_id": None,
    "tags": [],
}


class _Memory(msgspec.Struct):
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
    memory: _Memory
    blocks: list[dict[str, Any]]
    tools: list[Any] = []  # msgspec copies it
    sources: list[Any] = []  # msgspec copies it
    created_by_id: str | None = None
    last_updated_by_id: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An agent as JSON, and its ETag, which is the same for every `include`."""

    content: bytes
    etag: str


def write_one(seq: int, *, blocks: bool) -> Written | None:
    """One agent, or None if it is gone. The caller has checked that its actor may see it."""
    row = next(iter(_fetch(_AGENTS, [seq])), None)
    if row is None:
        return None
    tags = sorted(name for _, name in _fetch(_TAGS, [seq]))
    own = blocks_of(seq) if blocks else []
    return Written(_write(row, tags, own), etag_of(row[1], row[2], tags))


def write_many(seqs: Sequence[int], *, blocks: bool) -> bytes:
    """A JSON array of agents in the order of `seqs`, which the actor may see."""
    if not seqs:
        return b"[]"
    rows = {row[0]: row for row in _fetch(_AGENTS, seqs)}
    tags: dict[int, list[str]] = defaultdict(list)
    for seq, name in _fetch(_TAGS, seqs):
        tags[seq].append(name)
    own: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if blocks:
        for seq, *values in _fetch(_BLOCKS, seqs):
            own[seq].append(block_of(*values))
    # One that was deleted since the list was made is left out.
    written = (_write(rows[seq], sorted(tags[seq]), own[seq]) for seq in seqs if seq in rows)
    return b"[" + b",".join(written) + b"]"


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
    """A memory block as a Letta client knows it."""
    return {
        **_BLOCK_REST,
        **(loads(extra) if extra != "{}" else {}),
        "id": public_id,
        "label": label,
        "value": value,
        "limit": limit,
        "description": description,
        "read_only": bool(read_only),
        "metadata": msgspec.Raw(metadata.encode()),
    }


def blocks_of(seq: int) -> list[dict[str, Any]]:
    """The memory blocks of an agent, oldest first."""
    return [block_of(*values) for _, *values in _fetch(_BLOCKS, [seq])]


def _write(row: tuple[Any, ...], tags: list[str], blocks: list[dict[str, Any]]) -> bytes:
    (_, public_id, _, name, description, model, embedding, created, updated,
     system, llm, embedding_config, metadata, extra) = row  # fmt: skip
    state = _State(
        id=public_id,
        name=name,
        description=description,
        model=model,
        embedding=embedding,
        created_at=_utc(created),
        updated_at=_utc(updated),
        system=system,
        llm_config=msgspec.Raw(llm.encode()),
        embedding_config=msgspec.Raw(embedding_config.encode()),
        metadata=msgspec.Raw(metadata.encode()),
        tags=tags,
        memory=_Memory(blocks),
        blocks=blocks,
    )
    own = _encoder.encode(state)
    # `extra` is an object too: the two are joined as text. It comes first, because of two fields
    # of one name readers of JSON take the last.
    return own if extra == "{}" else extra.encode()[:-1] + b"," + own[1:]


def _utc(moment: datetime) -> datetime:
    """SQLite gives a time without its zone; all stored times are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _fetch(sql: str, seqs: Sequence[int]) -> Iterable[tuple[Any, ...]]:
    """The rows for these keys: one statement, whatever their number."""
    keys: Any = list(seqs)
    condition = "= ANY(%s)"
    if connection.vendor == "sqlite":
        keys, condition = dumps(keys), "IN (SELECT value FROM json_each(%s))"
    with connection.cursor() as cursor:
        cursor.execute(sql.format(condition), [keys])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
