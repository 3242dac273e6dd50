"""Each operation of the API with every kind of key: known requests are answered 2xx to whoever may
make them, no request at all is answered 5xx, and none tells a limited key of what is not its own.

`make prove` does the same with many times as many requests.
"""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.schemas import APIOperation

from agents.domain.core.key_tokens import find_key
from agents.domain.keys import disable_key
from agents.domain.memory.new import NewBlock
from agents.models import Block
from agents.models.querysets import AgentQuerySet
from tests.access.asking import make_world
from tests.access.table import API, rows
from tests.api.calls import make_token
from tests.api.described import OPERATIONS, cases, known_case, route_of
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db

# By kind of key, the column of the table that says what it may; None may nothing.
KINDS = {
    "none": "nobody",
    "expired": "nobody",
    "disabled": "nobody",
    "read": "read",
    "write": "write",
    "manage": "manage",
    "limited": "own",
    "limited, read": "own",
    "open API": "manage",
}
LIMITED = ("limited", "limited, read")
# What every key may call: it neither shows nor changes anything of an agent.
NO_RIGHTS = ("/v1/access/", "/v1/client-side-access-tokens")
# What names keys, members or sources, or gives the right to call: it must be known who asks.
SIGNED_IN = (
    "/v1/access/",
    "/v1/client-side-access-tokens",
    "/v1/keys/",
    "/v1/members/",
    "/v1/sources/",
    "/v1/users/offboard",
    "/v1/webhooks/",
)
# In every text of what is not the limited keys' own, and nowhere else.
MARK = "zqforeign"
ROWS = rows(API)
# What connects to a source before it answers.
CONNECTING = {"POST /v1/sources/", "POST /v1/sources/test", "POST /v1/sources/{source_id}/test"}
# What Letta Code asks beside the API; the document does not describe it.
LETTA_CODE = ("/v1/metadata/", "/quotas", "/context", "/v1/git/")


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """The whole application is called, which would close the connection after each request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


class Asker:
    """Whoever asks with one kind of key; what each request changes is taken back."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.world = make_world()
        self.foreign = make_agent(
            name=f"{MARK} name",
            tags=["user_2", f"{MARK} tag"],
            model=f"{MARK}/model",
            system=f"{MARK} system",
            blocks=[NewBlock(f"{MARK} label", f"{MARK} value")],
        )
        self.others = {
            "agent_id": self.foreign.public_id,
            "block_id": Block.objects.get(agentblock__agent=self.foreign).public_id,
        }
        self.tokens = make_tokens()
        self.tally: Counter[tuple[str, int]] = Counter()

    def ask(self, kind: str, case: Any) -> int:
        """The status; nothing is 5xx, and a limited key is told nothing of others."""
        self.settings.API_OPEN = kind == "open API"
        token = self.tokens[kind]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers["Accept-Encoding"] = "identity"  # the test transport does not unpack answers
        place = transaction.savepoint()
        try:
            response = case.call(headers=headers)
        finally:
            transaction.savepoint_rollback(place)
            self.settings.API_OPEN = False
        status, text = response.status_code, text_of(response)
        assert status < 500, (kind, case.as_curl_command(), text)
        if kind in LIMITED:
            told = self.traces(text) - self.traces(f"{case.path_parameters} {asked(case)}")
            assert not told, (kind, case.as_curl_command(), text)
        self.tally[kind, status] += 1
        return int(status)

    def traces(self, text: str) -> set[str]:
        """What of others stands in a text."""
        ids = {*self.others.values(), self.world.foreign.public_id}
        ids.add(str(self.world.values["foreign_block_id"]))
        return {one for one in ids if one in text} | set(re.findall(f"{MARK} ?[a-z]*", text))


def text_of(response: Any) -> str:
    """The text of an answer; of a zip file, the text of its files."""
    if response.headers.get("content-type", [""])[0] != "application/zip":
        return str(response.text)
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


def asked(case: Any) -> str:
    return f"{case.query} {case.body}"


def make_tokens() -> dict[str, str]:
    """A token for each kind, or none."""
    soon = timezone.now() + timedelta(minutes=1)
    with time_machine.travel(timezone.now() - timedelta(hours=1), tick=True):
        expired = make_token(expires_at=soon - timedelta(minutes=30), scope="manage")
    disabled = make_token(scope="manage")
    key = find_key(disabled)
    assert key is not None
    disable_key(key_id=key.key_id, actor=ROOT)
    return {
        "none": "",
        "expired": expired,
        "disabled": disabled,
        "read": make_token(scope="read"),
        "write": make_token(scope="write"),
        "manage": make_token(scope="manage"),
        "limited": make_token(scope="write", limit_tag="user_1", any_label=True),
        "limited, read": make_token(scope="read", limit_tag="user_1", any_label=True),
        "open API": "",
    }


