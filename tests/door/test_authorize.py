"""/authorize: which request of which key may go where."""

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.domain.keys import disable_key
from agents.domain.tags.edit import change_tags
from agents.models import AgentSource, ApiKey
from tests.api.calls import NOBODY, call, make_token
from tests.door.conftest import SECRET, Ask, place, said
from tests.door.letta import Letta, an_id
from tests.helpers import ROOT, everything, make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(source: AgentSource) -> str:
    return place(make_agent(tags=["user_1"]), source)


@pytest.fixture
def foreign(source: AgentSource) -> str:
    return place(make_agent(tags=["user_2"]), source)


@pytest.fixture
def token(db: None) -> str:
    return make_token(limit_tag="user_1")


def narrow(token: str, rights: str) -> str:
    ApiKey.objects.filter(key_id=token.split("_")[1]).update(rights=rights)
    return token


def test_it_works(own: str, token: str, ask: Ask) -> None:
    target = f"/v1/agents/{own}/messages"
    assert said(ask("POST", target, token)) == f"204 letta {target}"


def test_only_a_proxy_with_the_secret_is_answered(own: str, token: str, ask: Ask) -> None:
    target = f"/v1/agents/{own}/messages"
    for wrong in ("", "x", f"{SECRET},{SECRET}", SECRET.upper()):
        answer = ask("POST", target, token, Doorsecret=wrong)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    settings.DOOR_SECRET = ""
    for given in ("", SECRET):
        assert ask("POST", target, token, Doorsecret=given).status_code == 401


def test_other_spellings_of_the_headers_say_nothing(own: str, foreign: str, token: str) -> None:
    right = {"Doorsecret": SECRET, "Doormethod": "GET", "Doorsource": "letta"}
    right |= {"Authorization": f"Bearer {token}", "Dooruri": f"/v1/agents/{foreign}/messages"}
    forged = f"/v1/agents/{own}/messages"
    for name in ("Door-Uri", "Door_Uri", "X-Original-Uri", "X-Forwarded-Uri", "X_Forwarded_Uri"):
        assert Client().get("/authorize", headers=right | {name: forged}).status_code == 403
    method = {"Doormethod": "POST", "X-Http-Method-Override": "GET", "X-Forwarded-Method": "GET"}
    no_post = {"Dooruri": f"/v1/agents/{own}/tools"}
    assert Client().get("/authorize", headers=right | no_post | method).status_code == 403
    meta = {"HTTP_DOOR_SECRET": SECRET, "HTTP_X_DOORSECRET": SECRET}
    del right["Doorsecret"]
    assert Client().get("/authorize", headers=right, **meta).status_code == 401


@pytest.mark.parametrize("wrong", ["", "ade_0123456789ab_x", "x"])
def test_a_wrong_key_is_401(own: str, ask: Ask, wrong: str) -> None:
    assert ask("GET", f"/v1/agents/{own}/messages", wrong).status_code == 401


def test_the_next_decision_follows_the_tag_and_the_key(own: str, token: str, ask: Ask) -> None:
    target = f"/v1/agents/{own}/messages"
    assert ask("POST", target, token).status_code == 204
    change_tags(agent_id=own, remove=["user_1"], actor=ROOT)
    assert said(ask("POST", target, token)) == "403 unknown_agent"
    change_tags(agent_id=own, add=["user_1"], actor=ROOT)
    assert ask("POST", target, token).status_code == 204
    disable_key(key_id=token.split("_")[1], actor=ROOT)
    assert ask("POST", target, token).status_code == 401


def test_a_foreign_agent_is_refused_as_an_unknown_one(foreign: str, token: str, ask: Ask) -> None:
    for agent in (foreign, NOBODY, "agent-1", f"{foreign}%0A"):
        answer = ask("GET", f"/v1/agents/{agent}/messages", token)
        assert answer.status_code == 403
        assert answer.json()["code"] in ("unknown_agent", "ambiguous_address")


