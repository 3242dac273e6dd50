"""/v1/agents/{id}/core-memory/blocks"""

from typing import Any

import pytest

from tests.api.calls import SEED, call, make_token, wheres

pytestmark = pytest.mark.django_db


def make_blocks(*labels: str, tags: tuple[str, ...] = ()) -> str:
    """The address of the blocks of a new agent with these labels."""
    blocks = [{"label": label, "value": f"{label}!", "limit": 20} for label in labels]
    agent = call("POST", "/v1/agents/", SEED | {"memory_blocks": blocks, "tags": list(tags)})
    return f"/v1/agents/{agent.json()['id']}/core-memory/blocks"


def labels(url: str) -> list[str]:
    return [block["label"] for block in call("GET", url).json()]


def test_list_works() -> None:
    url = make_blocks("persona", "human", "notes")
    assert labels(url) == ["persona", "human", "notes"]
    assert labels(f"{url}?order=desc&limit=2") == ["notes", "human"]


def test_pages_end() -> None:
    url = make_blocks("persona", "human", "notes")
    first, _, third = [block["id"] for block in call("GET", url).json()]
    assert labels(f"{url}?limit=1&after={first}") == ["human"]
    assert labels(f"{url}?after={third}") == []
    assert labels(f"{url}?limit=1&before={third}") == ["human"]
    assert call("GET", f"{url}?after=block-x").status_code == 400


def test_get_and_patch_work() -> None:
    url = make_blocks("human", "a/b")
    assert call("GET", f"{url}/human").json()["value"] == "human!"
    assert call("GET", f"{url}/a/b").json()["label"] == "a/b"
    changed = call("PATCH", f"{url}/human", {"value": "Bob", "description": "who"}).json()
    assert (changed["value"], changed["description"], changed["limit"]) == ("Bob", "who", 20)
    assert call("GET", f"{url}/human").json() == changed


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"value": 5}, ["body", "value"]),
        ({"value": "x" * 21}, ["body", "value"]),
        ({"limit": 0}, ["body", "limit"]),
    ],
)
def test_a_wrong_value_is_422_and_changes_nothing(body: Any, where: list[Any]) -> None:
    url = make_blocks("human")
    assert wheres(call("PATCH", f"{url}/human", body)) == [where]
    assert call("GET", f"{url}/human").json()["value"] == "human!"


@pytest.mark.parametrize("label", ["zzz", "%00"])
def test_an_unknown_label_is_404(label: str) -> None:
    url = make_blocks("human")
    assert call("GET", f"{url}/{label}").status_code == 404
    assert call("PATCH", f"{url}/{label}", {"value": "x"}).status_code == 404


def test_a_limited_key_gets_404_for_the_agent_of_another() -> None:
    url = make_blocks("human", tags=("user_2",))
    token = make_token(limit_tag="user_1")
    assert call("GET", url, token=token).status_code == 404
    assert call("GET", f"{url}/human", token=token).status_code == 404
    assert call("PATCH", f"{url}/human", {"value": "x"}, token=token).status_code == 404
