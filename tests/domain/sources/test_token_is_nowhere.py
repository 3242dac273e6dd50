"""The token of a source is in no page, answer, log, metric, traceback, row or backup."""

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter

from ade.backups import archive
from agents.domain.sources import manage, tokens
from agents.models import AgentSource
from tests.access.asking import browser_of
from tests.api.calls import call, make_token
from tests.domain.sources.stand_in import Drop, StandIn
from tests.helpers import ROOT, everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_sqlite]
TOKEN = "zq-the-token-that-is-nowhere"


@pytest.fixture
def source(server: StandIn) -> AgentSource:
    """A source with a token, whose server then breaks every connection."""
    made = manage.add_source(name="local", url=server.url, token=TOKEN, actor=ROOT).source

    def drop(kind: str, agent_id: str) -> None:
        raise Drop

    server.before = drop
    return made


def test_in_no_page_answer_log_or_metric(
    source: AgentSource, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    client, key = browser_of("admin"), make_token(scope="manage")
    url = reverse("source", args=[source.id])
    said = [
        client.get("/sources/"),
        client.get(url),
        client.post(f"{url}test/", follow=True),
        client.post(f"{url}token/", {"token": TOKEN}, follow=True),
        client.post(f"{url}token/", {"token": f"{TOKEN} "}),
        client.post("/sources/", {"name": "x", "url": source.url, "token": TOKEN, "take": "all"}),
        client.post("/sources/", {"url": source.url, "token": TOKEN, "do": "test", "take": "all"}),
        client.get("/history/"),
        Client().get("/metrics", headers={"Authorization": "Bearer x"}),
        call("GET", "/v1/sources/", token=key),
        call("POST", f"/v1/sources/{source.id}/test", token=key),
        call("POST", "/v1/sources/", {"name": "x", "url": source.url, "token": TOKEN}, token=key),
        call("PATCH", f"/v1/sources/{source.id}", {"token": TOKEN, "url": 1}, token=key),
        call("GET", "/v1/history/", token=key),
    ]
    assert AgentSource.objects.get().sealed_token is not None
    for answer in said:
        assert TOKEN not in answer.content.decode() + str(answer.headers), answer
    out, err = capfd.readouterr()
    assert TOKEN not in caplog.text + out + err


def test_in_no_traceback(source: AgentSource) -> None:
    request = RequestFactory().post("/sources/", {"token": TOKEN})
    request.sensitive_post_parameters = ["token"]  # type: ignore[attr-defined]  # as the view marks it
    try:
        tokens.unseal(b"\x01" + bytes(40), source_id=source.id, kind=source.kind, url=source.url)
    except tokens.TokenUnreadable as error:
        report = ExceptionReporter(request, type(error), error, error.__traceback__)
        assert TOKEN not in report.get_traceback_text()


def test_in_no_row_and_no_backup(source: AgentSource, tmp_path: Path, settings: Any) -> None:
    assert TOKEN not in repr(everything())
    call_command("backup", str(tmp_path / "backup.ade"))
    with archive.unpacking(tmp_path / "backup.ade") as (_, payload):
        assert TOKEN.encode() not in gzip.decompress(payload.read())
    settings.SOURCE_KEYS = ["another-key-" * 4]
    with pytest.raises(tokens.TokenUnreadable, match="Enter the token again"):
        tokens.token_of(AgentSource.objects.get())