def needs_a_sign_in(operation: APIOperation) -> bool:
    """True for what the open API refuses without a key."""
    if operation.path == "/v1/access/check":  # the answer depends on the key that asks
        return False
    return operation.path.startswith(SIGNED_IN)


def expected(kind: str, operation: APIOperation) -> int:
    """What a known request is answered, by the table of who may do what."""
    method = operation.method.upper()
    row = ROWS[method, route_of(operation)]
    if operation.path.endswith("/import"):
        row = row | {who: "200" for who, said in row.items() if said == "422"}  # with a file
    if kind == "limited, read" and method != "GET" and not operation.path.startswith(NO_RIGHTS):
        return 403
    if kind == "open API" and needs_a_sign_in(operation):
        return 403
    return int(row[KINDS[kind]])


def hold(operation: APIOperation, settings_: Any, *, examples: int) -> Asker:
    asker = Asker(settings_)
    known = known_case(operation, asker.world)
    answers = {kind: asker.ask(kind, known) for kind in KINDS}
    assert answers == {kind: expected(kind, operation) for kind in KINDS}
    stranger = known_case(operation, asker.world, **asker.others)
    for kind in KINDS:
        status = asker.ask(kind, stranger)
        named = asker.others.keys() & stranger.path_parameters.keys()
        assert kind not in LIMITED or not named or status in (403, 404)
    own, other = known.path_parameters, stranger.path_parameters

    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(cases(operation, own), cases(operation, other)))
    def ask(case: Any) -> None:
        for kind in KINDS:
            status = asker.ask(kind, case)
            if KINDS[kind] == "nobody" and route_of(operation) != "/v1/health/":
                # Whatever the request is, whoever has no good key hears nothing else.
                assert status in (401, 404, 405)

    ask()
    return asker


@pytest.mark.only_sqlite  # on both databases in make prove
@pytest.mark.parametrize("label", OPERATIONS)
def test_operation_with_every_kind_of_key(label: str, settings: Any) -> None:
    hold(OPERATIONS[label], settings, examples=1)


@pytest.mark.prove
@pytest.mark.parametrize("label", OPERATIONS)
def test_operation_with_every_kind_of_key_thoroughly(label: str, settings: Any) -> None:
    asker = hold(OPERATIONS[label], settings, examples=60)
    print(label, dict(asker.tally))


def test_every_operation_is_answered_to_some_key() -> None:
    """So that the tests above are about answers, and not about refusals."""
    for label, operation in OPERATIONS.items():
        said = {kind: expected(kind, operation) for kind in KINDS}
        # No server is where the known source says: who may ask it hears that.
        answered = 422 if label in CONNECTING else 200
        opened = 403 if needs_a_sign_in(operation) else 200
        assert (label, said["manage"], said["open API"]) == (label, answered, opened)
        assert (
            (label, said["read"]) == (label, 200)
            or operation.method != "get"
            or (
                said["read"] == 403  # keys, webhooks and bulk changes are for managers
            )
        )
    undescribed = ("unkept", "act_on", *LETTA_CODE)
    described = {row for row in ROWS if not any(part in row[1] for part in undescribed)}
    assert described - {
        (operation.method.upper(), route_of(operation)) for operation in OPERATIONS.values()
    } == {("GET", "/v1/docs"), ("GET", "/v1/docs/<group>")}


# --- That this can fail ---------------------------------------------------------------------


@pytest.mark.prove
@pytest.mark.only_sqlite
def test_a_planted_leak_is_found(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AgentQuerySet, "visible_to", lambda self, actor: self.all())
    with pytest.raises(AssertionError, match=MARK):
        hold(OPERATIONS["GET /v1/agents/{agent_id}"], settings, examples=1)


@pytest.mark.prove
@pytest.mark.only_sqlite
def test_a_planted_fault_is_found(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.api.directory.names.names", lambda **_: 1 // 0)
    with pytest.raises(AssertionError, match="GET"):
        hold(OPERATIONS["GET /v1/tags/"], settings, examples=1)
