"""Keys limited to a tag, over the API: what they may do to their own agents, and that others are
not there."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse

from agents.core.filters import AgentFilter
from agents.domain.agents.write import delete_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.rename import describe_tag
from agents.domain.memory.new import NewBlock
from agents.models import Agent, ApiKey, Block, BulkOp
from tests.api.calls import SEED, call, call_with_file, ids, make_token
from tests.helpers import ROOT, everything, make_agent, make_key_row, tags_of

pytestmark = pytest.mark.django_db
AGENTS = "/v1/agents/"


@pytest.fixture
def token() -> str:
    return make_token(limit_tag="user_1", any_label=True)


@pytest.fixture
def foreign() -> Agent:
    """An agent of somebody else."""
    return make_agent(name="theirs", tags=["user_2"], blocks=[NewBlock("human", "secret")])


def unknown() -> str:
    return f"agent-{uuid4()}"


def told(answer: HttpResponse, *hidden: str) -> tuple[int, str, list[str]]:
    """All that an answer says, with the ids that differ by intent taken out."""
    text = answer.content.decode()
    for one in hidden:
        text = text.replace(one, "…")
    return answer.status_code, text, sorted(set(answer.headers) - {"X-Request-ID"})


# Method, what follows the agent's address, body, headers: everything one can ask of one agent.
ON_ONE_AGENT: list[tuple[str, str, Any, dict[str, str]]] = [
    ("GET", "", None, {}),
    ("GET", "?include=agent.blocks", None, {}),
    ("PATCH", "", {"name": "x"}, {}),
    ("PATCH", "", {"tags": ["user_1"]}, {}),
    ("PATCH", "", {"tags": []}, {}),
    ("PATCH", "", {"name": "x"}, {"If_Match": '"no such version"'}),
    ("DELETE", "", None, {}),
    ("DELETE", "", None, {"If_Match": '"no such version"'}),
    ("POST", "/tags", {"add": ["user_1"]}, {}),
    ("POST", "/tags", {"add": ["note"], "remove": ["user_2"]}, {}),
    ("POST", "/tags", {"add": ["note"]}, {"If_Match": '"no such version"'}),
    ("POST", "/tags", {}, {}),
    ("GET", "/core-memory/blocks", None, {}),
    ("GET", "/core-memory/blocks?after=x", None, {}),
    ("GET", "/core-memory/blocks/human", None, {}),
    ("PATCH", "/core-memory/blocks/human", {"value": "x"}, {}),
]


@pytest.mark.parametrize(("method", "rest", "body", "headers"), ON_ONE_AGENT)
def test_foreign_agent_is_as_one_that_never_was(
    token: str, foreign: Agent, method: str, rest: str, body: Any, headers: dict[str, str]
) -> None:
    before = everything()
    nobody = unknown()
    theirs = call(method, f"{AGENTS}{foreign.public_id}{rest}", body, token=token, **headers)
    none = call(method, f"{AGENTS}{nobody}{rest}", body, token=token, **headers)
    assert theirs.status_code == 404
    assert told(theirs, foreign.public_id) == told(none, nobody)
    assert everything() | {"ApiKey": []} == before | {"ApiKey": []}


@pytest.mark.parametrize("query", ["after", "before"])
@pytest.mark.parametrize("deleted", [False, True])
def test_foreign_cursor_is_as_one_that_never_was(
    token: str, foreign: Agent, query: str, deleted: bool
) -> None:
    if deleted:
        delete_agent(agent_id=foreign.public_id, actor=ROOT)
    nobody = unknown()
    theirs = call("GET", f"{AGENTS}?{query}={foreign.public_id}", token=token)
    none = call("GET", f"{AGENTS}?{query}={nobody}", token=token)
    assert theirs.status_code == 400
    assert told(theirs, foreign.public_id) == told(none, nobody)


def test_own_deleted_agent_is_still_a_cursor(token: str) -> None:
    left, gone = make_agent(tags=["user_1"]), make_agent(tags=["user_1"])
    call("DELETE", f"{AGENTS}{gone.public_id}", token=token)
    assert ids(call("GET", f"{AGENTS}?after={gone.public_id}", token=token)) == [left.public_id]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 2),
        ("tags=user_1", 2),
        ("tags=user_2", 0),
        ("tags=user_1&tags=user_2", 2),
        ("tags=user_2&match_all_tags=true", 0),
        ("exclude_tags=user_1", 0),
        ("exclude_tags=user_2", 2),
        ("untagged=true", 0),
        ("name=theirs", 0),
        ("name=mine", 2),
        ("query_text=theirs", 0),
        ("query_text=m", 2),
        ("model=openai/their-model", 0),
        ("tags=shared", 1),
    ],
)
def test_list_and_count_are_of_own_agents(token: str, query: str, count: int) -> None:
    own = [make_agent(name="mine", tags=["user_1", *more]) for more in ([], ["shared"])]
    make_agent(name="theirs", tags=["user_2", "shared"], model="openai/their-model")
    make_agent(name="nobody's")
    found = ids(call("GET", f"{AGENTS}?{query}", token=token))
    assert set(found) - {agent.public_id for agent in own} == set()
    assert (len(found), call("GET", f"{AGENTS}count?{query}", token=token).json()) == (count, count)


def test_tags_are_those_of_own_agents(token: str, foreign: Agent) -> None:
    make_agent(tags=["user_1", "note"])
    make_agent(tags=["user_2", "note", "noted"])
    for query in ("", "?name=not", "?after=a", "?before=zzz", "?order=desc"):
        listed = call("GET", f"/v1/tags/{query}", token=token).json()
        assert set(listed) - {"note", "user_1"} == set()
    assert call("GET", "/v1/tags/", token=token).json() == ["note", "user_1"]
    assert call("GET", "/v1/tags/?name=user_2", token=token).json() == []


def test_created_agent_gets_the_tag(token: str) -> None:
    answer = call("POST", AGENTS, SEED | {"tags": ["note"]}, token=token)
    assert answer.json()["tags"] == ["note", "user_1"]
    assert call("POST", AGENTS, SEED | {"tags": ["user_1"]}, token=token).status_code == 200


@pytest.mark.parametrize("tag", ["user_2", "user:2", "git-memory-enabled", "origin:x"])
def test_tags_that_name_a_user_or_are_protected_are_refused(token: str, tag: str) -> None:
    own = make_agent(tags=["user_1"])
    detail = {
        "code": "forbidden",
        "detail": f"API key “app” may not add {tag}: its rights do not include this tag.",
    }
    for answer in (
        call("POST", AGENTS, SEED | {"tags": [tag]}, token=token),
        call("POST", f"{AGENTS}{own.public_id}/tags", {"add": ["note", tag]}, token=token),
        call("PATCH", f"{AGENTS}{own.public_id}", {"tags": ["user_1", tag]}, token=token),
    ):
        assert (answer.status_code, answer.json()) == (403, detail)
    assert (Agent.objects.count(), tags_of(own)) == (1, ["user_1"])


def test_own_tag_cannot_be_removed(token: str) -> None:
    own = make_agent(tags=["user_1", "note"])
    detail = {
        "code": "forbidden",
        "detail": "API key “app” is limited to user_1 and may not remove it.",
    }
    for answer in (
        call("POST", f"{AGENTS}{own.public_id}/tags", {"remove": ["user_1"]}, token=token),
        call("PATCH", f"{AGENTS}{own.public_id}", {"tags": ["note"]}, token=token),
        call("PATCH", f"{AGENTS}{own.public_id}", {"tags": []}, token=token),
    ):
        assert (answer.status_code, answer.json()) == (403, detail)
    assert tags_of(own) == ["note", "user_1"]


def test_other_tags_are_its_to_write(token: str) -> None:
    own = make_agent(tags=["user_1", "old"])
    body = {"add": ["new", "user_1"], "remove": ["old"]}
    answer = call("POST", f"{AGENTS}{own.public_id}/tags", body, token=token)
    assert answer.json() == {"tags": ["new", "user_1"]}


def test_allow_list_says_what_it_may_write() -> None:
    token = make_token(limit_tag="user_1", may_tag=["note:*"])
    own = make_agent(tags=["user_1", "old"])
    url = f"{AGENTS}{own.public_id}/tags"
    assert call("POST", url, {"add": ["note:x"]}, token=token).status_code == 200
    assert call("POST", url, {"add": ["note"]}, token=token).status_code == 403
    assert call("POST", url, {"remove": ["old"]}, token=token).status_code == 403
    assert tags_of(own) == ["note:x", "old", "user_1"]


def test_agent_whose_tag_goes_is_gone_at_once(token: str) -> None:
    own = make_agent(tags=["user_1"])
    url = f"{AGENTS}{own.public_id}"
    assert call("GET", url, token=token).status_code == 200
    call("POST", f"{url}/tags", {"remove": ["user_1"]})
    assert call("GET", url, token=token).status_code == 404


def test_own_agent_can_be_deleted(token: str) -> None:
    own = make_agent(tags=["user_1", "note"])
    assert call("DELETE", f"{AGENTS}{own.public_id}", token=token).status_code == 200
    assert Agent.objects.count() == 0


def test_agent_of_two_users_cannot_be_deleted_by_a_key_for_one(token: str) -> None:
    both = make_agent(tags=["user_1", "user_2"])
    answer = call("DELETE", f"{AGENTS}{both.public_id}", token=token)
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "code": "forbidden",
            "detail": "API key “app” may not remove user_2 from this agent, and so may not delete the agent.",
        },
    )
    allowed = make_token(limit_tag="user_1", may_tag=["user_*"])
    assert call("DELETE", f"{AGENTS}{both.public_id}", token=allowed).status_code == 200


# --- Memory blocks --------------------------------------------------------------------------


def share(block: Block, tags: list[str]) -> Agent:
    """An agent with these tags that has the block too."""
    return make_agent(tags=tags, block_ids=[block.public_id])


def test_shared_block_is_written_by_who_sees_all_that_have_it(token: str) -> None:
    own = make_agent(tags=["user_1"], blocks=[NewBlock("human", "before")])
    block = Block.objects.get()
    url = f"{AGENTS}{own.public_id}/core-memory/blocks/human"
    share(block, ["user_1"])
    assert call("PATCH", url, {"value": "after"}, token=token).status_code == 200
    share(block, ["user_2"])
    answer = call("PATCH", url, {"value": "planted"}, token=token)
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "code": "forbidden",
            "detail": "This memory block is shared with agents that API key “app” cannot access. It is read-only.",
        },
    )
    assert call("GET", url, token=token).json()["value"] == "after"
    assert call("PATCH", url, {"value": "ours"}).status_code == 200


def test_foreign_block_cannot_be_attached(token: str, foreign: Agent) -> None:
    theirs = Block.objects.get().public_id
    nobody = f"block-{uuid4()}"
    answers = [
        call("POST", AGENTS, SEED | {"block_ids": [block_id]}, token=token)
        for block_id in (theirs, nobody)
    ]
    assert answers[0].status_code == 404
    assert told(answers[0], theirs) == told(answers[1], nobody)
    assert Agent.objects.count() == 1


def test_id_cannot_be_chosen(token: str, foreign: Agent) -> None:
    body = SEED | {"id": foreign.public_id, "agent_id": foreign.public_id}
    answer = call("POST", AGENTS, body, token=token)
    assert answer.status_code == 200
    assert json.loads(answer.content)["id"] != foreign.public_id


# --- What comes first -----------------------------------------------------------------------


def refusals(token: str, own: Agent, tags: list[str]) -> list[tuple[int, str]]:
    """What every way of writing tags answers, about the same tags in the same order."""
    url = f"{AGENTS}{own.public_id}"
    file = {"agents": [{"id": "agent-0", "name": "n", "model": "openai/m", "tags": tags}]}
    answers = [
        call("POST", AGENTS, SEED | {"tags": tags}, token=token),
        call_with_file("POST", f"{AGENTS}import", file, token=token),
        call("POST", f"{url}/tags", {"add": tags}, token=token),
        call("PATCH", url, {"tags": ["user_1", *tags]}, token=token),
        call("POST", "/v1/users/assign", {"name": tags[0], "agent_ids": [url[-42:]]}, token=token),
    ]
    return [(answer.status_code, answer.json()["detail"]) for answer in answers]


@pytest.mark.parametrize("tags", [["favorite:!", "user_2", "user_3"], ["user_2", "favorite:!"]])
@pytest.mark.parametrize(
    "there", [[], ["user_2"], ["favorite:!"], ["user_3"], ["favorite:!", "user_2"]]
)
def test_the_first_tag_refused_is_the_first_of_the_request(
    tags: list[str], there: list[str]
) -> None:
    token = make_token(limit_tag="user_1", may_tag=["note:*"])
    own = make_agent(tags=["user_1"])
    make_agent(tags=there)
    detail = f"API key “app” may not add {tags[0]}: its rights do not include this tag."
    assert refusals(token, own, tags) == [(403, detail)] * 5


@pytest.mark.parametrize("protection", [None, True, False])
@pytest.mark.parametrize("there", [False, True])
def test_a_tag_protected_by_hand_is_written_as_any_other(
    token: str, there: bool, protection: bool | None
) -> None:
    own = make_agent(tags=["user_1"])
    if there:
        for name in ("quiet", "origin:x"):
            make_agent(tags=[name])
            describe_tag(name=name, actor=ROOT, protection=protection)
    url = f"{AGENTS}{own.public_id}"
    bodies: list[dict[str, list[str]]] = [{"add": ["quiet"]}, {"remove": ["quiet"]}]
    for body in bodies:
        assert call("POST", f"{url}/tags", body, token=token).status_code == 200
    assert call("POST", AGENTS, SEED | {"tags": ["quiet"]}, token=token).status_code == 200
    # By the settings it is protected, whatever a person said of it since.
    assert {status for status, _ in refusals(token, own, ["origin:x"])} == {403}


def test_a_refused_write_makes_and_locks_no_tag(token: str) -> None:
    own = make_agent(tags=["user_1"])
    before = everything()
    assert {status for status, _ in refusals(token, own, ["user_7"])} == {403}
    assert everything() | {"ApiKey": []} == before | {"ApiKey": []}


def test_no_number_of_the_history_is_told(token: str) -> None:
    own = make_agent(tags=["user_1"])
    body = {"name": "note", "agent_ids": [own.public_id]}
    answer = call("POST", "/v1/users/assign", body, token=token)
    assert answer.json() == {"assigned": 1, "change_set": None}
    other = make_agent(tags=["user_2"])
    body = {"name": "note", "agent_ids": [other.public_id]}
    assert call("POST", "/v1/users/assign", body).json()["change_set"] is not None


@pytest.mark.parametrize(("limit", "told"), [(None, 7), ("user_1", None)])
def test_a_limited_plan_s_answer_has_no_number_of_the_history(
    limit: str | None, told: int | None
) -> None:
    """No key is limited and manages yet; a plan says what such an actor would be told."""
    own = make_agent(tags=["user_1"])
    selection = Selection(AgentFilter(ids=(own.public_id,)))
    change = BulkChange(BulkOp.ADD, add=["new"])
    plan = make_plan(selection=selection, change=change, actor=make_key_row(limit))
    plan.change_set_id = plan.undoes = 7
    plan.save()
    [answer] = call("GET", "/v1/bulk/", token=make_token(scope="manage")).json()
    assert (answer["change_set"], answer["undoes"]) == (told, told)


# --- What a key's list says -----------------------------------------------------------------


def test_a_key_without_a_list_writes_no_tag_but_its_own() -> None:
    token = make_token(limit_tag="uuid-1")
    own = make_agent(tags=["uuid-1", "uuid-2", "note"])
    refused = refusals_of(token, own, "uuid-1", ["note", "uuid-2", "new"])
    assert {status for status, _ in refused} == {403}
    url = f"{AGENTS}{own.public_id}"
    for name in ("uuid-2", "note"):
        answer = call("POST", f"{url}/tags", {"remove": [name]}, token=token)
        assert answer.status_code == 403
    assert call("DELETE", url, token=token).status_code == 403
    assert tags_of(own) == ["note", "uuid-1", "uuid-2"]
    # What is there already may be given back as it was read, and its own tag be named.
    body = {"tags": ["note", "uuid-1", "uuid-2"], "name": "read and written"}
    assert call("PATCH", url, body, token=token).status_code == 200
    made = call("POST", AGENTS, SEED | {"tags": ["uuid-1"]}, token=token).json()
    assert made["tags"] == ["uuid-1"]
    assert call("DELETE", f"{AGENTS}{made['id']}", token=token).status_code == 200


def refusals_of(token: str, own: Agent, limit: str, tags: list[str]) -> list[tuple[int, str]]:
    """What a creation, a delta and an edit answer about each of these tags."""
    url = f"{AGENTS}{own.public_id}"
    missing = [name for name in tags if name not in tags_of(own)]
    answers = [call("POST", AGENTS, SEED | {"tags": [name]}, token=token) for name in tags]
    answers += [call("POST", f"{url}/tags", {"add": [name]}, token=token) for name in missing]
    answers.append(call("PATCH", url, {"tags": [limit]}, token=token))
    return [(answer.status_code, answer.json()["detail"]) for answer in answers]


@pytest.mark.parametrize(
    ("name", "status"),
    [("note", 200), ("uuid-2", 200), ("user_2", 403), ("origin:x", 403), ("user_7", 403)],
)
def test_any_label_is_every_tag_but_those_of_the_settings(name: str, status: int) -> None:
    token = make_token(limit_tag="uuid-1", any_label=True, may_tag=["user_7"])
    make_token(limit_tag="uuid-2")
    answer = call("POST", AGENTS, SEED | {"tags": [name]}, token=token)
    assert answer.status_code == (200 if name == "user_7" else status)


def test_a_key_older_than_the_choice_writes_labels_where_it_has_no_list() -> None:
    token, listed = make_token(limit_tag="user_1"), make_token(limit_tag="user_1", may_tag=["x"])
    ApiKey.objects.update(any_label=None)
    for key, status in ((token, 200), (listed, 403)):
        assert call("POST", AGENTS, SEED | {"tags": ["note"]}, token=key).status_code == status
    assert call("POST", AGENTS, SEED | {"tags": ["user_2"]}, token=token).status_code == 403
