"""GET /agents/export.csv: the whole list of a filter as a file."""

import csv
import gc
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ade.models import User
from agents.core.errors import NotAllowed
from agents.core.filters import AgentFilter
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.transfer import downloads
from agents.domain.transfer.downloads import RUNNING_MOST
from agents.models import Agent
from agents.queries.agents.export import export_batches
from tests.helpers import ROOT, make_agent, make_key_actor
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db

URL = "/agents/export.csv"


def read(response: Any) -> list[list[str]]:
    """The file's cells, without its head. Whoever reads an answer to its end has closed it."""
    assert response.status_code == 200
    text = response.getvalue().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def names(response: Any) -> list[str]:
    return [cells[1] for cells in read(response)]


def test_excel_gets_a_byte_order_mark_and_a_program_none() -> None:
    client = signed_in("viewer")
    for path in (URL, f"{URL}?form=long", "/tags/export.csv"):
        joined = f"{path}{'&' if '?' in path else '?'}bom=no"
        marked, plain = client.get(path).getvalue(), client.get(joined).getvalue()
        assert marked == "\ufeff".encode() + plain


def make_many(count: int, **fields: Any) -> list[Agent]:
    specs = [NewAgent(name=f"n{n}", model="openai/gpt-4o", **fields) for n in range(count)]
    return create_agents(specs, actor=ROOT)


def test_it_works() -> None:
    odd = 'a, "b"\nc'
    make_agent(name="Bare")
    agent = make_agent(
        name="Nova, the\nsecond",
        model="openai/gpt-4o",
        embedding="openai/ada",
        context_window_limit=32000,
        description="Helps “all”.",
        tags=["vip", "user_1", odd],
    )
    with time_machine.travel(datetime(2026, 1, 31, 12, tzinfo=UTC), tick=False):
        response = signed_in("viewer").get(URL)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="agents-2026-01-31.csv"'
    first, second = read(response)
    assert first[:6] == [
        agent.public_id,
        "Nova, the\nsecond",
        "Helps “all”.",
        "openai/gpt-4o",
        "openai/ada",
        "32000",
    ]
    assert [datetime.fromisoformat(cell) for cell in first[6:8]] == [
        agent.created_at,
        agent.updated_at,
    ]
    assert json.loads(first[8]) == ["user_1", odd, "vip"]
    assert second[1:6] == ["Bare", "", "letta/letta-free", "", ""]
    assert json.loads(second[8]) == []


