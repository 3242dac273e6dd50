"""`Idempotency-Key`: what is sent again makes nothing twice."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.client import encode_multipart
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.core.actors import command_actor
from agents.core.limits import IDEMPOTENCY_ROWS, IDEMPOTENCY_SECONDS
from agents.domain.agents.write import delete_agent
from agents.domain.keys import disable_key
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.tidy import tidy
from agents.models import Agent, ApiKey, BulkPlan, ChangeSet, IdempotentRequest, Scope
from tests.api.calls import SEED, call, make_token
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db

FILE = {
    "agents": [
        {"id": "agent-0", "name": name, "tags": ["user_1"], "model": "a/b"}
        for name in ("one", "two")
    ],
    "blocks": [],
}


@dataclass
class Post:
    """A POST that heeds the header, how many rows it makes, and the rows."""

    path: str
    body: Any
    other: Any
    rows: type[Any]
    made: int
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, key: str | None, token: str, body: Any = None) -> HttpResponse:
        headers = {} if key is None else {"Idempotency_Key": key}
        body = self.body if body is None else body
        if self.path.endswith("import"):
            return send_file(self.path, body, token, headers)
        return call("POST", self.path, body, token=token, **headers)


_boundaries = iter(range(10**6))


def send_file(path: str, content: Any, token: str, headers: dict[str, str]) -> HttpResponse:
    """As a client sends a form: with another boundary each time."""
    boundary = f"boundary{next(_boundaries)}"
    file = SimpleUploadedFile("agents.af", json.dumps(content).encode())
    data = encode_multipart(boundary, {"file": file})
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    client = Client(headers={"Authorization": f"Bearer {token}", **names})
    return client.generic(
        "POST", path, data, content_type=f"multipart/form-data; boundary={boundary}"
    )


def _create() -> Post:
    body = SEED | {"tags": ["user_1"]}
    return Post("/v1/agents/", body, body | {"name": "other"}, Agent, 1)


def _import() -> Post:
    return Post("/v1/agents/import", FILE, FILE | {"agents": FILE["agents"][:1]}, Agent, 2)


def _delta() -> Post:
    agent = make_agent(tags=["user_1"])
    path = f"/v1/agents/{agent.public_id}/tags"
    return Post(path, {"add": ["vip"]}, {"add": ["other"]}, ChangeSet, 1)


def _bulk() -> Post:
    make_agent(tags=["user_1"])
    body = {"filter": {"tags": ["user_1"]}, "op": "add", "add": ["x"]}
    return Post("/v1/bulk/", body, body | {"add": ["y"]}, BulkPlan, 1)


def _rows() -> Post:
    agent = make_agent(tags=["user_1"])
    body = {"rows": [{"agent_id": agent.public_id, "tag": "x"}]}
    return Post("/v1/bulk/rows", body, body | {"reason": "y"}, BulkPlan, 1)


@pytest.fixture(params=[_create, _import, _delta, _bulk, _rows])
def post(request: pytest.FixtureRequest) -> Post:
    made: Post = request.param()
    return made


def test_sent_again_it_makes_nothing_and_answers_what_it_made(post: Post) -> None:
    token, before = make_token(scope=Scope.MANAGE), post.rows.objects.count()
    first, again = post.send("k", token), post.send("k", token)
    assert (first.status_code, again.status_code) == (200, 200)
    assert post.rows.objects.count() == before + post.made
    assert again.json() == first.json()
    assert again.headers.get("ETag") == first.headers.get("ETag")
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    assert post.send("another", token).status_code == 200
    assert "Idempotent-Replayed" not in post.send(None, token).headers


def test_another_request_with_the_same_key_is_refused(post: Post) -> None:
    token = make_token(scope=Scope.MANAGE)
    post.send("k", token)
    before = post.rows.objects.count()
    refused = post.send("k", token, post.other)
    assert refused.status_code == 422
    (detail,) = refused.json()["detail"]
    assert detail["loc"] == ["header", "Idempotency-Key"]
    assert "another request" in detail["msg"]
    assert post.rows.objects.count() == before


def test_the_path_and_the_query_belong_to_the_request() -> None:
    token, (one, other) = make_token(), (make_agent().public_id for _ in range(2))
    about = {"token": token, "Idempotency_Key": "k"}
    assert call("POST", f"/v1/agents/{one}/tags", {"add": ["a"]}, **about).status_code == 200
    assert call("POST", f"/v1/agents/{other}/tags", {"add": ["a"]}, **about).status_code == 422
    assert call("POST", f"/v1/agents/{one}/tags?x=1", {"add": ["a"]}, **about).status_code == 422
    assert call("POST", "/v1/agents/", {"add": ["a"]}, **about).status_code in (400, 422)


def test_a_request_that_failed_may_be_sent_again(post: Post) -> None:
    token = make_token(scope=Scope.READ)
    assert post.send("k", token).status_code == 403
    assert IdempotentRequest.objects.count() == 0
    ApiKey.objects.update(scope=Scope.MANAGE)
    first = post.send("k", token)
    assert (first.status_code, "Idempotent-Replayed" in first.headers) == (200, False)


def test_what_the_domain_refuses_is_not_remembered() -> None:
    token = make_token()
    assert _create().send("k", token, SEED | {"tags": [""]}).status_code == 422
    assert _create().send("k", token, SEED | {"model": "none"}).status_code == 400
    assert (IdempotentRequest.objects.count(), Agent.objects.count()) == (0, 0)
    assert _create().send("k", token).status_code == 200


def test_the_answer_is_built_from_what_is_there_now() -> None:
    post, token = _create(), make_token()
    agent_id = post.send("k", token).json()["id"]
    change_tags(agent_id=agent_id, add=["later"], actor=ROOT)
    assert post.send("k", token).json()["tags"] == ["later", "user_1"]
    delta = _delta()
    delta.send("d", token)
    change_tags(agent_id=delta.path.split("/")[3], remove=["vip"], actor=ROOT)
    again = delta.send("d", token)
    assert again.json() == {"tags": ["user_1"]}
    read = call("GET", delta.path.removesuffix("/tags"), token=token)
    assert again.headers["ETag"] == read.headers["ETag"]


def test_a_delta_that_was_done_is_not_held_to_its_if_match_again() -> None:
    delta, token = _delta(), make_token()
    agent_id = delta.path.split("/")[3]
    etag = call("GET", f"/v1/agents/{agent_id}", token=token).headers["ETag"]
    about = {"token": token, "Idempotency_Key": "k", "If_Match": etag}
    answers = [call("POST", delta.path, delta.body, **about) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]


@pytest.mark.parametrize("make", [_create, _import, _delta])
def test_what_is_gone_is_a_conflict_and_nothing_is_made(make: Callable[[], Post]) -> None:
    post, token = make(), make_token()
    assert post.send("k", token).status_code == 200
    last = Agent.objects.order_by("seq")[0].public_id
    call("DELETE", f"/v1/agents/{last}", token=token)
    before = Agent.objects.count()
    again = post.send("k", token)
    assert again.status_code == 409
    assert "no longer exists, or this API key can no longer access it" in again.json()["detail"]
    assert Agent.objects.count() == before


def test_a_plan_that_is_gone_is_a_conflict() -> None:
    post, token = _bulk(), make_token(scope=Scope.MANAGE)
    post.send("k", token)
    BulkPlan.objects.all().delete()
    assert post.send("k", token).status_code == 409
    assert BulkPlan.objects.count() == 0


@pytest.mark.parametrize("make", [_create, _import, _delta])
def test_what_the_key_may_no_longer_see_is_the_same_conflict(make: Callable[[], Post]) -> None:
    """A limited key whose agent was given to another user reads what it would of a deleted one."""
    token = make_token(limit_tag="user_1", may_tag=["vip", "user_1"])
    post = make()
    assert post.send("k", token).status_code == 200
    for agent_id in Agent.objects.values_list("public_id", flat=True):
        change_tags(agent_id=agent_id, remove=["user_1"], add=["user_2"], actor=ROOT)
    hidden = post.send("k", token)
    for agent_id in Agent.objects.values_list("public_id", flat=True):
        delete_agent(agent_id=agent_id, actor=ROOT)
    gone = post.send("k", token)
    assert (hidden.status_code, gone.status_code) == (409, 409)
    assert hidden.content == gone.content


def test_rights_are_checked_again() -> None:
    post, token = _create(), make_token()
    post.send("k", token)
    ApiKey.objects.update(scope=Scope.READ)
    assert post.send("k", token).status_code == 403
    disable_key(key_id=ApiKey.objects.get().key_id, actor=ROOT)
    assert post.send("k", token).status_code == 401


def test_each_key_has_keys_of_its_own() -> None:
    post, tokens = _create(), [make_token(name=name) for name in ("a", "b")]
    made = {post.send("k", token).json()["id"] for token in tokens}
    assert len(made) == 2


def test_an_open_api_has_one_scope(settings: Any) -> None:
    settings.API_OPEN = True
    about = {"Idempotency_Key": "k", "Host": "127.0.0.1"}
    made = {call("POST", "/v1/agents/", SEED, token="", **about).json()["id"] for _ in range(2)}
    assert len(made) == 1
    assert IdempotentRequest.objects.get().caller == "open"


@pytest.mark.parametrize("key", ["", "x" * 256, "kä", "a\tb", "a\x7f"])
def test_a_key_that_is_none_is_refused(post: Post, key: str) -> None:
    token, before = make_token(scope=Scope.MANAGE), post.rows.objects.count()
    refused = post.send(key, token)
    assert refused.status_code == 400
    assert refused.json()["detail"] == (
        "Idempotency-Key must be 1 to 255 printable ASCII characters."
    )
    assert post.rows.objects.count() == before


@pytest.mark.parametrize("key", ["x", "x" * 255, '"a b"', "8e03978e-40d5-43e8-bc93-6894a57f9324"])
def test_every_other_key_is_taken(key: str) -> None:
    token = make_token()
    assert _create().send(key, token).status_code == 200
    assert "Idempotent-Replayed" in _create().send(key, token).headers


def test_neither_key_nor_body_nor_answer_is_kept() -> None:
    _create().send("secret-key", make_token(), SEED | {"name": "Ann", "tags": ["user_1"]})
    row = IdempotentRequest.objects.get()
    texts = " ".join(str(getattr(row, column.name)) for column in row._meta.concrete_fields)
    assert "secret-key" not in texts
    assert "Ann" not in texts
    assert "user_1" not in texts
    assert json.loads(row.made) == [Agent.objects.get().public_id]


def test_without_the_header_it_costs_no_statement(post: Post) -> None:
    token = make_token(scope=Scope.MANAGE)
    with CaptureQueriesContext(connection) as asked:
        assert post.send(None, token).status_code == 200
    assert [one["sql"] for one in asked if "idempotent" in (one["sql"] or "")] == []


def test_a_post_that_makes_nothing_of_the_kind_ignores_it() -> None:
    about = {"token": make_token(), "Idempotency_Key": "k"}
    made = [call("POST", "/v1/blocks/", {"label": "a"}, **about) for _ in range(2)]
    assert len({one.json()["id"] for one in made}) == 2
    assert IdempotentRequest.objects.count() == 0


def test_the_document_names_the_header_where_it_is_heeded() -> None:
    paths = call("GET", "/v1/openapi.json").json()["paths"]
    named = {
        path: operation["post"]["responses"]
        for path, operation in paths.items()
        if "Idempotency-Key"
        in [one["name"] for one in operation.get("post", {}).get("parameters", [])]
    }
    assert set(named) == {
        "/v1/agents/",
        "/v1/agents/import",
        "/v1/agents/{agent_id}/tags",
        "/v1/bulk/",
        "/v1/bulk/rows",
    }
    for responses in named.values():
        for done in {"200", "202"} & set(responses):
            assert "Idempotent-Replayed" in responses[done]["headers"]
        assert "Retry-After" in responses["409"]["headers"]
        assert "content" in responses["409"]


# --- How long, and how many ------------------------------------------------------------------


def age(seconds: float) -> None:
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))


def test_it_is_remembered_for_a_day() -> None:
    post, token = _create(), make_token()
    post.send("k", token)
    age(IDEMPOTENCY_SECONDS - 60)
    assert "Idempotent-Replayed" in post.send("k", token).headers
    age(IDEMPOTENCY_SECONDS + 1)
    assert "Idempotent-Replayed" not in post.send("k", token, post.other).headers
    assert "Idempotent-Replayed" in post.send("k", token, post.other).headers


def test_old_rows_go_in_passing_and_with_tidy() -> None:
    post, tokens = _create(), [make_token(name=name) for name in ("a", "b")]
    for token in tokens:
        post.send("old", token)
    age(IDEMPOTENCY_SECONDS + 1)
    post.send("new", tokens[0])
    assert IdempotentRequest.objects.count() == 2
    removed = tidy(days=30, actor=command_actor("tidy"))
    assert removed["old idempotency keys"] == 1
    assert IdempotentRequest.objects.count() == 1


def test_a_caller_has_so_many_and_the_oldest_go() -> None:
    post, token = _create(), make_token()
    post.send("oldest", token)
    first = IdempotentRequest.objects.get()
    IdempotentRequest.objects.bulk_create(
        IdempotentRequest(
            caller=first.caller,
            key_digest=str(number),
            request_digest="",
            status=200,
            created_at=first.created_at + timedelta(microseconds=number + 1),
        )
        for number in range(IDEMPOTENCY_ROWS - 1)
    )
    post.send("newest", token)
    assert IdempotentRequest.objects.count() == IDEMPOTENCY_ROWS
    assert "Idempotent-Replayed" in post.send("newest", token).headers
    assert "Idempotent-Replayed" not in post.send("oldest", token).headers


# --- Two at once ------------------------------------------------------------------------------


@contextmanager
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Threads whose connections are closed at the end."""
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="caller") as pool:
        yield pool


