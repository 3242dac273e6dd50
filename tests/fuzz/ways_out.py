"""Every way in which a tag's text is told. Each gives the tags told of one agent, or of all that is
there; the one looked for must be among them to the byte, and a twin must not."""

import csv
import io
import json
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from agents.core.csv_cells import unguarded
from agents.models import SavedView
from tests.api.calls import call
from tests.fuzz.desk import Desk, queries, values


def told_of_agent(desk: Desk, agent: str) -> dict[str, list[str]]:
    """The tags of an agent, by where they are told."""
    own = f"/agents/{agent}/"
    settings, news = desk.page(f"{own}settings/"), desk.page(f"{own}history/")
    file = json.loads(desk.get(f"{own}file/").content)
    exported = desk.call("GET", f"/v1{own}export")
    shown = json.loads(desk.page(f"{own}json/").select_one("#json pre").get_text())
    return {
        "GET": desk.call("GET", f"/v1/agents/{agent}")["tags"],
        "overview": queries(desk.page(own), "#main .chip", "any"),
        "editor, links": queries(settings, "#tag-list .chip", "any"),
        "editor, buttons": values(settings, "#tag-list .chip-remove"),
        "history of the agent": sorted(set(queries(news, "#main .chip", "any"))),
        "file": file["agents"][0]["tags"],
        "export": exported["agents"][0]["tags"],
        "json page": shown["tags"],
    }


def told_of_list(desk: Desk, tag: str) -> dict[str, dict[str, list[str]]]:
    """The tags of each agent that lists of this tag hold, by list."""
    one = [("tags", tag)]
    return {
        "GET list": _listed(desk, one),
        "GET list, all": _listed(desk, [*one, ("match_all_tags", "true")]),
        "page, any": _rows(desk, {"any": tag}),
        "page, all": _rows(desk, {"all": tag}),
        "page, Letta's words": _rows(desk, {"tags": tag}),
        "a saved view": _rows(desk, _saved(desk, tag)),
        "wide CSV": {
            cells[0]: json.loads(cells[8])
            for cells in _cells(desk, "/agents/export.csv", {"any": tag})
        },
        "long CSV": {
            cells[0]: [unguarded(cells[1])]
            for cells in _cells(desk, "/agents/export.csv", {"any": tag, "form": "long"})
        },
        "the first ten": _few(desk, tag),
        "page of the user": _rows(desk, {"name": tag}, "/users/one/"),
    }


def told_of_all(desk: Desk, tag: str) -> dict[str, list[str]]:
    """Tags, whatever agents carry them, by where they are told; `tag` must be one of each."""
    tag_page = desk.page("/tags/one/", {"name": tag})
    user_page = desk.page("/users/one/", {"name": tag})
    history = desk.call("GET", f"/v1/history/?{urlencode({'tag': tag})}")["history"]
    receipt = _cells(desk, f"/history/{history[0]['id']}/receipt.csv")
    listed = desk.page("/agents/", {"any": tag})
    suggested = desk.page("/tags/suggest/", {"q": "", "known": "1"})
    return {
        "GET tags": desk.call("GET", "/v1/tags/?limit=0"),
        "suggestions": values(suggested, "[data-value]", "data-value"),
        "the filter": values(listed, "input[name=any]"),
        "the tag's page, copied": values(tag_page, "h1 .copy", "data-copy"),
        "the tag's page, form": values(tag_page, "main input[name=name]"),
        "the user's page, copied": values(user_page, "h1 .copy", "data-copy"),
        "the user's page, form": values(user_page, "main input[name=name]"),
        "the user's page, calls": _called(user_page),
        "history": [change["tag"] for one in history for change in one["changes"]],
        "history page": queries(desk.page("/history/", {"tag": tag}), "#main .chip", "any"),
        "history filter": values(desk.page("/history/", {"tag": tag}), "#main input[name=tag]"),
        "receipt": [unguarded(cells[3]) for cells in receipt],
        "directory": [
            unguarded(cells[0])
            for kind in ("", "users")
            for cells in _cells(desk, "/tags/export.csv", {"kind": kind})
        ],
        "a new view": queries(listed, ".list-more a", "any"),
    }


