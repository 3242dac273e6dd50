"""The log: what a line holds, what it never holds, and that nothing forges one."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from ade.accounts.members import By, change_role
from ade.models import Role
from ade.ops.logs import JsonFormatter, TextFormatter, request_id, scrubbed
from agents.domain.keys import disable_key
from tests.accounts.people import sign_in
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.only_sqlite  # the database plays no part

# Line feed, return, next line, line and paragraph separator, escape, NUL: what a reader may break at.
BREAKS = "a\nb\rc\x85d\u2028e\u2029f\x1b[2Jg\x00h\x0bi\x0cj"


class Log:
    """What was logged, as the production formatter writes it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def entries(self, logger: str) -> list[dict[str, object]]:
        found = [json.loads(line) for line in self.text.splitlines()]
        return [entry for entry in found if entry["logger"] == logger]

    def requests(self) -> list[dict[str, object]]:
        return self.entries("ade.requests")


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    handler = logging.StreamHandler(made.stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield made
    root.removeHandler(handler)
    root.setLevel(before)


def written(formatter: logging.Formatter, message: str, **fields: object) -> str:
    record = logging.LogRecord("ade.x", logging.INFO, "x.py", 1, message, None, None)
    record.fields = fields
    return formatter.format(record)


# --- One line -------------------------------------------------------------------------------


def test_nothing_breaks_a_line_of_json() -> None:
    line = written(JsonFormatter(), f"said {BREAKS}", tag=BREAKS)
    assert line.isascii()
    assert line.isprintable()
    entry = json.loads(line)
    assert (entry["message"], entry["tag"]) == (f"said {BREAKS}", BREAKS)


def test_nothing_breaks_a_line_of_text() -> None:
    line = written(TextFormatter(), f"said {BREAKS}", tag=BREAKS)
    assert line.isprintable()
    assert "a\\nb\\rc\\x85d\\u2028e\\u2029f\\x1b[2Jg\\x00h\\x0bi\\x0cj" in line


FORGED = "x status=200 who=\"admin\" name='a' \\x20 level=INFO"


def test_no_value_of_text_passes_for_another_field() -> None:
    line = written(TextFormatter(), f"failed: {FORGED}", path=FORGED, name=FORGED, ms=1.5)
    names = [word.partition("=")[0] for word in line.split(" ") if "=" in word]
    assert [name for name in names if name != "request_id"] == ["path", "name", "ms"]
    assert not set("\"'`") & set(line.partition("path=")[2])


@pytest.mark.django_db
def test_a_path_forges_no_field_of_its_line() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        Client().get("/none%20status=200%20who=%22admin%22")
    finally:
        root.removeHandler(handler)
    (line,) = [line for line in stream.getvalue().splitlines() if "path=" in line]
    fields = [word.partition("=") for word in line.split(" ") if "=" in word]
    found = [(name, value) for name, _, value in fields if name in ("status", "who", "path")]
    assert found == [
        ("path", r"/none\x20status\x3d200\x20who\x3d\x22admin\x22"),
        ("status", "404"),
    ]


def test_a_traceback_forges_no_line() -> None:
    try:
        raise ValueError('x\n{"level": "INFO"}\u2028y')
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("ade.x", logging.ERROR, "x.py", 1, "broke", None, info)
    assert JsonFormatter().format(record).isprintable()
    first, *rest = TextFormatter().format(record).split("\n")
    assert " ERROR broke" in first
    assert all(line.startswith("  | ") and line.isprintable() for line in rest)


def test_a_field_takes_no_place_of_another() -> None:
    request_id.set("the-real-one")
    entry = json.loads(
        written(JsonFormatter(), "x", level="NONE", time="never", request_id="forged")
    )
    assert (entry["level"], entry["request_id"]) == ("INFO", "the-real-one")
    assert entry["time"] != "never"


def test_secrets_are_taken_out_of_any_text() -> None:
    token = "ade_0123456789ab_" + "s" * 43
    assert scrubbed(f"Bearer {token}, and more") == "Bearer ade_0123…, and more"
    assert scrubbed("secret whsec_abc+/d= here") == "secret whsec_… here"
    assert scrubbed("/accounts/password/set/MQ/c1-secret/") == "/accounts/password/set/…"
    assert (
        scrubbed("/accounts/password/set/<str:uidb64>/") == "/accounts/password/set/<str:uidb64>/"
    )


# --- A request ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_call_has_one_line(log: Log) -> None:
    token = make_token(name="app")
    agent = make_agent(tags=["user_1"])
    response = call("GET", f"/v1/agents/{agent.public_id}?tags=private", token=token)
    (line,) = log.requests()
    assert line.pop("ms") > 0
    assert line.pop("db_ms") > 0
    assert line.pop("queries") > 0
    assert line.pop("time")
    key_id = token.split("_")[1]
    assert line == {
        "level": "INFO",
        "logger": "ade.requests",
        "message": "request",
        "request_id": response.headers["X-Request-ID"],
        "method": "GET",
        "path": f"/v1/agents/{agent.public_id}",
        "route": "/v1/agents/<agent_id>",
        "status": 200,
        "bytes": len(response.content),
        "address": "127.0.0.1",
        "who": f"key:{key_id}",
        "name": "API key “app”",
    }


@pytest.mark.django_db
def test_a_page_names_the_member(log: Log) -> None:
    client = Client()
    user = make_user("mara")
    client.force_login(user)
    client.get("/agents/?any=private")
    (line,) = log.requests()
    assert (line["who"], line["name"], line["route"], line["status"]) == (
        f"person:{user.pk}",
        "mara",
        "/agents/",
        200,
    )


@pytest.mark.django_db
def test_what_is_secret_or_someones_is_not_logged(log: Log) -> None:
    token = make_token(name="app")
    call("POST", "/v1/agents/", {"name": "body-secret", "tags": ["tag-secret"]}, token=token)
    call("GET", "/v1/agents/?tags=query-secret&token=query-secret", token=token)
    call("GET", f"/v1/agents/{token}", token=token)
    client = Client(headers={"Cookie": "x=cookie-secret", "X-Any": "header-secret"})
    client.post("/accounts/login/", {"login": "mara", "password": "password-secret"})
    client.get("/accounts/password/set/MQ/link-secret")
    client.get("/accounts/password/set/MQ/link-secret/")
    assert len(log.requests()) == 6
    assert "secret" not in log.text
    assert token.split("_", 2)[2] not in log.text


@pytest.mark.django_db
def test_a_path_and_a_request_id_forge_nothing(log: Log) -> None:
    client = Client(headers={"X-Request-ID": 'x"\n{"forged": 1}'})
    client.get('/none%0a{"forged":1}%e2%80%a8x')
    (line,) = log.requests()
    assert (line["path"], line["route"]) == ('/none\n{"forged":1}\u2028x', "none")
    assert len(str(line["request_id"])) == 32
    assert log.text.count("\n") == 1


@pytest.mark.django_db
def test_a_streamed_answer_is_logged_once_it_is_whole(log: Log) -> None:
    make_agent(name="one")
    client = Client()
    client.force_login(make_user())
    response = client.get("/agents/export.csv")
    assert log.requests() == []
    size = len(response.getvalue())
    (line,) = log.requests()
    assert (line["bytes"], line["status"], "whole" in line) == (size, 200, False)


@pytest.mark.django_db
def test_a_streamed_answer_that_is_dropped_says_so(log: Log) -> None:
    client = Client()
    client.force_login(make_user())
    client.get("/agents/export.csv").close()
    (line,) = log.requests()
    assert (line["bytes"], line["whole"]) == (0, False)


@pytest.mark.django_db
def test_a_fault_has_the_id_that_its_page_shows(log: Log, settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS = None  # no number to compare with: any fault would do
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    response = client.get("/agents/")
    assert response.status_code == 500
    shown = response.headers["X-Request-ID"]
    assert f"Request {shown}." in response.content.decode()
    (fault,) = log.entries("django.request")
    assert (fault["level"], fault["request_id"]) == ("ERROR", shown)
    assert "Traceback" in str(fault["trace"])
    assert [line["request_id"] for line in log.requests()] == [shown]


# --- Who may come in ------------------------------------------------------------------------


@pytest.mark.django_db
def test_sign_ins_are_logged(log: Log) -> None:
    user = make_user("mara")
    sign_in("mara")
    Client().post("/accounts/login/", {"login": "mara\nforged", "password": "wrong"})
    done, failed = log.entries("ade.security")
    assert (done["message"], done["who"], done["name"], done["address"]) == (
        "signed in",
        f"person:{user.pk}",
        "mara",
        "127.0.0.1",
    )
    assert (failed["message"], failed["level"], failed["address"]) == (
        "sign-in failed",
        "WARNING",
        "127.0.0.1",
    )


@pytest.mark.django_db
def test_keys_and_roles_are_logged(log: Log, django_capture_on_commit_callbacks: Any) -> None:
    user = make_user("mara")
    with django_capture_on_commit_callbacks(execute=True):
        key_id = make_token(name="app").split("_")[1]
        disable_key(key_id=key_id, actor=ROOT)
        change_role(user, role=Role.ADMIN, by=By("person:1", "Root"))
    made, ended, role = log.entries("ade.security")
    assert [made["key"], ended["key"]] == [f"key:{key_id}"] * 2
    assert (ended["message"], ended["who"]) == ("API key: disabled", ROOT.id)
    assert (role["message"], role["who"], role["member"], role["detail"]) == (
        "member: changed the role of",
        "person:1",
        f"person:{user.pk}",
        "Editor → Admin",
    )