@pytest.mark.parametrize(
    ("rights", "passes"),
    [
        ('["read_messages"]', "GET messages"),
        ('["write_messages"]', "POST messages"),
        ('["read_agent"]', "GET tools"),
        ('["write_agent"]', "POST recompile"),
        ("[]", ""),
    ],
)
def test_rights(own: str, token: str, ask: Ask, rights: str, passes: str) -> None:
    narrow(token, rights)
    asked = ["GET messages", "POST messages", "GET tools", "POST recompile"]
    found = {}
    for text in asked:
        method, rest = text.split()
        found[text] = said(ask(method, f"/v1/agents/{own}/{rest}", token)).partition(" ")[2]
    assert [text for text, why in found.items() if why.startswith("letta ")] == passes.split(
        ","
    ) * bool(passes)
    assert {why for text, why in found.items() if text != passes} == {"missing_right"}


def test_an_agent_of_another_source_is_refused(
    own: str, token: str, ask: Ask, source: AgentSource
) -> None:
    target = f"/v1/agents/{own}/messages"
    AgentSource.objects.create(
        name="other", kind="letta", url="http://x", created_at=source.created_at, created_by="test"
    )
    assert ask("GET", target, token).status_code == 204
    assert said(ask("GET", target, token, Doorsource="other")) == "403 unknown_agent"
    everyone = make_token()
    assert said(ask("GET", target, everyone, Doorsource="other")) == "403 unknown_agent"
    for name in ("", "third", "letta,letta", "a\0b"):
        assert said(ask("GET", target, token, Doorsource=name)) == "403 unknown_source"


def test_before_the_first_sync_of_the_only_source(
    token: str, ask: Ask, source: AgentSource
) -> None:
    agent = make_agent(tags=["user_1"]).public_id
    target = f"/v1/agents/{agent}/messages"
    assert said(ask("GET", target, token)) == "403 unknown_agent"
    AgentSource.objects.update(listed_at=None)
    assert ask("GET", target, token).status_code == 204
    AgentSource.objects.create(
        name="other", kind="letta", url="http://x", created_at=source.created_at, created_by="test"
    )
    assert said(ask("GET", target, token)) == "403 unknown_agent"


def test_nothing_is_written(own: str, token: str, ask: Ask) -> None:
    before = everything()
    with CaptureQueriesContext(
        connection,
    ) as statements:
        ask("POST", f"/v1/agents/{own}/messages", token)
        ask("POST", f"/v1/agents/{NOBODY}/messages", token)
        ask("POST", f"/v1/agents/{own}/messages", "wrong")
    assert everything() == before
    assert len(statements) <= 8
    assert all(one["sql"].startswith("SELECT") for one in statements.captured_queries)


# --- Ids that are looked up -------------------------------------------------------------------

NAMES = ["conversations", "runs", "steps", "messages"]


@pytest.mark.parametrize("name", NAMES)
def test_an_id_is_looked_up_and_must_be_of_an_own_agent(
    own: str, foreign: str, token: str, ask: Ask, letta: Letta, name: str
) -> None:
    mine, theirs = letta.owns(own, 1), letta.owns(foreign, 2)
    assert (
        said(ask("GET", f"/v1/{name}/{mine[name]}", token)) == f"204 letta /v1/{name}/{mine[name]}"
    )
    kind = {"conversations": "conv"}.get(name, name[:-1])
    for value in (theirs[name], an_id(kind, 3), "default", own, f"{kind}-1", mine[name].upper()):
        assert said(ask("GET", f"/v1/{name}/{value}", token)) == "403 unknown_id"


