"""manage.py erase_user: a name goes out of history, the facts stay."""

import io

import pytest
from django.core.management import CommandError, call_command

from agents.actors import MANAGE
from agents.domain.agents import delete_agent
from agents.domain.directory import rename_tag
from agents.domain.keys import create_key
from agents.domain.recount import differences
from agents.domain.tags import change_tags
from agents.domain.users import How, offboard
from agents.models import Act, Change, ChangeSet, Op, Tag
from tests.helpers import ROOT, drift, everything, make_agent, make_editor, tags_of

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


def erase(name: str) -> str:
    out = io.StringIO()
    call_command("erase_user", name, stdout=out)
    return out.getvalue().splitlines()[0]


def test_a_user_is_erased_and_what_was_done_stays() -> None:
    agent = make_agent(name="Agent of user_1", tags=["old", "user_12"])
    rename_tag(old="old", new="user_1", actor=MANAGER, reason="user_1 asked, not user_12")
    gone = make_agent(tags=["user_1"])
    delete_agent(agent_id=gone.public_id, actor=ROOT)
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    offboard(name="user_1", how=How.TAG, actor=MANAGER)
    before = Change.objects.count()
    assert erase("user_1").startswith("The name is erased-1 now, in ")
    rows = everything()
    live = [row for row in rows["Agent"] if "user_1" in repr(row).replace("user_12", "")]
    del rows["Agent"], rows["agents_agent_search"]
    assert "user_1" not in repr(rows).replace("user_12", "")
    assert len(live) == 1  # an agent's own name is no history
    newest = ChangeSet.objects.latest("id")
    assert (newest.act, newest.actor_name, Change.objects.count()) == (
        Act.ERASE,
        "erase_user",
        before + 1,
    )
    assert Change.objects.get(op=Op.RENAME).new == "erased-1"
    assert ChangeSet.objects.get(act=Act.RENAME).reason == "erased-1 asked, not user_12"
    assert tags_of(agent) == ["user_12"]
    assert (drift(), differences()) == ([], [])


def test_a_person_is_erased() -> None:
    agent = make_agent(tags=["x"])
    change_tags(agent_id=agent.public_id, add=["a"], actor=make_editor("Mara Kühn"))
    erase("someone else")
    assert erase("Mara Kühn") == "The name is erased-2 now, in 2 rows."
    assert "Mara" not in repr(list(ChangeSet.objects.values_list("actor_name", "reason")))
    assert Tag.objects.get(name="a").last_added_by == "erased-2"
    assert ChangeSet.objects.get(act=Act.TAGS).actor_id == "user:Mara Kühn"  # a key, not a name


@pytest.mark.parametrize(
    ("name", "why"), [("user_1", "off-board"), ("", "2 char"), ("x", "2 char")]
)
def test_refused_changes_nothing(name: str, why: str) -> None:
    make_agent(tags=["user_1"])
    before = everything()
    with pytest.raises(CommandError, match=why):
        erase(name)
    assert everything() == before
