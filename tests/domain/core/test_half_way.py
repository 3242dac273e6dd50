"""Every write is whole or not at all: with history refused, nothing has changed."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents, delete_agent, update_agent
from agents.domain.history.undo import undo
from agents.domain.identities.write import (
    NewIdentity,
    create_identity,
    delete_identity,
    update_identity,
)
from agents.domain.memory.agent import detach_block
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import (
    BlockEdit,
    create_block,
    delete_block,
    edit_block,
    update_block,
)
from agents.domain.tags.edit import change_tags
from agents.domain.transfer.agent_file import AgentFile
from agents.domain.transfer.import_file import import_file
from agents.models import Block, Identity
from tests.helpers import ROOT, everything, make_agent, replace_tags

pytestmark = pytest.mark.django_db
AN_ID = "agent-00000000-0000-4000-8000-000000000001"

WRITES: dict[str, Callable[[int], object]] = {
    "create": lambda _: create_agents([NewAgent(model="a/b", tags=["new", "a"])] * 2, actor=ROOT),
    "add": lambda _: change_tags(agent_id=AN_ID, add=["new"], actor=ROOT),
    "remove": lambda _: change_tags(agent_id=AN_ID, remove=["a"], actor=ROOT),
    "replace": lambda _: replace_tags(agent_id=AN_ID, tags=["b", "new"], actor=ROOT),
    "fields": lambda _: update_agent(
        agent_id=AN_ID, edit=AgentEdit(name="x", system="y"), tags=["z"], actor=ROOT
    ),
    "block": lambda _: update_block(agent_id=AN_ID, label="human", value="x", actor=ROOT),
    "block by id": lambda _: edit_block(
        block_id=Block.objects.get().public_id, edit=BlockEdit(label="x"), actor=ROOT
    ),
    "new block": lambda _: create_block(NewBlock("new"), actor=ROOT),
    "delete block": lambda _: delete_block(block_id=Block.objects.get().public_id, actor=ROOT),
    "detach": lambda _: detach_block(
        agent_id=AN_ID, block_id=Block.objects.get().public_id, actor=ROOT
    ),
    "new identity": lambda _: create_identity(
        NewIdentity("new", "New", "user", agent_ids=[AN_ID]), actor=ROOT
    ),
    "identity": lambda _: update_identity(
        identity_id=Identity.objects.get().public_id,
        given={"name": "x", "agent_ids": []},
        actor=ROOT,
    ),
    "delete identity": lambda _: delete_identity(
        identity_id=Identity.objects.get().public_id, actor=ROOT
    ),
    "import": lambda _: import_file(
        AgentFile([NewAgent(model="a/b", tags=["new"], blocks=[NewBlock("b")])], []), actor=ROOT
    ),
    "delete": lambda _: delete_agent(agent_id=AN_ID, actor=ROOT),
    "undo": lambda change_set_id: undo(change_set_id=change_set_id, actor=ROOT),
}


def refuse_rows_of(table: str) -> None:
    """Make the database itself refuse every new row; undone with the test's transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                f"CREATE TRIGGER refuse BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
            return
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )


@pytest.mark.parametrize("table", ["agents_changeset", "agents_change"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_that_history_refuses_changes_nothing(
    write: Callable[[int], object], table: str
) -> None:
    make_agent(public_id=AN_ID, tags=["a", "b"], blocks=[NewBlock("human")])
    create_identity(NewIdentity("crm-7", "Ann", "user", agent_ids=[AN_ID]), actor=ROOT)
    change_set = change_tags(agent_id=AN_ID, add=["c"], remove=["b"], actor=ROOT).change_set
    assert change_set
    before = everything()
    refuse_rows_of(table)
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
        write(change_set.id)
    assert everything() == before