def test_a_look_up_is_remembered_for_its_own_key_only(
    own: str, token: str, ask: Ask, letta: Letta
) -> None:
    run = letta.owns(own, 1)["runs"]
    for _ in range(3):
        assert ask("GET", f"/v1/runs/{run}", token).status_code == 204
    assert letta.asked == [f"/v1/runs/{run}"]
    other = make_token(limit_tag="user_2")
    assert [said(ask("GET", f"/v1/runs/{run}", other)) for _ in range(2)] == ["403 unknown_id"] * 2
    assert letta.asked == [f"/v1/runs/{run}"] * 3
    change_tags(agent_id=own, remove=["user_1"], actor=ROOT)
    assert ask("GET", f"/v1/runs/{run}", token).status_code == 403


def test_a_step_and_a_message_without_an_agent_are_refused(
    own: str, token: str, ask: Ask, letta: Letta
) -> None:
    step, message = an_id("step", 1), an_id("message", 1)
    letta.answers[f"/v1/steps/{step}"] = {"id": step, "agent_id": None}
    letta.answers[f"/v1/messages/{message}"] = [{"id": message, "step_id": None, "run_id": None}]
    assert said(ask("GET", f"/v1/steps/{step}", token)) == "403 unknown_id"
    assert said(ask("GET", f"/v1/messages/{message}", token)) == "403 unknown_id"


def test_ids_in_the_query_must_be_of_the_same_agent(
    own: str, foreign: str, token: str, ask: Ask, letta: Letta, source: AgentSource
) -> None:
    second = place(make_agent(tags=["user_1"]), source)
    mine, theirs, others = (letta.owns(a, n) for n, a in enumerate([own, foreign, second], 1))
    messages = f"/v1/agents/{own}/messages"
    good = f"{messages}?conversation_id={mine['conversations']}&before={mine['messages']}&limit=5"
    assert said(ask("GET", good, token)) == f"204 letta {good}"
    for ids in (theirs, others):
        for query in (f"conversation_id={ids['conversations']}", f"after={ids['messages']}"):
            assert said(ask("GET", f"{messages}?{query}", token)) == "403 unknown_id"
    runs = "/v1/runs/"
    assert ask("GET", f"{runs}?agent_id={own}&after={mine['runs']}", token).status_code == 204
    assert said(ask("GET", f"{runs}?agent_id={foreign}", token)) == "403 unknown_agent"
    assert (
        said(ask("GET", f"{runs}?agent_id={own}&after={theirs['runs']}", token)) == "403 unknown_id"
    )
    conversation = f"/v1/conversations/{mine['conversations']}/messages"
    assert ask("GET", f"{conversation}?agent_id={own}", token).status_code == 204
    assert ask("GET", f"{conversation}?agent_id={second}", token).status_code == 403


@pytest.mark.parametrize(
    "query", ["", "agent_id=", "agent_ids=A", "agent_id=A&agent_ids=A", "limit=3"]
)
def test_a_list_of_many_agents_must_name_one(own: str, token: str, ask: Ask, query: str) -> None:
    assert ask("GET", f"/v1/runs/?{query.replace('A', own)}", token).status_code == 403


@pytest.mark.parametrize(
    "query", ["group_id=x", "group_id=", "%67roup_id=x", "conversation_id=C&conversation_id=C"]
)
def test_parameters_that_limited_keys_may_not_send(
    own: str, token: str, ask: Ask, letta: Letta, query: str
) -> None:
    query = query.replace("C", letta.owns(own, 1)["conversations"])
    answer = said(ask("GET", f"/v1/agents/{own}/messages?{query}", token))
    assert answer in ("403 parameter_for_unlimited_keys", "403 id_twice")


def test_an_unknown_parameter_is_not_passed_on(own: str, token: str, ask: Ask) -> None:
    target = f"/v1/agents/{own}/messages"
    answer = said(ask("GET", f"{target}?Agent_id=x&new_id=y&limit=3&order=a%26b", token))
    assert answer == f"204 letta {target}?limit=3&order=a%26b"


