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
    assert text_at(page, ".plan-refused") == "Line 3: nobody,x names an agent that is not there."
    client.post(f"{response['Location']}apply/")
    assert tags_of(agent) == ["vip"]


def test_every_line_left_out_can_be_had_before_and_after() -> None:
    agent = make_agent()
    client = signed_in("manager")
    rows = f"{agent.public_id},vip\n" + "".join(f"nobody,=x{n}\n" for n in range(250))
    url = client.post("/bulk/csv/", {"rows": rows})["Location"]
    page = soup(client.get(url))
    assert len(page.select(".plan-refused li")) == 200
    assert page.select_one(f"a[href='{url}refused.csv']").get_text() == "All lines left out, as CSV"
    client.post(f"{url}apply/")
    link = soup(client.get(url)).select_one(f"a[href='{url}refused.csv']")
    assert link.get_text() == "Lines left out: 250"
    answer = client.get(link["href"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    head, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    why = "names an agent that is not there."
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
    assert text_at(response, "#id_file_error") == "The file is not UTF-8 text."
    assert soup(response).select_one("#id_reason")["value"] == "why"


def test_rows_that_cannot_be_used_stay_in_the_field() -> None:
    response = signed_in("manager").post("/bulk/csv/", {"rows": "nobody,x"})
    assert response.status_code == 422
    assert soup(response).select_one("#id_rows").get_text().strip() == "nobody,x"
    assert text_at(response, "#id_rows_error") == (
        "No row can be used. Line 1: nobody,x names an agent that is not there."
    )
    assert not BulkPlan.objects.exists()
