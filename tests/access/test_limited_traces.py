"""What a limited member could still see or do by what was: old plans, undo, ids and names of others."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from ade.models import User
from agents.core.filters import AgentFilter
from agents.core.reach import Reach
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo import undo
from agents.domain.history.undo_set import undo_set
from agents.domain.members import change_member, limit_of
from agents.domain.tags.edit import change_tags
from agents.models import Agent, BulkOp, BulkPlan
from agents.tasks.bulk import begin
from tests.helpers import ROOT, make_agent, make_user, tags_of
from tests.views.browsing import soup

pytestmark = pytest.mark.django_db
A, B = "team:a", "team:b"
NEW = {"name": "new", "model": "letta/x"}


def member(name: str, *tags: str, role: str = "manager") -> User:
    return make_user(name, role=role, stored_reach=Reach.of_tags(tags).stored() if tags else None)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def pick_all(client: Client, **data: str) -> str:
    """Plan to add a tag to all agents; the address of the plan."""
    client.post("/bulk/selection/", {"list": "/agents/", "act": "all"})
    return str(client.post("/bulk/new/?op=add", {"add": "x", **data})["Location"])


def results(client: Client, url: str) -> list[list[str]]:
    text = client.get(f"{url}results/?bom=no").getvalue().decode()
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize("first", ["note", "Note"])
def test_the_order_of_tags_does_not_tell_which_one_others_had_first(first: str) -> None:
    make_agent(tags=[B, first])
    make_agent(tags=[A, "note", "Note"])
    page = soup(browser(member("lena", A)).get("/tags/?q=note"))
    assert [chip.text for chip in page.select("tbody th .chip")] == ["Note", "note"]


def test_tags_in_the_trash_are_in_order_of_their_text() -> None:
    """The order of rows could tell which tag others had first."""
    make_agent(tags=[B, "m"])
    agent = make_agent(tags=[A, "z", "m"])
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    rename_tag(old="m", new="zz", actor=ROOT)
    page = soup(browser(member("lena", A)).get("/trash/"))
    assert [code.text for code in page.select("tbody td code")] == [A, "z", "zz"]


def test_a_bulk_change_names_no_agent_that_has_left_the_limit() -> None:
    stays, leaves, gone = (make_agent(name=name, tags=[A]) for name in ("stays", "leaves", "gone"))
    client = browser(member("lena", A))
    planned, applied = pick_all(client), pick_all(client)
    client.post(f"{applied}apply/")
    change_tags(agent_id=leaves.public_id, add=[B, "user_secret"], remove=[A], actor=ROOT)
    update_agent(agent_id=leaves.public_id, edit=AgentEdit(name="its new name"), actor=ROOT)
    delete_agent(agent_id=gone.public_id, actor=ROOT)
    page = client.get(planned).content.decode()
    assert "stays" in page
    for text in ("leaves", "its new name", "user_secret", leaves.public_id):
        assert text not in page
    found = results(client, applied)
    assert sorted(row[1] for row in found) == ["", "gone", "stays"]
    assert {row[2] for row in found} == {"changed"}
    assert len(results(browser(make_user("ada", role="admin")), applied)) == 3
    assert tags_of(stays) == [A, "x"]


def test_a_bulk_change_from_before_the_limit_is_gone_with_it() -> None:
    make_agent(name="theirs", tags=[B])
    lena = member("lena")
    client = browser(lena)
    url = pick_all(client, reason='"limit":null')
    assert client.get(url).status_code == 200
    change_member(member_id=lena.pk, limit=[A], actor=ROOT)
    assert "theirs" not in client.get("/bulk/").content.decode()
    for path in (url, f"{url}results/", f"{url}refused.csv"):
        assert client.get(path).status_code == 404
    for act in ("apply", "undo", "stop", "resume", "revise"):
        assert client.post(f"{url}{act}/").status_code == 404
    lena.first_name = '"limit":null'
    lena.save()
    assert browser(lena).get(pick_all(client)).status_code == 200  # whatever the name


def test_an_undo_on_another_agent_alone_is_no_undo_of_this_one() -> None:
    mine, theirs = make_agent(tags=[A]), make_agent(tags=[B])
    change = BulkChange(BulkOp.ADD, add=["x"])
    plan = begin(
        plan_id=make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT).id,
        actor=ROOT,
    )
    number = int(plan.change_set_id or 0)
    client = browser(member("lena", A))

    def says_undone() -> bool:
        page = client.get(f"/agents/{mine.public_id}/history/")
        return any(one.get_text() == "Undone" for one in soup(page).select("#history .muted"))

    assert not says_undone()
    undo(change_set_id=number, agent_id=theirs.public_id, actor=ROOT)
    assert not says_undone()
    undo(change_set_id=number, agent_id=mine.public_id, actor=ROOT)
    assert says_undone()


def test_an_id_sent_with_a_form_does_not_tell_whether_it_is_taken() -> None:
    foreign = make_agent(tags=[B])
    client = browser(member("lena", A))
    taken = client.post("/agents/new/", NEW | {"public_id": foreign.public_id})
    free = client.post("/agents/new/", NEW | {"public_id": f"{foreign.public_id[:-1]}x"})
    assert (taken.status_code, free.status_code) == (303, 303)
    assert Agent.objects.filter(agenttag__tag__name=A).count() == 2
    # The same form again leads to the same agent, and to none once that cannot be accessed.
    again = client.post("/agents/new/", NEW | {"public_id": foreign.public_id})
    assert again["Location"] == taken["Location"]
    for end in ("leaves", "is deleted"):
        sent = NEW | {"public_id": f"agent-{end}"}
        made = client.post("/agents/new/", sent)["Location"].split("/")[2]
        if end == "leaves":
            change_tags(agent_id=made, add=[B], remove=[A], actor=ROOT)
        else:
            delete_agent(agent_id=made, actor=ROOT)
        assert client.post("/agents/new/", sent).status_code == 404


@pytest.mark.parametrize("how", ["disabled", "limited again", "as it was"])
def test_the_undo_of_a_merge_gives_a_limit_back_unless_somebody_changed_it(how: str) -> None:
    make_agent(tags=[A])
    make_agent(tags=[B])
    lena = member("lena", A)
    merged = merge_tags(source=A, target=B, actor=ROOT).change_set
    lena.refresh_from_db()
    assert limit_of(lena) == (B,)
    if how == "disabled":
        User.objects.filter(pk=lena.pk).update(is_active=False)
    if how == "limited again":
        change_member(member_id=lena.pk, limit=[B, "c"], actor=ROOT)
    undone = undo_set(change_set_id=merged.id, actor=ROOT)
    lena.refresh_from_db()
    assert limit_of(lena) == (("c", B) if how == "limited again" else (A,))
    assert bool(undone.kept) == (how == "limited again")


def test_a_limit_follows_renames_merges_and_their_undo_in_any_order() -> None:
    """Whatever happens to the names, the member sees the agent of the limit and not the other one."""
    mine, theirs = make_agent(name="mine", tags=[A]), make_agent(name="theirs", tags=[B])
    lena = member("lena", A, role="viewer")
    client = browser(lena)

    def sees() -> list[str]:
        lena.refresh_from_db()
        ids = {mine.public_id: "mine", theirs.public_id: "theirs"}
        return [
            name for key, name in ids.items() if client.get(f"/agents/{key}/").status_code == 200
        ]

    first = rename_tag(old=A, new="team:x", actor=ROOT).change_set
    assert (limit_of(User.objects.get(pk=lena.pk)), sees()) == (("team:x",), ["mine"])
    swap = [rename_tag(old=B, new=A, actor=ROOT), rename_tag(old="team:x", new=B, actor=ROOT)]
    assert (sees(), limit_of(lena)) == (["mine"], (B,))  # the names are those of each other
    for done in reversed(swap):
        undo_set(change_set_id=done.change_set.id, actor=ROOT)
    assert sees() == ["mine"]
    undo_set(change_set_id=first.id, actor=ROOT)
    assert (sees(), limit_of(lena)) == (["mine"], (A,))
    merged = merge_tags(source=A, target=B, actor=ROOT).change_set
    assert sees() == ["mine", "theirs"]
    rename_tag(old=B, new="team:y", actor=ROOT)
    undo_set(change_set_id=merged.id, actor=ROOT)
    assert (sees(), limit_of(lena)) == (["mine"], (A,))
    change_member(member_id=lena.pk, limit=[A, "team:y"], actor=ROOT)
    merged = merge_tags(source=A, target="team:y", actor=ROOT).change_set
    lena.refresh_from_db()
    assert limit_of(lena) == ("team:y",)
    undo_set(change_set_id=merged.id, actor=ROOT)
    assert (sees(), limit_of(lena)) == (["mine", "theirs"], (A, "team:y"))


def test_an_open_session_follows_a_change_of_the_limit_with_its_next_request() -> None:
    mine, theirs = make_agent(tags=[A]), make_agent(tags=[B])
    lena = member("lena", A)
    client = browser(lena)
    plan = pick_all(client)

    def statuses() -> list[int]:
        return [client.get(f"/agents/{one.public_id}/").status_code for one in (mine, theirs)]

    assert statuses() == [200, 404]
    change_member(member_id=lena.pk, limit=[B], actor=ROOT)
    assert statuses() == [404, 200]
    assert client.post(f"{plan}apply/", follow=True).status_code == 200  # plans again, or refuses
    assert (tags_of(mine), BulkPlan.objects.filter(state="done").count()) == ([A], 0)
    change_member(member_id=lena.pk, limit=None, actor=ROOT)
    assert statuses() == [200, 200]


def test_notices_about_new_tags_come_in_an_order_that_does_not_count_others() -> None:
    def said() -> Any:
        return [one.get_text() for one in soup(client.get("/agents/")).select(".message")]

    client = browser(member("lena", A))
    make_agent(tags=[B, " p"])
    make_agent(tags=[B, " p"])
    client.post("/agents/new/", NEW | {"exact": [" p", " q"]})
    first = said()
    make_agent(tags=[B, " q"])
    for _ in range(3):
        make_agent(tags=[B, " q"])
    client.post("/agents/new/", NEW | {"exact": [" p", " q"]})
    assert said() == first