def test_a_system_message_is_found_in_the_context_of_its_agent(
    own: str, foreign: str, token: str, ask: Ask, letta: Letta
) -> None:
    mine, theirs = an_id("message", 1), an_id("message", 2)
    for message, agent in ((mine, own), (theirs, foreign)):
        letta.answers[f"/v1/messages/{message}"] = [{"id": message}]
        letta.answers[f"/v1/agents/{agent}"] = {"id": agent, "message_ids": [message]}
    target = f"/v1/agents/{own}/messages?before="
    assert ask("GET", target + mine, token).status_code == 204
    assert said(ask("GET", target + theirs, token)) == "403 unknown_id"


def test_a_place_in_a_list_is_looked_up_in_the_list(
    own: str, token: str, ask: Ask, letta: Letta
) -> None:
    target = f"/v1/agents/{own}/tools"
    letta.answers[target] = [{"id": "tool-1"}]
    assert ask("GET", f"{target}?after=tool-1", token).status_code == 204
    assert said(ask("GET", f"{target}?after=tool-2", token)) == "403 unknown_id"


def test_twenty_unknown_ids_a_minute(own: str, token: str, ask: Ask, letta: Letta) -> None:
    mine = letta.owns(own, 1)
    assert ask("GET", f"/v1/runs/{mine['runs']}", token).status_code == 204
    answers = [said(ask("GET", f"/v1/steps/{an_id('step', n)}", token)) for n in range(100, 123)]
    assert answers.count("403 unknown_id") == 20
    assert set(answers[20:]) == {"403 too_many_unknown_ids"}
    assert len(letta.asked) == 21
    # What is known already still passes, and so does another key.
    assert ask("GET", f"/v1/runs/{mine['runs']}", token).status_code == 204
    assert ask("GET", f"/v1/agents/{own}/messages", token).status_code == 204
    other = make_token(limit_tag="user_1")
    assert ask("GET", f"/v1/steps/{mine['steps']}", other).status_code == 204


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 302])
def test_a_source_that_fails_is_no_decision(
    own: str, token: str, ask: Ask, letta: Letta, status: int
) -> None:
    letta.owns(own, 1)
    letta.status = status
    assert said(ask("GET", f"/v1/runs/{an_id('run', 1)}", token)) == "500 unavailable"
    assert ask("GET", f"/v1/agents/{own}/messages", token).status_code == 204


def test_a_slow_source_is_no_decision(
    own: str, token: str, ask: Ask, letta: Letta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.domain.door.lookups.SECONDS", 0.1)
    letta.owns(own, 1)
    letta.slow = True
    assert said(ask("GET", f"/v1/runs/{an_id('run', 1)}", token)) == "500 unavailable"
    letta.slow = False
    letta.delay.set()


# --- Who answers ------------------------------------------------------------------------------


def test_ade_answers_for_agents_tags_blocks_and_keys(own: str, token: str, ask: Ask) -> None:
    for method, target in [
        ("GET", "/v1/agents/"),
        ("PATCH", f"/v1/agents/{own}"),
        ("POST", f"/v1/agents/{own}/tags"),
        ("GET", "/v1/tags/"),
        ("GET", f"/v1/agents/{own}/core-memory/blocks/my%20label"),
        ("POST", "/v1/client-side-access-tokens"),
        ("DELETE", "/v1/keys/0123456789ab"),
        ("POST", "/v1/access/check"),
    ]:
        assert said(ask(method, target, token)) == f"204 ade {target}"
    assert (
        said(ask("GET", "/v1/agents?tags=a%2Fb&limit=2", token))
        == "204 ade /v1/agents/?tags=a%2Fb&limit=2"
    )


def test_routes_for_unlimited_keys(own: str, token: str, ask: Ask) -> None:
    everyone, manager = make_token(), make_token(scope="manage")
    reader = make_token(scope="read")
    for method, target, with_write in [
        ("POST", f"/v1/agents/{own}/messages/cancel", "204"),
        ("GET", "/v1/messages/", "204"),
        ("POST", "/v1/tools/", "403 missing_right"),
        ("GET", "/v1/providers/", "403 missing_right"),
        ("GET", f"/latest/agents/{own}/messages", "204"),
    ]:
        assert said(ask(method, target, token)) == "403 route_for_unlimited_keys"
        assert said(ask(method, target, everyone)).startswith(with_write)
        assert ask(method, target, manager).status_code == 204
    assert said(ask("POST", f"/v1/agents/{own}/messages", reader)) == "403 missing_right"
    assert (
        said(ask("GET", f"/latest/agents/{own}/messages", everyone))
        == f"204 letta /v1/agents/{own}/messages"
    )
    assert said(ask("POST", f"/v1/agents/{NOBODY}/messages", everyone)) == "403 unknown_agent"


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/",
        "/openapi.json",
        "/docs",
        "/v1/git/x",
        "/v1/admin/users/",
        "/v1/auth",
        "/v2/agents/",
        "/metrics",
    ],
)
def test_what_is_not_in_the_table_is_refused_for_every_key(
    source: AgentSource, ask: Ask, target: str
) -> None:
    manager = make_token(scope="manage")
    for method in ("GET", "POST", "HEAD", "OPTIONS", "get", "TRACE", "", "GET,GET"):
        assert ask(method, target, manager).status_code == 403


