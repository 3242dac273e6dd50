"""Every way in which a tag's text comes in. Each gives the id of an agent that now carries it."""

import csv
import io
import json
from collections.abc import Callable
from urllib.parse import urlencode

from agents.core.csv_cells import unguarded
from agents.core.tag_text import quote
from agents.views.core.csv_text import csv_text
from tests.fuzz.desk import MODEL, Desk, agent_file, newest, upload
from tests.helpers import make_agent

Way = Callable[[Desk, str], str]


def _create_page(desk: Desk, tag: str) -> str:
    desk.send("/agents/new/", {"name": "Max", "model": MODEL, "exact": tag})
    return newest()


def _chosen(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    desk.send(f"/agents/{agent}/tags/", {"exact": tag})
    return agent


def _uploaded(desk: Desk, tag: str) -> str:
    desk.send("/agents/upload/", {"file": upload(agent_file([tag])), "again": "1"})
    return newest()


def _pasted_rows(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    desk.apply(desk.send("/bulk/csv/", {"rows": csv_text([[agent, tag]])}))
    return agent


def _file_of_rows(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    rows = csv_text([["agent_id", "tag"], [agent, tag]])
    desk.apply(desk.send("/bulk/csv/", {"file": upload(rows, "tags.csv")}))
    return agent


def _plain_rows(desk: Desk, tag: str) -> str:
    """Rows as any other program writes them, which guards nothing."""
    if tag != tag.strip() or tag != unguarded(tag):
        return _file_of_rows(desk, tag)  # only who knows of the guard can write this one
    agent, text = desk.bare(), io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([agent, tag])
    desk.apply(desk.send("/bulk/csv/", {"file": upload(text.getvalue(), "tags.csv")}))
    return agent


def _replaced(desk: Desk, tag: str) -> str:
    agent = str(make_agent(tags=["before"]).public_id)
    change = {"filter": {}, "agent_ids": [agent], "op": "replace"}
    plan = desk.call("POST", "/v1/bulk/", change | {"add": [tag], "remove": ["before"]})
    desk.call("POST", f"/v1/bulk/{plan['id']}/apply")
    return agent


def _api_rows(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    plan = desk.call("POST", "/v1/bulk/rows", {"rows": [{"agent_id": agent, "tag": tag}]})
    desk.call("POST", f"/v1/bulk/{plan['id']}/apply")
    return agent


def _api_create(desk: Desk, tag: str) -> str:
    return str(desk.call("POST", "/v1/agents/", {"model": MODEL, "tags": [tag]})["id"])


def _api_patch(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    desk.call("PATCH", f"/v1/agents/{agent}", {"tags": [tag]})
    return agent


def _api_delta(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    desk.call("POST", f"/v1/agents/{agent}/tags", {"add": [tag]})
    return agent


def _assigned(desk: Desk, tag: str) -> str:
    """The tag is known by now."""
    agent = desk.bare()
    desk.send("/users/one/", {"name": tag, "agents": agent})
    return agent


def _copied(desk: Desk, tag: str) -> str:
    source = _api_create(desk, tag)
    page = desk.page(f"/agents/new/?{urlencode({'copy': source, 'tag': tag})}")
    boxes = page.select("input[name=exact]")
    assert [box["value"] for box in boxes] == [tag]
    form = {"name": "Copy", "model": MODEL, "exact": str(boxes[0]["value"])}
    desk.send(f"/agents/new/?copy={source}", form)
    return newest()


def _moved_by_file(desk: Desk, tag: str) -> str:
    """Out as a file of one agent, in again as another."""
    source = _api_create(desk, tag)
    file = json.loads(desk.get(f"/agents/{source}/file/").content)
    desk.send("/agents/upload/", {"file": upload(file), "again": "1"})
    return newest()


EXACT: dict[str, Way] = {
    "a new agent's page": _create_page,
    "a chosen suggestion": _chosen,
    "an uploaded file": _uploaded,
    "an imported file": lambda desk, tag: desk.import_file([tag]),
    "pasted rows": _pasted_rows,
    "a file of rows": _file_of_rows,
    "rows of another program": _plain_rows,
    "rows of the API": _api_rows,
    "a bulk change of the API": _replaced,
    "POST": _api_create,
    "PATCH": _api_patch,
    "a delta": _api_delta,
    "an assignment": _assigned,
    "a copy": _copied,
    "an exported file": _moved_by_file,
}


def _typed(desk: Desk, tag: str) -> str:
    agent = desk.bare()
    desk.send(f"/agents/{agent}/tags/", {"tag": quote(tag)})
    return agent


def _typed_for_new(desk: Desk, tag: str) -> str:
    desk.send("/agents/new/", {"name": "Max", "model": MODEL, "tags": quote(tag)})
    return newest()


def _typed_for_upload(desk: Desk, tag: str) -> str:
    sent = {"file": upload(agent_file([])), "tags": quote(tag), "again": "1"}
    desk.send("/agents/upload/", sent)
    return newest()


def _typed_for_bulk(desk: Desk, tag: str) -> str:
    agent = str(make_agent(tags=["picked"]).public_id)
    desk.send("/bulk/selection/", {"list": "/agents/?all=picked", "shown": agent, "agent": agent})
    desk.apply(desk.send("/bulk/new/?all=picked&op=add", {"add": quote(tag)}))
    desk.call("POST", f"/v1/agents/{agent}/tags", {"remove": ["picked"]})
    return agent


# These tidy what was typed, so they take a tag that is tidy already.
TYPED: dict[str, Way] = {
    "the add field": _typed,
    "the form of a new agent": _typed_for_new,
    "the form of a file": _typed_for_upload,
    "the form of a bulk change": _typed_for_bulk,
}