def test_the_long_form_has_a_line_for_each_agent_and_tag() -> None:
    make_agent(name="Bare")
    agent = make_agent(tags=["vip", "user_1"])
    rows = read(signed_in().get(URL, {"form": "long"}))
    assert rows == [[agent.public_id, "user_1"], [agent.public_id, "vip"]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    legal_tag = "\r" not in text
    agent = make_agent(name=text, description=text, tags=[text] if legal_tag else [])
    (row,) = read(signed_in().get(URL))
    assert row[1:3] == [f"'{text}"] * 2
    assert json.loads(row[8]) == ([text] if legal_tag else [])
    if legal_tag:
        rows = read(signed_in("viewer").get(URL, {"form": "long"}))
        assert rows == [[agent.public_id, f"'{text}"]]


def test_it_is_the_list_of_the_filter_and_its_order() -> None:
    for name, tags in (("b", ["user_1"]), ("a", ["user_1", "vip"]), ("c", ["user_2"])):
        make_agent(name=name, tags=tags)
    client = signed_in()
    assert names(client.get(f"{URL}?all=user_1&sort=name")) == ["a", "b"]
    assert names(client.get(f"{URL}?any=user_1&any=user_2&none=vip&size=25")) == ["c", "b"]
    assert names(client.get(f"{URL}?q=C")) == ["c"]
    assert names(client.get(f"{URL}?any=nobody")) == []


@pytest.mark.parametrize("sort", ["-created", "created", "-updated", "updated", "name", "-name"])
def test_every_agent_is_there_once_over_several_batches(sort: str) -> None:
    make_many(1203, tags=["user_1"])
    rows = read(signed_in().get(URL, {"sort": sort, "all": "user_1"}))
    found = [cells[0] for cells in rows]
    assert len(found) == 1203
    assert set(found) == set(Agent.objects.values_list("public_id", flat=True))


def test_what_stands_still_is_there_once_while_others_come_and_go() -> None:
    stays = {agent.public_id for agent in make_many(1100)}
    goes = make_many(10)
    batches = export_batches(AgentFilter(), actor=ROOT)
    found = [row.public_id for row in next(batches)]
    make_many(3)
    Agent.objects.filter(pk=goes[0].pk).update(name="changed")
    found += [row.public_id for batch in batches for row in batch]
    assert len(found) == len(set(found))
    assert stays <= set(found)


def test_a_batch_takes_the_same_queries_whatever_it_holds() -> None:
    make_many(3)
    with CaptureQueriesContext(connection) as few:
        list(export_batches(AgentFilter(), actor=ROOT))
    make_many(300, tags=["user_1", "vip"])
    with CaptureQueriesContext(connection) as many:
        list(export_batches(AgentFilter(), actor=ROOT))
    assert len(many) == len(few)


def test_who_sees_one_user_exports_that_user() -> None:
    make_agent(name="theirs", tags=["user_2"])
    make_agent(name="mine", tags=["user_1"])
    batches = export_batches(AgentFilter(), actor=make_key_actor("user_1"))
    assert [row.name for batch in batches for row in batch] == ["mine"]


@pytest.mark.parametrize(
    "query", ["sort=wrong", "any=" + "x" * 513, "after=wrong", "untagged=perhaps", "form=wrong"]
)
def test_a_filter_that_cannot_be_read_exports_nothing(query: str) -> None:
    make_agent()
    response = signed_in().get(f"{URL}?{query}")
    assert response.status_code == 400
    assert text_at(response, ".message-error")


def test_more_than_a_few_at_a_time_are_told_to_wait() -> None:
    make_agent(name="Nova")
    client = signed_in()
    running = [client.get(URL) for _ in range(RUNNING_MOST)]
    refused = client.get(URL)
    assert refused.status_code == 503
    assert client.get("/tags/export.csv").status_code == 503  # whatever file it is
    assert refused["Retry-After"] == "10"
    assert text_at(refused, ".message-error") == (
        "2 exports are running already. Try again when one of them is done."
    )
    assert [names(response) for response in running] == [["Nova"]] * RUNNING_MOST
    for _ in range(RUNNING_MOST + 1):
        assert names(client.get(URL)) == ["Nova"]


def test_answers_that_nobody_closes_shut_no_one_out() -> None:
    make_agent(name="Nova")
    client = signed_in()
    for _ in range(RUNNING_MOST + 1):
        assert client.get(URL).status_code == 200
        gc.collect()
    assert names(client.get(URL)) == ["Nova"]


def test_the_list_leads_to_its_export() -> None:
    make_agent(name="Nova", tags=["user_1", "a&b"])
    page = soup(signed_in("viewer").get("/agents/?all=user_1&all=a%26b&sort=name&size=25"))
    links = [link["href"] for link in page.select("#results a[href^='/agents/export.csv']")]
    query = "?all=user_1&all=a%26b&sort=name&size=25"
    assert links == [f"{URL}{query}", f"{URL}{query}&form=long"]


def test_nobody_is_sent_to_sign_in() -> None:
    assert Client().get(URL)["Location"].startswith("/accounts/login/?next=")


def test_it_is_read_only() -> None:
    assert signed_in().post(URL).status_code == 405


@pytest.mark.parametrize("end", [{"is_active": False}, {"stored_reach": '{"tags":["user_1"]}'}])
def test_it_breaks_off_once_the_reader_may_no_longer(
    end: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "LOOK_AGAIN_SECONDS", 0)
    make_many(3)
    response: Any = signed_in("viewer").get(URL)
    pieces = iter(response.streaming_content)
    assert next(pieces)
    User.objects.update(**end)
    with pytest.raises(NotAllowed):
        list(pieces)
    response.close()
