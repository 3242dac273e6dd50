"""A misspelt filter of a list is understood or refused. It never means "everything"."""

import pytest

from agents.models import Scope
from tests.api.calls import call, make_token, wheres
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db
ANY = "00000000-0000-4000-8000-000000000000"
LISTS = [
    "/v1/agents/", "/v1/agents/count", "/v1/agents/export", "/v1/tags/", "/v1/blocks/",
    "/v1/blocks/count", "/v1/identities/", "/v1/identities/count", "/v1/history/", "/v1/keys/",
    "/v1/bulk/", "/v1/crossings", "/v1/sources/inbox",
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_an_unknown_filter_is_refused(path: str) -> None:
    token = make_token(scope=Scope.MANAGE)
    assert call("GET", path, token=token).status_code == 200
    answer = call("GET", f"{path}?colour=red", token=token)
    assert wheres(answer) == [["query", "colour"]]
    assert "Without a filter this would match everything" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/v1/agents/?tag_ids=x", "tags"),
        ("/v1/agents/?tags[0][name]=x", "tags"),
        ("/v1/agents/?tags.0=x", "tags"),
        ("/v1/agents/?%20tags=x", "tags"),
        ("/v1/agents/?tags=x&match_all=true", "match_all_tags"),
        ("/v1/agents/?tags=x&matchall_tags=true", "match_all_tags"),
        ("/v1/agents/?not_tags=x", "exclude_tags"),
        ("/v1/agents/count?tagz=x", "tags"),
        ("/v1/blocks/?lable=x", "label"),
        ("/v1/history/?agnet=x", "agent"),
        ("/v1/keys/?limit_tg=x", "limit_tag"),
        ("/v1/identities/?identifer_key=x", "identifier_key"),
    ],
)
def test_a_misspelt_filter_is_refused_with_the_right_name(path: str, right: str) -> None:
    answer = call("GET", path, token=make_token(scope=Scope.MANAGE))
    assert answer.status_code == 422, answer.content
    assert f"Use `{right}`." in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("name", ["Tags", "tag", "tags%5B%5D", "TAG", "Tags%5B3%5D"])
def test_a_filter_of_history_in_another_form_is_understood(name: str) -> None:
    make_agent(tags=["a"])
    make_agent(tags=["b"])
    token = make_token(scope=Scope.MANAGE)
    assert len(call("GET", f"/v1/history/?{name}=a", token=token).json()["history"]) == 1


def test_the_agents_of_a_block_and_an_identity_have_no_filters() -> None:
    token = make_token()
    block = call("POST", "/v1/blocks/", {"label": "b"}, token=token).json()["id"]
    body = {"identifier_key": "k", "name": "n", "identity_type": "user"}
    identity = call("POST", "/v1/identities/", body, token=token).json()["id"]
    for path in (f"/v1/blocks/{block}/agents", f"/v1/identities/{identity}/agents"):
        assert call("GET", f"{path}?limit=5&order=asc&include=agent.tags", token=token).json() == []
        refused = call("GET", f"{path}?tags=user_1", token=token)
        assert "This list has no filters." in refused.json()["detail"][0]["msg"]
