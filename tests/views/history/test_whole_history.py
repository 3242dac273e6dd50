"""GET /history/, /history/<id>/ and its receipt, POST /history/<id>/undo/."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.core.actors import MANAGE
from agents.core.filters import AgentFilter
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode, offboard
from agents.models import BulkOp, ChangeSet
from agents.tasks.bulk import begin
from tests.helpers import ROOT, everything, make_agent, make_editor, tags_of
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


def entries(response: object) -> list[str]:
    return [
        " ".join(row.get_text().split())
        for row in soup(response).select(".sets > li:not(.sets-folded)")
    ]


def test_it_works() -> None:
    agents = create_agents(
        [NewAgent(model="a/b", name=name, tags=["a", "b"]) for name in ("One", "Two")], actor=ROOT
    )
    change_tags(agent_id=agents[0].public_id, add=["c"], remove=["b"], actor=ROOT, reason="why")
    rename_tag(old="a", new="z", actor=MANAGER)
    make_agent(name="Three", tags=["x"])
    merge_tags(source="x", target="z", actor=MANAGER)
    response = signed_in("viewer").get("/history/")
    minus = "\N{MINUS SIGN}"
    assert entries(response) == [
        f"Mo merged a tag, change {_id(0)} · page now merged x → into z on 1 agent",
        f"test created, change {_id(1)} · command now +added x agent Three",
        f"Mo renamed a tag, change {_id(2)} · page now renamed a → into z on 2 agents",
        f"test changed tags, change {_id(3)} · command now “why” +added c {minus}removed b agent One",
        f"test created, change {_id(4)} · command now created 2 agents +added a on 2 agents +added b on 2 agents",
    ]  # fmt: skip


def _id(back: int) -> int:
    return list(ChangeSet.objects.order_by("-id").values_list("id", flat=True))[back]


def test_filters_stand_in_the_address_and_what_is_wrong_is_said() -> None:
    make_agent(tags=["a"])
    agent = make_agent(tags=["b"])
    client = signed_in()
    assert len(entries(client.get("/history/?tag=a"))) == 1
    assert len(entries(client.get(f"/history/?agent={agent.public_id}"))) == 1
    assert len(entries(client.get("/history/?by=test&source=command"))) == 2
    assert entries(client.get("/history/?by=Ben")) == ["No changes match."]
    assert len(entries(client.get("/history/?since=2020-01-01&until=9999-12-31"))) == 2
    wrong = client.get("/history/?source=moon&since=yesterday&tag=%00")
    assert wrong.status_code == 200
    assert len(soup(wrong).select(".field-error")) == 3
    assert client.get("/history/?before=x").status_code == 400


def test_pages_go_on_with_their_filter() -> None:
    for _ in range(60):
        make_agent(tags=["a"])
    client = signed_in()
    first = client.get("/history/?tag=a")
    (link,) = soup(first).select("a[rel=next]")
    assert link["href"].startswith("?tag=a&before=")
    assert len(entries(first)) + len(entries(client.get(f"/history/{link['href']}"))) == 60


def test_queries_do_not_grow_with_the_changes() -> None:
    client, counts = signed_in("manager"), []
    for size in (1, 3):
        for number in range(size):
            make_agent(tags=[f"t{size}{number}"])
        client.get("/history/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/history/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_one_change_set_and_its_receipt() -> None:
    agent = make_agent(name="=Ada", tags=["a"])
    client = signed_in("viewer")
    path = f"/history/{_id(0)}/"
    rows = [
        " ".join(row.get_text().split()) for row in soup(client.get(path)).select(".dir tbody tr")
    ]
    assert rows == [f"created =Ada {agent.public_id}", f"added a =Ada {agent.public_id}"]
    lines = (
        b"".join(client.get(f"{path}receipt.csv").streaming_content)
        .decode("utf-8-sig")
        .splitlines()
    )
    assert lines[2].startswith(f"{agent.public_id},'=Ada,added,a,,,,20")
    assert client.get("/history/999999/").status_code == 404


def test_undo_of_one_agents_change_is_an_editors() -> None:
    agent, client = make_agent(), signed_in()
    change_tags(agent_id=agent.public_id, add=["a"], actor=ROOT)
    path = f"/history/{_id(0)}/"
    assert client.post(f"{path}undo/").headers["Location"] == path
    assert tags_of(agent) == []
    assert text_at(client.get(path), "#messages") == "Undone on 1 agent."


def test_undo_of_many_agents_change_is_a_managers_and_says_what_was_left() -> None:
    agents = [make_agent(tags=["Vip"]), make_agent(tags=["Vip"])]
    make_agent(tags=["vip"])
    merge_tags(source="Vip", target="vip", actor=MANAGER)
    change_tags(agent_id=agents[0].public_id, remove=["vip"], actor=ROOT)
    path = f"/history/{_id(1)}/"
    before = everything()
    editor = signed_in()
    assert soup(editor.get(path)).select("main form") == []
    assert (editor.post(f"{path}undo/").status_code, everything() == before) == (403, True)
    manager = signed_in("manager")
    manager.post(f"{path}undo/")
    page = manager.get(path)
    assert text_at(page, "#messages .message-success") == "Undone on 2 agents. 1 left unchanged."
    (left,) = soup(page).select("#messages .message-warning li")
    assert (
        " ".join(left.get_text().split())
        == f"vip {agents[0].public_id}: someone has removed it since"
    )
    assert text_at(manager.get(path), "#messages") == ""


def test_undo_of_a_merge_of_an_unused_tag_is_offered_and_brings_it_back() -> None:
    agent = make_agent(tags=["x", "z"])
    change_tags(agent_id=agent.public_id, remove=["x"], actor=ROOT)
    merge_tags(source="x", target="z", actor=MANAGER)
    client = signed_in("manager")
    offered = soup(client.get("/history/")).select_one(".sets > li form")
    assert offered
    answer = client.post(str(offered["action"]), follow=True)
    assert text_at(answer, ".message-success") == "x is back. No agent carries it."
    assert entries(client.get("/history/"))[0].endswith(" brought back x")
    assert client.get("/tags/one/?name=x").status_code == 200


def test_a_bulk_change_of_many_says_on_how_many() -> None:
    create_agents([NewAgent(model="a/b", tags=["t"]) for _ in range(120)], actor=ROOT)
    change = BulkChange(BulkOp.REPLACE, add=["v"], remove=["t"])
    plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
    begin(plan_id=plan.id, actor=ROOT)
    make_agent(tags=["w"])
    merge_tags(source="v", target="w", actor=MANAGER)
    minus = "\N{MINUS SIGN}"
    client = signed_in("manager")
    told = entries(client.get("/history/"))
    assert told[2].endswith(f" +added v {minus}removed t in all 120 agents")
    undo_set(change_set_id=_id(0), actor=MANAGER)
    told = entries(client.get("/history/"))
    assert told[0].endswith(f" brought back v {minus}removed w +added v in all 120 agents")


def test_end_of_a_user_says_how_many_agents_were_deleted() -> None:
    make_agent(tags=["user_1"])
    make_agent(tags=["user_1", "user_2"])
    offboard(name="user_1", how=OffboardMode.AGENTS, actor=MANAGER)
    told = entries(signed_in("manager").get("/history/"))[0]
    assert told.endswith(" deleted user_1 (user) on 2 agents deleted 1 agent")


def test_undo_of_nothing_is_404() -> None:
    assert signed_in().post("/history/999999/undo/").status_code == 404
    make_agent()
    assert signed_in("manager").post(f"/history/{_id(0)}/undo/").status_code == 404


def test_undo_of_a_creation_is_a_plan_and_after_it_the_row_says_so() -> None:
    agent, client = make_agent(tags=["user_1", "a"], name="Nova"), signed_in("manager")
    page = client.get("/history/")
    assert "Remove these tags…" in entries(page)[0]
    assert soup(page).select(".sets form") == []
    (day,) = soup(page).select(".history-day time")
    assert day["datetime"] == f"{timezone.now():%Y-%m-%d}"
    path = f"/history/{_id(0)}/undo/"
    assert client.post(path)["Location"] == path
    plan = client.get(path)
    assert text_at(plan, ".notice-ownerless") == "1 of 1 agent would have no owner."
    assert tags_of(agent) == ["a", "user_1"]
    client.post(path, {"confirm": "1"})
    assert tags_of(agent) == []
    assert "Undone" in entries(client.get("/history/"))[1]


def test_filters_ignore_case_and_search_the_reason() -> None:
    agent, client = make_agent(), signed_in("viewer")
    mara = make_editor("Mara")
    change_tags(agent_id=agent.public_id, add=["VIP"], actor=mara, reason="Asked by the Team")
    for query in ("by=mara", "tag=vip", "reason=the+team", "by=MARA&tag=Vip"):
        assert len(entries(client.get(f"/history/?{query}"))) == 1, query
    assert entries(client.get("/history/?reason=nobody")) == ["No changes match."]
    assert "Mara" in client.get("/history/people/?q=mar").content.decode()
