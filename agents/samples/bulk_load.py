"""Load many agents: the same rows as `create_agents` writes, a hundred times as fast.

Rows go to PostgreSQL by COPY and to SQLite by executemany, without the ORM. Counters, history and the search
index are updated in each batch, which is one transaction and one change-set, so a load that is stopped leaves
complete batches.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from ade.db.sqlite import statistics
from agents.core.actors import Actor, Power
from agents.core.tag_text import fold
from agents.domain.agents.new import AgentColumns
from agents.domain.core import permissions, record, search_index
from agents.domain.core.sequence import next_seq
from agents.domain.core.transactions import write
from agents.domain.tags import tag_rows
from agents.models import (
    Act,
    Agent,
    AgentDetail,
    AgentTag,
    Change,
    ChangeSet,
    Op,
    Tag,
    Tombstone,
)

# Agents in one transaction. Their rows are held in memory: about 100 MB.
BATCH = 20_000
_CACHE = 512 * 1024  # KiB of SQLite's page cache during a load


@dataclass(frozen=True, slots=True)
class BulkAgent:
    """An agent to load. The caller makes sure that name and tags are legal and tags unique."""

    public_id: str
    name: str
    columns: AgentColumns
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Keyed:
    """An agent with the key it gets, and its tags' rows."""

    seq: int
    agent: BulkAgent
    folded: str
    tags: list[Tag]


def load(
    agents: Iterable[BulkAgent], *, actor: Actor, reason: str = "", batch: int = BATCH
) -> Iterator[int]:
    """Load agents in batches; yields the size of each batch. Fast in the order of creation.

    Raises NotAllowed; IntegrityError if an id is taken. Batches before that stay.
    """
    actor.require(Power.ADMIN, "load agents in bulk")
    source = iter(agents)
    with _roomy_cache():
        while rows := list(itertools.islice(source, batch)):
            _load_batch(rows, actor=actor, reason=reason)
            yield len(rows)


def settle() -> None:
    """Update the planner's statistics after a load. On SQLite, remove them."""
    tables = ", ".join(
        model._meta.db_table
        for model in (Agent, AgentDetail, AgentTag, Tag, ChangeSet, Change, Tombstone)
    )
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            statistics.forget(connection)
        elif connection.in_atomic_block:  # where VACUUM may not run
            cursor.execute(f"ANALYZE {tables}")
        else:
            # Also marks pages as visible to all, which index-only scans need.
            cursor.execute(f"VACUUM (ANALYZE) {tables}")


@write
def _load_batch(agents: Sequence[BulkAgent], *, actor: Actor, reason: str) -> None:
    wanted = list(dict.fromkeys(name for agent in agents for name in agent.tags))
    permissions.check_new_limited(actor, wanted)
    rows = tag_rows.get_or_create(wanted)
    permissions.check_new(actor, wanted, rows)
    now = timezone.now()
    change_set = record.open_change_set(actor=actor, act=Act.IMPORT, reason=reason, at=now)
    keyed = [
        _Keyed(
            next_seq(agent.created_at), agent, fold(agent.name), [rows[name] for name in agent.tags]
        )
        for agent in agents
    ]
    _insert(Agent, _agent_rows(keyed))
    _insert(AgentDetail, _detail_rows(keyed))
    search_index.index_rows(search_index.AGENT_INDEX, [(row.seq, row.folded) for row in keyed])
    _insert(AgentTag, _agent_tag_rows(keyed, change_set))
    _insert(Change, _change_rows(keyed, change_set))
    counts = Counter(tag.id for row in keyed for tag in row.tags)
    # Last, so that other writers of these tags wait for moments and not for the whole batch.
    tag_rows.lock_unchanged(rows.values())
    tag_rows.raise_counts(counts, change_set)


_Rows = Iterator[tuple[Any, ...]]
# The columns of each table, in the order of the functions below. A test compares them with the models,
# because a column that is missing here is missing in the rows.
COLUMNS: dict[type[Model], tuple[str, ...]] = {
    Agent: (
        "seq", "public_id", "name", "name_folded", "description", "model", "embedding",
        "context_window_limit", "created_at", "updated_at", "version", "tag_count",
        "user_tag_count", "hidden", "source_id", "shared_reason",
    ),
    AgentDetail: (
        "agent_id", "system", "llm_config", "embedding_config", "metadata", "extra",
        "imported_from",
    ),
    AgentTag: ("tag_id", "agent_id", "added_at", "change_set_id"),
    Change: (
        "change_set_id", "op", "agent_id", "agent_name", "tag", "field", "old", "new", "at",
        "added_at", "span_node",
    ),
}  # fmt: skip


def _agent_rows(keyed: Iterable[_Keyed]) -> _Rows:
    moment = connection.ops.adapt_datetimefield_value
    for row in keyed:
        agent, columns = row.agent, row.agent.columns.agent
        yield (
            row.seq,
            agent.public_id,
            agent.name,
            row.folded,
            columns["description"],
            columns["model"],
            columns["embedding"],
            columns["context_window_limit"],
            moment(agent.created_at),
            moment(agent.updated_at),
            1,
            len(row.tags),
            sum(tag.names_user for tag in row.tags),
            False,
            None,
            None,
        )


def _detail_rows(keyed: Iterable[_Keyed]) -> _Rows:
    names = COLUMNS[AgentDetail][1:]
    for row in keyed:
        detail = row.agent.columns.detail
        yield (row.seq, *(detail[name] for name in names))


def _agent_tag_rows(keyed: Iterable[_Keyed], change_set: ChangeSet) -> _Rows:
    added_at = connection.ops.adapt_datetimefield_value(change_set.created_at)
    for row in keyed:
        for tag in row.tags:
            yield tag.id, row.seq, added_at, change_set.id


def _change_rows(keyed: Iterable[_Keyed], change_set: ChangeSet) -> _Rows:
    add, create = str(Op.ADD), str(Op.CREATE)
    # In the order of create_agents: first the agents, then their tags.
    at = connection.ops.adapt_datetimefield_value(change_set.created_at)
    end = ("", None, None, at, None, None)
    for row in keyed:
        yield change_set.id, create, row.agent.public_id, row.agent.name, None, *end
    for row in keyed:
        public_id, name = row.agent.public_id, row.agent.name
        for tag in row.tags:
            yield change_set.id, add, public_id, name, tag.name, *end


def _insert(model: type[Model], rows: _Rows) -> None:
    table, columns = model._meta.db_table, ", ".join(COLUMNS[model])
    connection.ensure_connection()
    # The drivers are used directly: Django does not support COPY, and its executemany stores all rows.
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            with (
                connection.connection.cursor() as cursor,
                cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(COLUMNS[model]))
            statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 ours
            connection.connection.executemany(statement, rows)


@contextmanager
def _roomy_cache() -> Iterator[None]:
    """SQLite keeps more pages in memory: new keys of the random indexes fall anywhere."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        before = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {before}")
