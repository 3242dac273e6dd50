"""What Letta Code needs: its reads, its key, and that no limited key gets more than others."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from agents.core.errors import Invalid
from agents.domain.core.key_tokens import find_key
from agents.domain.core.tag_rules import LETTA_CODE
from agents.domain.keys import create_key, rotate_key
from agents.models import Scope
from tests.accounts.people import sign_in
from tests.api.calls import SEED, call, make_token
from tests.helpers import ROOT, make_agent, make_user, tags_of

pytestmark = pytest.mark.django_db

OWN = {"limit_tag": "user_1"}


@pytest.mark.parametrize("limit", [{}, OWN])
def test_a_letta_code_key_lists_creates_and_pins(limit: dict[str, str]) -> None:
    token = make_token(preset="letta-code", **limit)
    user = call("GET", "/v1/metadata/user", token=token).json()["id"]
    body = SEED | {"tags": ["origin:letta-code", "git-memory-enabled"]}
    made = call("POST", "/v1/agents/", body, token=token)
    assert made.status_code == 200
    url, tags = f"/v1/agents/{made.json()['id']}", made.json()["tags"]
    pinned = [f"favorite:user:{user}", *tags]
    assert call("PATCH", url, {"tags": pinned}, token=token).status_code == 200
    listed = call("GET", f"/v1/agents/?tags=favorite:user:{user}", token=token).json()
    assert [agent["id"] for agent in listed] == [made.json()["id"]]
    assert call("PATCH", url, {"tags": tags}, token=token).status_code == 200
    subagent = SEED | {"tags": ["origin:letta-code", "role:subagent"], "hidden": True}
    assert call("POST", "/v1/agents/", subagent, token=token).status_code == 200


@pytest.mark.parametrize("limit", [{}, OWN])
def test_it_marks_no_agent_that_exists_as_a_subagent(limit: dict[str, str]) -> None:
    agent = make_agent(tags=["user_1"])
    token = make_token(preset="letta-code", **limit)
    answer = call(
        "POST", f"/v1/agents/{agent.public_id}/tags", {"add": ["role:subagent"]}, token=token
    )
    assert (answer.status_code, tags_of(agent)) == (403, ["user_1"])


@pytest.mark.parametrize("pattern", ["*", "v*", "view*", "vi*d"])
@pytest.mark.parametrize("change", [{"add": ["view:card"]}, {"remove": ["view:old"]}])
def test_a_wide_pattern_names_no_protected_tag(pattern: str, change: dict[str, list[str]]) -> None:
    agent = make_agent(tags=["user_1", "view:old"])
    url = f"/v1/agents/{agent.public_id}/tags"
    tokens = [make_token(), make_token(any_label=True, may_tag=[pattern], **OWN)]
    assert [call("POST", url, change, token=token).status_code for token in tokens] == [403, 403]
    assert tags_of(agent) == ["user_1", "view:old"]


@pytest.mark.parametrize("pattern", ["view:*", "view:c*", "view:card"])
def test_a_pattern_of_protected_tags_gives_limited_and_unlimited_keys_the_same(
    pattern: str,
) -> None:
    for limit in ({}, OWN):
        agent = make_agent(tags=["user_1"])
        token = make_token(may_tag=[pattern], **limit)
        url = f"/v1/agents/{agent.public_id}/tags"
        told = [
            call("POST", url, change, token=token).status_code
            for change in ({"add": ["view:card"]}, {"remove": ["view:card"]}, {"add": ["origin:x"]})
        ]
        assert told == [200, 200, 403]


def test_an_unlimited_key_takes_no_other_patterns() -> None:
    for pattern in ("*", "vip", "v*"):
        with pytest.raises(Invalid):
            make_token(may_tag=[pattern])
    with pytest.raises(Invalid):
        make_token(preset="letta-code", scope=Scope.READ)
    with pytest.raises(Invalid):
        make_token(preset="other")


def test_no_person_makes_an_agent_a_subagent() -> None:
    agent = make_agent(tags=["a"])
    make_user("anna", role="admin")
    answer = sign_in("anna").post(f"/agents/{agent.public_id}/tags/", {"tag": "role:subagent"})
    assert answer.status_code in (403, 422)
    assert tags_of(agent) == ["a"]


def test_the_page_the_command_and_the_api_make_such_a_key() -> None:
    make_user("anna", role="admin")
    form = {"name": "page", "scope": "write", "reach": "all", "preset": "letta-code"}
    assert sign_in("anna").post("/keys/", form).status_code == 200
    out = StringIO()
    call_command("create_api_key", "command", preset="letta-code", stdout=out, stderr=StringIO())
    body = {"name": "api", "preset": "letta-code"} | OWN
    made = call("POST", "/v1/keys/", body, token=make_token(scope=Scope.MANAGE)).json()
    assert made["may_tag"] == list(LETTA_CODE)
    key = find_key(out.getvalue().strip())
    assert key is not None
    rotated = rotate_key(key_id=key.key_id, actor=ROOT, overlap=timedelta(0))
    assert rotated.key.may_tag == key.may_tag


def test_the_user_stays_the_same_when_a_key_is_rotated_and_differs_between_users() -> None:
    made = [create_key(name="app", actor=ROOT, limit_tag=tag) for tag in ("user_1", "user_2")]
    first, second = (call("GET", "/v1/metadata/user", token=one.token).json()["id"] for one in made)
    new = rotate_key(key_id=made[0].key.key_id, actor=ROOT, overlap=timedelta(0)).token
    assert call("GET", "/v1/metadata/user", token=new).json()["id"] == first != second


@pytest.mark.parametrize(
    "path", ["{}/state.git/info/refs?service=git-upload-pack", "{}/repositories/a.git", "x"]
)
@pytest.mark.parametrize("token", ["", None])
def test_git_memory_is_refused_with_the_variable_to_set(path: str, token: str | None) -> None:
    answer = call("GET", f"/v1/git/{path.format(make_agent().public_id)}", token=token)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (501, "false")
    assert "LETTA_MEMFS_BASE_URL" in answer.json()["detail"]


def test_the_context_of_an_agent_names_its_window() -> None:
    made = call("POST", "/v1/agents/", SEED).json()["id"]
    context = call("GET", f"/v1/agents/{made}/context").json()
    assert (context["context_window_size_max"], context["messages"]) == (200000, [])