def closing(function: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return function()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_makes_it() -> None:
    post, token = _create(), make_token()
    ready = threading.Barrier(6)

    def send() -> HttpResponse:
        ready.wait()
        return post.send("k", token)

    with elsewhere() as pool:
        asked = [pool.submit(closing, send) for _ in range(6)]
        answers = [one.result() for one in asked]
    assert Agent.objects.count() == 1
    assert {one.status_code for one in answers} <= {200, 409}
    assert [one.status_code for one in answers].count(200) >= 1
    assert {one.headers["Retry-After"] for one in answers if one.status_code == 409} <= {"1"}
    assert post.send("k", token).status_code == 200
    assert Agent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_postgres  # on SQLite writers queue
def test_while_the_first_runs_the_second_is_told_to_wait_and_others_are_not_held_up() -> None:
    post, token = _delta(), make_token()
    agent = Agent.objects.get()
    with elsewhere() as pool:
        with transaction.atomic():
            Agent.objects.select_for_update().get(seq=agent.seq)
            first = pool.submit(closing, lambda: post.send("k", token))
            while not _waiting_for_locks():
                assert not first.done()
            second = pool.submit(closing, lambda: post.send("k", token)).result(timeout=60)
            other = pool.submit(closing, lambda: _create().send("k2", token)).result(timeout=60)
        assert first.result(timeout=60).status_code == 200
    assert (second.status_code, second.headers["Retry-After"]) == (409, "1")
    assert "still running" in second.json()["detail"]
    assert other.status_code == 200
    assert "Idempotent-Replayed" in post.send("k", token).headers


def _waiting_for_locks() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_the_row_is_written_in_the_transaction_of_the_write(post: Post) -> None:
    token = make_token(scope=Scope.MANAGE)
    with CaptureQueriesContext(connection) as asked:
        post.send("k", token)
    texts = [one["sql"] or "" for one in asked]
    table = post.rows._meta.db_table
    made = next(n for n, text in enumerate(texts) if text.startswith(f'INSERT INTO "{table}"'))
    noted = next(n for n, text in enumerate(texts) if 'INSERT INTO "agents_idempotent' in text)
    assert made < noted
    assert "COMMIT" not in texts[made:noted]
    assert "COMMIT" in texts[noted:]
