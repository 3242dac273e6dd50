"""What ADE does not keep reads as empty, and refuses a write with 501."""

import pytest

from agents.api.letta import not_kept
from tests.api.calls import NOBODY, call
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db
OBJECTS = {"environments", "projects"}
OBJECTS_OF_AGENT = {"archival-memory/search", "files", "repositories", "runtime-status", "schedule"}
REFUSAL = {"detail": not_kept.REFUSAL, "code": "not_implemented"}


@pytest.mark.parametrize("name", not_kept.COLLECTIONS)
def test_a_collection_is_empty_and_takes_nothing(name: str) -> None:
    for path in (f"/v1/{name}/", f"/v1/{name}", f"/v1/{name}/?limit=5&after=x"):
        found = call("GET", path)
        assert (found.status_code, isinstance(found.json(), dict)) == (200, name in OBJECTS)
    built_in = len(call("GET", "/v1/tools/").json()) if name == "tools" else 0
    assert call("GET", f"/v1/{name}/count").json() == built_in
    assert call("GET", f"/v1/{name}/some-id/more").status_code == 404
    for method, path in (("POST", ""), ("PATCH", "some-id"), ("DELETE", "some-id")):
        refused = call(method, f"/v1/{name}/{path}", {})
        assert (refused.status_code, refused.json()) == (501, REFUSAL)


@pytest.mark.parametrize("name", not_kept.OF_AGENT)
def test_an_agent_has_none_and_takes_none(name: str) -> None:
    url = f"/v1/agents/{make_agent().public_id}/{name}"
    found = call("GET", url)
    assert (found.status_code, isinstance(found.json(), dict)) == (200, name in OBJECTS_OF_AGENT)
    assert call("POST", url, {}).status_code == 501
    assert call("DELETE", f"{url}/some-id").status_code == 501
    for method in ("GET", "POST"):
        assert call(method, f"/v1/agents/{NOBODY}/{name}", {}).status_code == 404
        assert call(method, f"/v1/agents/nope/{name}", {}).status_code == 422


def test_a_message_is_not_taken_for_delivered() -> None:
    url = f"/v1/agents/{make_agent().public_id}"
    for path in ("messages", "messages/stream", "messages/async", "summarize", "recompile"):
        refused = call("POST", f"{url}/{path}", {"input": "Hello"})
        assert (refused.status_code, refused.json()) == (501, REFUSAL)


@pytest.mark.parametrize("path", not_kept.SEARCHES)
def test_a_search_finds_nothing(path: str) -> None:
    assert call("POST", f"/v1/{path}", {"query": "x"}).json() == []


@pytest.mark.parametrize("path", ["/v1/bogus/", "/v1/toolsx/", "/v1/tools.json", "/v1/agents/x/y"])
def test_other_paths_stay_404(path: str) -> None:
    assert call("GET", path).status_code == 404
    assert call("POST", path, {}).status_code == 404


def test_files_of_an_agent_have_the_form_that_lettas_clients_page_through() -> None:
    answer = call("GET", f"/v1/agents/{make_agent().public_id}/files?is_open=true").json()
    assert answer == {"files": [], "next_cursor": None, "has_more": False}