def test_single_conversations_can_be_closed_to_limited_keys(
    own: str, token: str, ask: Ask, letta: Letta
) -> None:
    target = f"/v1/conversations/{letta.owns(own, 1)['conversations']}/messages"
    assert ask("POST", target, token).status_code == 204
    settings.DOOR_CONVERSATION_MESSAGES = False
    try:
        assert said(ask("POST", target, token)) == "403 route_for_unlimited_keys"
    finally:
        settings.DOOR_CONVERSATION_MESSAGES = True


# --- Browsers ---------------------------------------------------------------------------------


def test_a_page_of_another_origin_is_refused(own: str, token: str, ask: Ask) -> None:
    target = f"/v1/agents/{own}/messages"
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    try:
        answer = ask("GET", target, token, Origin="https://app.example")
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        refused = ask("GET", f"/v1/agents/{NOBODY}/messages", token, Origin="https://app.example")
        assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
        for origin in (
            "https://evil.example",
            "null",
            "https://app.example.evil",
        ):
            answer = ask("GET", target, token, Origin=origin)
            assert said(answer) == "403 wrong_origin"
            assert "Access-Control-Allow-Origin" not in answer.headers
    finally:
        settings.CORS_ALLOWED_ORIGINS = []


def test_a_client_side_token_from_its_hostname_only(
    own: str, token: str, ask: Ask, letta: Letta, source: AgentSource
) -> None:
    second = place(make_agent(tags=["user_1"]), source)
    page = "https://app.example"
    policy = [
        {"type": "agent", "id": own, "access": ["write_messages"]},
        {"type": "agent", "id": second, "access": ["read_messages"]},
    ]
    body = {"hostname": page, "policy": policy}
    made = call("POST", "/v1/client-side-access-tokens", body, token=token).json()["token"]
    target = f"/v1/agents/{own}/messages"
    passed = ask("POST", target, made, Origin=page)
    assert (passed.status_code, passed.headers["Access-Control-Allow-Origin"]) == (204, page)
    assert said(ask("POST", target, made)) == "403 wrong_origin"
    assert said(ask("POST", target, made, Origin="https://other.example")) == "403 wrong_origin"
    assert said(ask("GET", target, made, Origin=page)) == "403 missing_right"
    assert said(ask("POST", target.replace(own, second), made, Origin=page)) == "403 missing_right"
    run = letta.owns(second, 1)["runs"]
    assert ask("GET", f"/v1/runs/{run}", made, Origin=page).status_code == 204
    change_tags(agent_id=own, remove=["user_1"], actor=ROOT)
    assert said(ask("POST", target, made, Origin=page)) == "403 unknown_agent"
    disable_key(key_id=token.split("_")[1], actor=ROOT)
    assert ask("GET", f"/v1/runs/{run}", made, Origin=page).status_code == 401