def counted(desk: Desk, tag: str) -> dict[str, int]:
    """How many agents carry it, by who says so."""
    query = urlencode({"tags": tag})
    everyone = desk.call("GET", "/v1/agents/count")
    without = desk.call("GET", f"/v1/agents/count?{urlencode({'exclude_tags': tag})}")
    page = desk.page("/agents/", {"all": tag}).select_one(".list-sentence .count")
    return {
        "count": desk.call("GET", f"/v1/agents/count?{query}"),
        "those without it": everyone - without,
        "page": int(page.get_text().split()[0].replace(",", "")),
    }


def words_of_refusal(desk: Desk, agent: str, tag: str) -> dict[str, tuple[int, str]]:
    """What refuses an illegal tag, by where it was given: the status and the text of the answer."""

    def asked(method: str, path: str, body: Any) -> tuple[int, str]:
        answer = call(method, path, body, token=desk.token)
        return answer.status_code, _plain(answer.json())

    key = {"name": "k", "limit_tag": tag}
    return {
        "POST": asked("POST", "/v1/agents/", {"model": "a/b", "tags": [tag]}),
        "PATCH": asked("PATCH", f"/v1/agents/{agent}", {"tags": ["fine", tag]}),
        "a delta": asked("POST", f"/v1/agents/{agent}/tags", {"add": ["fine", tag]}),
        "rows": asked("POST", "/v1/bulk/rows", {"rows": [{"agent_id": agent, "tag": tag}]}),
        "a bulk change": asked("POST", "/v1/bulk/", {"filter": {}, "op": "add", "add": [tag]}),
        "a key": asked("POST", "/v1/keys/", key),
    }


def _plain(value: Any) -> str:
    detail = value["detail"]
    return detail if isinstance(detail, str) else " ".join(one["msg"] for one in detail)


def _listed(desk: Desk, query: list[tuple[str, str]]) -> dict[str, list[str]]:
    found = desk.call("GET", f"/v1/agents/?{urlencode([*query, ('limit', '0')])}")
    return {agent["id"]: agent["tags"] for agent in found}


def _rows(desk: Desk, query: Any, path: str = "/agents/") -> dict[str, list[str]]:
    page = desk.page(path, query)
    return {
        str(row.select_one(".row-id.copy")["data-copy"]): queries(
            row, ":is(.row-owner, .row-tags) .chip", "all"
        )[-1:]
        for row in page.select("table.rows tbody tr")
    }


def _few(desk: Desk, tag: str) -> dict[str, list[str]]:
    page = desk.page("/tags/one/", {"name": tag})
    rows = page.select("section:has(#agents-h) table.dir tbody tr")
    return {
        str(row.select_one("th a")["href"]).split("/")[2]: queries(row, ".chip", "any")
        for row in rows
    }


def _saved(desk: Desk, tag: str) -> Any:
    """The address that a view of this tag leads to, as the query of a list."""
    desk.send(f"/views/new/?{urlencode({'any': tag})}", {"name": "seen"})
    view = SavedView.objects.order_by("-id")[0]
    answer = desk.browser.get(view.get_absolute_url())
    assert answer.status_code == 302
    return parse_qsl(answer.headers["Location"].partition("?")[2])


def _cells(desk: Desk, path: str, query: Any = None) -> list[list[str]]:
    response = desk.browser.get(path, query)
    assert response.status_code == 200
    text = io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")
    return list(csv.reader(text, strict=True))[1:]


def _called(page: Any) -> list[str]:
    """The tag as each of the calls that the page offers asks for it."""
    found = []
    for call_ in values(page, "#main .calls .copy", "data-copy"):
        if call_.startswith("curl"):
            found += [unquote_plus(call_.split("?tags=")[1].split('"')[0])]
    return found
