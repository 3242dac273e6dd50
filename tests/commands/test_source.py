"""manage.py source: connect a server in one line, and see how it is doing."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import Agent, AgentSource
from tests.domain.sources.stand_in import StandIn, stand_in
from tests.helpers import make_agent
from tests.source_rows import make_source, put_at

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part


@pytest.fixture
def server(settings: Any) -> Iterator[StandIn]:
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    with stand_in() as running:
        yield running


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("source", *arguments)
    return capsys.readouterr().out


def test_one_line_connects_a_server(
    server: StandIn, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("the-token\n")
    options = ["--kind", "app-server", "--token-file", str(tmp_path / "token"), "--tag", "user_1"]
    said = run(capsys, "add", "local", server.url, *options)
    assert said.startswith("Connected local: App Server 0.34.12, local backend, 0 agents.\n")
    assert "the-token" not in said
    source = AgentSource.objects.get()
    assert (source.name, source.kind, source.only_tag) == ("local", "app-server", "user_1")
    assert run(capsys, "test", "local").startswith("It answers: App Server 0.34.12")
    assert run(capsys, "rekey") == "1 token encrypted with the first key.\n"


def test_list_says_how_each_is_doing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list").startswith("No server is connected.")
    put_at(make_agent(), make_source("east", problem="Connection refused."))
    make_source("west")
    east, west = run(capsys, "list").splitlines()
    assert east.split("\t")[3:] == ["1 agent", "0 waiting", "0 to decide", "failing: Connection refused."]  # fmt: skip
    assert west.split("\t")[-1].startswith("in step")


def test_pause_resume_sync_and_remove(capsys: pytest.CaptureFixture[str]) -> None:
    put_at(make_agent(), make_source())
    run(capsys, "pause", "letta-prod", "--reason", "nightly")
    assert run(capsys, "list").rstrip().endswith("paused: nightly")
    with pytest.raises(CommandError, match="is paused"):
        run(capsys, "sync", "letta-prod")
    run(capsys, "resume", "letta-prod")
    run(capsys, "sync", "letta-prod")
    assert AgentSource.objects.get().sync_asked_at is not None
    assert "kept as copies" in run(capsys, "remove", "letta-prod", "--agents", "keep")
    assert Agent.objects.get().source_id is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["test", "none"], "There is no source none"),
        (["add", "x", "ftp://example.org"], "address"),
        (["add", "x", "ws://127.0.0.1:9/ws", "--token-file", "/none"], "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("source", *arguments)
