"""/bulk/csv/: rows pasted or in a file, the plan with its refused lines, the change."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agents.models import BulkPlan
from tests.helpers import make_agent, tags_of
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    agent = make_agent()
    client = signed_in("manager")
    rows = f"agent_id,tag\r\n{agent.public_id},vip\r\nnobody,x\r\n"
    response = client.post("/bulk/csv/", {"rows": rows, "reason": "list"})
    assert response.status_code == 303
    page = client.get(response["Location"])
    assert text_at(page, ".plan-counts") == "1 agent will change."
    assert text_at(page, ".plan-refused") == "Line 3: nobody,x names an agent that does not exist."
    client.post(f"{response['Location']}apply/")
    assert tags_of(agent) == ["vip"]


def test_every_line_left_out_can_be_had_before_and_after() -> None:
    agent = make_agent()
    client = signed_in("manager")
    rows = f"{agent.public_id},vip\n" + "".join(f"nobody,=x{n}\n" for n in range(250))
    url = client.post("/bulk/csv/", {"rows": rows})["Location"]
    page = soup(client.get(url))
    assert len(page.select(".plan-refused li")) == 200
    assert (
        page.select_one(f"a[href='{url}refused.csv']").get_text()
        == "Download all skipped lines as CSV"
    )
    client.post(f"{url}apply/")
    link = soup(client.get(url)).select_one(f"a[href='{url}refused.csv']")
    assert link.get_text() == "Skipped lines: 250"
    answer = client.get(link["href"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    head, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    why = "names an agent that does not exist."
    assert head == ["line", "text", "why"]
    assert lines == [[str(n + 2), f"nobody,=x{n}", why] for n in range(250)]


def test_file_is_read_as_utf8_with_or_without_a_mark() -> None:
    agent = make_agent()
    client = signed_in("manager")
    content = f"agent_id,tag\n{agent.public_id},größe\n".encode("utf-8-sig")
    response = client.post("/bulk/csv/", {"file": SimpleUploadedFile("tags.csv", content)})
    client.post(f"{response['Location']}apply/")
    assert tags_of(agent) == ["größe"]


def test_file_that_is_no_text_is_refused_at_its_field() -> None:
    file = SimpleUploadedFile("tags.csv", b"\xff\xfe\x00")
    response = signed_in("manager").post("/bulk/csv/", {"file": file, "reason": "why"})
    assert response.status_code == 422
    assert text_at(response, "#id_file_error") == (
        "The file looks like UTF-16 text, but is damaged."
    )
    assert soup(response).select_one("#id_reason")["value"] == "why"


def test_rows_that_cannot_be_used_stay_in_the_field() -> None:
    response = signed_in("manager").post("/bulk/csv/", {"rows": "nobody,x"})
    assert response.status_code == 422
    assert soup(response).select_one("#id_rows").get_text().strip() == "nobody,x"
    assert text_at(response, "#id_rows_error") == (
        "No row can be used. Line 1: nobody,x names an agent that does not exist."
    )
    assert not BulkPlan.objects.exists()


def test_what_was_trimmed_and_assumed_stands_in_the_plan() -> None:
    agent = make_agent()
    client = signed_in("manager")
    content = f"Agent ID;Tag\r\n{agent.public_id} ;café\r\n;;\r\n".encode("cp1252")
    response = client.post("/bulk/csv/", {"file": SimpleUploadedFile("tags.csv", content)})
    assumed, trimmed = soup(client.get(response["Location"])).select(".plan-noted li")
    assert "Read as Windows-1252" in assumed.get_text()
    assert "Line 2: " in trimmed.get_text()
    assert "had spaces at its start or end" in trimmed.get_text()
    client.post(f"{response['Location']}apply/")
    assert tags_of(agent) == ["café"]


@pytest.mark.parametrize("form", ["wide", "long"])
def test_an_export_reads_back(form: str) -> None:
    agent = make_agent(tags=["=1", " a ", "b,c", "user_1"])
    client = signed_in("manager")
    whole = client.get(f"/agents/export.csv?form={form}")
    data = b"".join(whole.streaming_content)  # type: ignore[attr-defined]
    response = client.post("/bulk/csv/", {"file": SimpleUploadedFile("agents.csv", data)})
    page = client.get(response["Location"])
    assert not soup(page).select(".plan-refused li, .plan-noted li")
    assert BulkPlan.objects.get().matched == 1
    assert tags_of(agent) == [" a ", "=1", "b,c", "user_1"]
