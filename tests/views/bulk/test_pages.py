"""Picking agents in the list, planning a bulk change, applying it, undoing it: the pages."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from agents.core.filters import AgentFilter
from agents.core.limits import BULK_AT_ONCE
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.bulk import run
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.tags.edit import change_tags
from agents.models import BulkOp, BulkPlan, ChangeSet, Tag
from tests.helpers import ROOT, all_tags, everything, make_agent, tags_of
from tests.views.browsing import HX, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def pick(client: Client, query: str = "", *, act: str = "", **data: Any) -> Any:
    return client.post("/bulk/selection/", {"list": f"/agents/?{query}", "act": act, **data})


def plan_all(client: Client, query: str, op: str = "add", **data: str) -> str:
    """Pick all that match and plan a change; the address of the plan."""
    pick(client, query, act="all")
    response = client.post(f"/bulk/new/?{query}&op={op}", data)
    assert response.status_code == 303, soup(response).select_one("main")
    return str(response["Location"])


def said(response: Any) -> str:
    return text_at(response, ".bulk-said")


def ticked(response: Any) -> list[str]:
    return [str(box["value"]) for box in soup(response).select(".pick[name=agent][checked]")]


def test_it_works() -> None:
    one, two, other = make_agent(tags=["t"]), make_agent(tags=["t", "vip"]), make_agent()
    client = signed_in("manager")
    response = pick(client, "any=t", act="all")
    assert (response.status_code, response["Location"]) == (303, "/agents/?any=t")
    url = plan_all(client, "any=t", add="vip, new", reason="spring")
    page = client.get(url)
    assert text_at(page, "h1") == "Add vip, new"
    assert text_at(page, ".plan-counts") == "2 agents will change."
    assert tags_of(one) == ["t"]
    response = client.post(f"{url}apply/")
    assert (response.status_code, response["Location"]) == (303, url)
    assert [tags_of(agent) for agent in (one, two, other)] == [
        ["new", "t", "vip"],
        ["new", "t", "vip"],
        [],
    ]
    page = client.get(url)
    assert text_at(page, "#plan-h") == "Done"
    assert soup(page).select_one("#back")["href"] == "/agents/?any=t"
    assert said(client.get("/agents/?any=t")) == "No agents selected."
    response = client.post(f"{url}undo/")
    assert text_at(client.get(response["Location"]), "#plan-h") == "Done"
    assert all_tags() == {
        one.public_id: {"t"}, two.public_id: {"t", "vip"}, other.public_id: set()
    }  # fmt: skip


def test_selection_is_kept_by_filter_and_over_pages() -> None:
    agents = [make_agent(name=f"n{i}", tags=["t"]) for i in range(3)]
    ids = [agent.public_id for agent in agents]
    client = signed_in("manager")
    pick(client, "any=t", shown=ids[:2], agent=ids[:1])
    pick(client, "any=t", shown=ids[2:], agent=ids[2:])
    page = client.get("/agents/?any=t&sort=name")
    assert (said(page), ticked(page)) == ("2 selected.", [ids[0], ids[2]])
    assert said(client.get("/agents/")) == "No agents selected."
    pick(client, "any=t", shown=ids[:2], agent=[])
    assert ticked(client.get("/agents/?any=t")) == [ids[2]]


def test_all_that_match_but_some() -> None:
    one, two = make_agent(tags=["t"]), make_agent(tags=["t"])
    client = signed_in("manager")
    pick(client, "any=t", act="all")
    both = [one.public_id, two.public_id]
    pick(client, "any=t", shown=both, agent=[two.public_id])
    page = client.get("/agents/?any=t")
    assert (said(page), ticked(page)) == (
        "All matching agents are selected except 1.",
        [two.public_id],
    )
    response = client.post("/bulk/new/?any=t&op=add", {"add": "vip"})
    client.post(f"{response['Location']}apply/")
    assert (tags_of(one), tags_of(two)) == (["t"], ["t", "vip"])


def test_selection_as_a_fragment_says_what_is_picked_on_the_page() -> None:
    agent = make_agent()
    client = signed_in("manager")
    data = {"list": "/agents/", "shown": [agent.public_id], "act": "all"}
    response = client.post("/bulk/selection/", data, headers=HX)
    assert not is_page(response)
    assert soup(response).form["data-picked"] == agent.public_id
    response = client.post("/bulk/selection/", data | {"act": "add"}, headers=HX)
    assert response["HX-Redirect"] == "/bulk/new/?&op=add"


def test_plan_with_bad_input_keeps_what_was_typed() -> None:
    make_agent()
    client = signed_in("manager")
    pick(client, "", act="all")
    before = everything()
    response = client.post("/bulk/new/?op=replace", {"remove": "a, b", "add": "c", "reason": "why"})
    assert response.status_code == 422
    assert text_at(response, ".field-error") == "Name exactly one tag here."
    values = [box["value"] for box in soup(response).select("main input.input")]
    assert values == ["a, b", "c", "why"]
    assert everything() == before


def test_plan_without_a_selection_says_so() -> None:
    make_agent()
    client = signed_in("manager")
    response = client.post("/bulk/new/?op=add", {"add": "vip"})
    assert response.status_code == 422
    assert not BulkPlan.objects.exists()


def test_apply_shows_the_difference_first_where_the_list_changed() -> None:
    first, _ = make_agent(tags=["t"]), make_agent(tags=["t"])
    client = signed_in("manager")
    url = plan_all(client, "any=t", add="vip")
    late = make_agent(tags=["t"])
    change_tags(agent_id=first.public_id, remove=["t"], actor=ROOT)
    response = client.post(f"{url}apply/")
    assert response["Location"] != url
    assert tags_of(late) == ["t"]
    page = client.get(response["Location"])
    assert text_at(page, ".message-warning") == (
        "The matching agents changed since the previous plan: 1 more agent matches, 1 no longer matches. "
        "This plan covers the agents that match now."
    )
    client.post(f"{response['Location']}apply/")
    assert (tags_of(late), tags_of(first)) == (["t", "vip"], [])


def test_second_click_does_nothing_more() -> None:
    make_agent(tags=["t"])
    client = signed_in("manager")
    url = plan_all(client, "any=t", add="vip")
    client.post(f"{url}apply/")
    count = ChangeSet.objects.count()
    assert client.post(f"{url}apply/")["Location"] == url
    undo = client.post(f"{url}undo/")["Location"]
    assert client.post(f"{url}undo/")["Location"] == undo
    assert ChangeSet.objects.count() == count + 1


def test_history_undoes_a_bulk_change_by_its_own_run() -> None:
    agents = [make_agent(tags=["t"]) for _ in range(2)]
    client = signed_in("manager")
    url = plan_all(client, "any=t", add="vip")
    client.post(f"{url}apply/")
    change_set = BulkPlan.objects.get().change_set_id
    response = client.post(f"/history/{change_set}/undo/")
    assert response.status_code == 303
    assert text_at(client.get(response["Location"]), "h1") == "Undo a bulk change"
    assert [tags_of(agent) for agent in agents] == [["t"], ["t"]]


def test_plan_that_changes_nothing_has_no_button() -> None:
    make_agent(tags=["vip"])
    client = signed_in("manager")
    url = plan_all(client, "", add="vip")
    assert soup(client.get(url)).select("#apply") == []
    assert client.post(f"{url}apply/").status_code == 409


def test_results_name_each_agent(settings: object) -> None:
    settings.MAX_TAGS_PER_AGENT = 1
    full, free = make_agent(name="=full", tags=["a"]), make_agent(name="free")
    client = signed_in("manager")
    url = plan_all(client, "", add="vip")
    client.post(f"{url}apply/")
    text = b"".join(client.get(f"{url}results/").streaming_content).decode("utf-8-sig")
    assert text.splitlines() == [
        "agent_id,name,result,why",
        f"{free.public_id},free,changed,",
        f'{full.public_id},\'=full,skipped,"it would have 2 tags; the limit is 1"'.replace('"', ""),
    ]
    assert "it would have 2 tags; the limit is 1" in text_at(client.get(url), ".plan-refused")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_managers_see_the_boxes(role: str) -> None:
    make_agent()
    assert soup(signed_in(role).get("/agents/")).select("#bulk, .pick") == []


@pytest.mark.django_db(transaction=True)
def test_large_change_is_left_to_the_worker() -> None:
    count = BULK_AT_ONCE + 1
    create_agents([NewAgent(model="m/1", tags=["t"]) for _ in range(count)], actor=ROOT)
    client = signed_in("manager")
    url = plan_all(client, "any=t", add="vip")
    client.post(f"{url}apply/")
    page = client.get(url)
    assert text_at(page, "#plan-h") == "Running"
    assert soup(page).select_one("#progress")["hx-trigger"] == "every 1s"
    client.post(f"{url}stop/")
    assert text_at(client.get(url), "#plan-h") == "Stopped"
    client.post(f"{url}resume/")
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    page = client.get(url, headers=HX)
    assert not is_page(page)
    assert text_at(page, "#plan-h") == "Done"
    assert Tag.objects.get(name="vip").n == count
    plan = client.post(f"{url}undo/")["Location"]
    assert "2,001 agents" in text_at(client.get(plan), "h1")
    client.post(plan, {"confirm": "1"})
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    assert Tag.objects.get(name="vip").n == 0


def test_plan_of_very_many_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.domain.bulk.planning._STEP", 2)
    monkeypatch.setattr("agents.domain.bulk.plans.BULK_PLANNED_AT_ONCE", 2)
    for _ in range(5):
        make_agent(tags=["t"])
    client = signed_in("manager")
    url = plan_all(client, "any=t", add="vip")
    page = client.get(url)
    assert text_at(page, "#plan-h") == "Planning"
    bar = soup(page).select_one("#plan-progress")
    assert (bar["max"], bar["value"]) == ("5", "2")
    assert soup(page).select_one("#progress")["hx-trigger"] == "every 1s"
    assert soup(page).select_one("#apply") is None
    refused = client.post(f"{url}apply/")
    assert (refused.status_code, text_at(refused, "#plan-h")) == (409, "Planning")
    client.post(f"{url}stop/")
    page = client.get(url)
    assert text_at(page, "#plan-h") == "Planning stopped"
    assert soup(page).select_one("#progress").get("hx-trigger") is None
    client.post(f"{url}resume/")
    while run.step(BulkPlan.objects.get().id):
        pass
    page = client.get(url)
    assert text_at(page, ".plan-counts") == "5 agents will change."


@pytest.mark.django_db(transaction=True)
def test_large_plan_that_no_longer_holds_leads_to_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.domain.bulk.refresh.BULK_PLANNED_AT_ONCE", 1)
    monkeypatch.setattr("agents.domain.bulk.run.BULK_AT_ONCE", 1)
    agents = [make_agent(tags=["t"]) for _ in range(3)]
    client = signed_in("manager")
    url = plan_all(client, "any=t", add="vip")
    change_tags(agent_id=agents[0].public_id, remove=["t"], actor=ROOT)
    client.post(f"{url}apply/")
    assert text_at(client.get(url), "#plan-h") == "Running"
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    page = client.get(url)
    assert (text_at(page, "#plan-h"), soup(page).select("#apply")) == ("The plan", [])
    assert soup(page).select(".message-warning") == []
    newer = client.get(str(soup(page).select_one("#newer")["href"]))
    assert text_at(newer, "#apply") == "Apply to 2 agents"
    assert "1 no longer matches." in text_at(newer, ".message-warning")
    assert not Tag.objects.filter(name="vip").exists()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (AgentFilter(visible=True), "Agents."),
        (AgentFilter(), "Agents including hidden ones."),
        (
            AgentFilter(any=("a",), none=("b",), name="Bob", visible=True),
            "Agents with a and not b, named Bob.",
        ),
        (AgentFilter(ids=("x", "y")), "2 agents picked one by one."),
        (AgentFilter(any=("a",), ids=("x",)), "Agents with a, of 1 picked one by one."),
        (
            AgentFilter(identities=("x",), userless=True, visible=True),
            "Agents without a user, of a given identity.",
        ),
    ],
)
def test_plan_says_which_agents_it_was_made_for(wanted: AgentFilter, said: str) -> None:
    change = BulkChange(BulkOp.ADD, add=["vip"])
    plan = make_plan(selection=Selection(wanted), change=change, actor=ROOT)
    page = signed_in("manager").get(plan.get_absolute_url())
    assert text_at(page, ".impact dd:first-of-type") == said.rstrip(".")


def test_the_selection_can_be_exported() -> None:
    picked, other = make_agent(name="Picked"), make_agent(name="Other")
    client = signed_in("manager")
    shown = f"{picked.public_id} {other.public_id}"
    data = {"list": "/agents/", "shown": shown, "agent": [picked.public_id], "act": "export-csv"}
    url = client.post("/bulk/selection/", data)["Location"]
    text = b"".join(client.get(url).streaming_content).decode()
    assert (picked.public_id in text, other.public_id in text) == (True, False)
    client.post("/bulk/selection/", {"list": "/agents/", "act": "all"})
    data = {"list": "/agents/", "shown": shown, "agent": [other.public_id], "act": "export-csv"}
    text = b"".join(
        client.get(client.post("/bulk/selection/", data)["Location"]).streaming_content
    ).decode()
    assert (picked.public_id in text, other.public_id in text) == (False, True)


def test_a_session_keeps_ids_of_agents_and_no_other_text() -> None:
    agent = make_agent()
    client = signed_in("manager")
    client.post(
        "/bulk/selection/",
        {"agent": [agent.public_id, "x" * 100_000], "shown": f"{'y' * 100_000} {agent.public_id}"},
    )
    (stored,) = client.session["selections"].values()
    assert stored["ids"] == [agent.public_id]
    client.post("/bulk/selection/", {"act": "page", "shown": f"{'y' * 100_000} {agent.public_id}"})
    (stored,) = client.session["selections"].values()
    assert stored["ids"] == [agent.public_id]
