"""manage.py import_letta when things go wrong: the source gone or odd, agents unreadable."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from agents.models import Agent
from tests.commands.letta_source import Call, Reply, agent, copied, fake_server, letta
from tests.domain.core.test_half_way import refuse_rows_of
from tests.helpers import everything, tags_of

pytestmark = pytest.mark.only_sqlite  # the database plays no part

TOKEN = "a-secret-token"
NO_LIST = "is no Letta API: the answer is no list of agents"


def run(url: str, *arguments: str) -> None:
    call_command("import_letta", "--base-url", url, "--retries", "0", *arguments)


def refused(url: str, *arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        run(url, *arguments)
    return str(error.value).replace(url, "URL")


# --- The source -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_source_that_goes_down_leaves_what_was_done_and_the_next_run_finishes() -> None:
    agents = [agent(n) for n in range(5)]
    down = True

    def answer(call: Call) -> Reply:
        if down and "after" in call.query:
            return Reply(b'{"detail": "no\\u001b[2J"}', 503)
        return letta(agents)(call)

    with fake_server(answer) as url:
        assert refused(url, "--page-size", "2") == (
            "URL answered 503: no⟨U+001B⟩[2J Imported agents stay. Run it again to continue."
        )
        assert Agent.objects.count() == 2
        down = False
        run(url, "--page-size", "2")
    assert [agent["id"] for agent in agents] == sorted(copied())


@pytest.mark.django_db
def test_call_that_fails_is_sent_again() -> None:
    answers = [Reply(b"1"), Reply(b"", 429, {"Retry-After": "0"}), Reply(status=0)]

    def answer(call: Call) -> Reply:
        return answers.pop(0) if answers else letta([agent()])(call)

    with fake_server(answer) as url:
        call_command("import_letta", "--base-url", url, "--retries", "2")
    assert Agent.objects.get().name == "Agent 1"


@pytest.mark.django_db
def test_agent_deleted_there_while_its_page_ends_with_it_loses_no_other() -> None:
    agents = [agent(n) for n in range(7)]

    def answer(call: Call) -> Reply:
        reply = letta(agents)(call)
        if call.path == "/v1/agents/" and "after" not in call.query and len(agents) == 7:
            del agents[2]  # the cursor of the next call
        return reply

    with fake_server(answer) as url:
        run(url, "--page-size", "3")
    assert Agent.objects.count() == 7


@pytest.mark.django_db
def test_token_goes_along_and_is_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Reply:
        good = call.headers.get("Authorization") == f"Bearer {TOKEN}"
        return letta([agent()])(call) if good else Reply(b"{}", 401)

    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with fake_server(answer) as url:
        assert refused(url, "--token", f"{TOKEN}x") == (
            "URL refuses the token (401). Nothing was changed."
        )
        run(url, "--token-file", str(file))
    assert Agent.objects.count() == 1
    shown = "".join(capsys.readouterr())
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"", 404), "There is no Letta API at URL (404). Check the address."),
        (Reply(b"no", 500), "URL answered 500: no"),
        (Reply(status=0), "URL does not answer: Server disconnected without sending a response."),
        (
            Reply(b"<html>"),
            f"URL {NO_LIST}: JSON is malformed: invalid character (byte 0).",
        ),
        (
            Reply(b"{}"),
            f"URL {NO_LIST}: Expected `array`, got `object`.",
        ),
        (
            Reply(b"[" + b" " * (64 << 20)),
            "URL sent an answer larger than 67,108,864 bytes. A smaller --page-size may help.",
        ),
        (
            Reply(b"", 307, {"Location": "http://other.example/v1/agents/"}),
            "URL redirects to http://other.example. If that is right, use it as the address.",
        ),
        (
            Reply(json.dumps([agent()]).encode()),
            "URL gives its first page again and again.",
        ),
    ],
    ids=["missing", "broken", "hangs up", "html", "object", "too large", "elsewhere", "no cursor"],
)  # fmt: skip
@pytest.mark.django_db
def test_source_that_cannot_be_read_is_named_with_the_reason(reply: Reply, message: str) -> None:
    def answer(call: Call) -> Reply:
        return Reply(b"1") if call.path == "/v1/agents/count" else reply

    before = everything()
    with fake_server(answer) as url:
        assert refused(url, "--dry-run") == f"{message} Nothing was changed."
    assert everything() == before


@pytest.mark.django_db
def test_redirect_within_the_server_is_followed() -> None:
    def answer(call: Call) -> Reply:
        if call.path.startswith("/v1"):
            query = "&".join(f"{name}={one}" for name, all_ in call.query.items() for one in all_)
            return Reply(b"", 307, {"Location": f"/moved{call.path}?{query}"})
        call.path = call.path.removeprefix("/moved")
        return letta([agent()])(call)

    with fake_server(answer) as url:
        run(f"{url}/v1/")
    assert Agent.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8283", "The address must be like http://127.0.0.1:8283."),
        ("ftp://127.0.0.1", "The address must be like http://127.0.0.1:8283."),
        ("http://[", "The address cannot be read."),
        ("http://me:secret@host", "The address contains a user name or password. Remove it, and give a token instead."),
        ("http://host/?a=b", "The address ends with the path. Remove ? or # and what follows."),
    ],
)  # fmt: skip
def test_address_that_is_none_is_refused(url: str, message: str) -> None:
    assert refused(url) == message


@pytest.mark.django_db
def test_source_without_tls_where_tls_was_asked_for_is_named() -> None:
    with fake_server(letta([])) as url:
        secure = url.replace("http:", "https:")
        assert refused(secure).startswith("No secure connection to URL: ")


# --- The agents -----------------------------------------------------------------------------


def id_of(number: int) -> str:
    return str(agent(number)["id"])


@pytest.mark.django_db
def test_agents_that_cannot_be_taken_are_named_and_the_others_come_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    block = {"label": "human", "value": "x"}
    no_tags = agent(2)
    del no_tags["tags"]
    agents = [
        agent(0),
        agent(1, name=3),
        no_tags,
        agent(3, id="agent-3"),
        agent(4, tags=["ok", ""]),
        agent(5, created_at="1900-01-01T00:00:00Z"),
        agent(6, model=None),
        agent(7, blocks=[{**block, "id": "block-1"}, {**block, "id": "block-2"}]),
        agent(8, metadata={"a": json.loads("[" * 80 + "]" * 80)}),
        agent(9),
    ]
    with fake_server(letta(agents)) as url:
        assert refused(url) == "Not imported: 8 of 10 agents. See the errors above."
    assert sorted(copied()) == [id_of(0), id_of(9)]
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": not imported: ")[::2] for line in sorted(lines)] == [
        (id_of(1), "it cannot be read: Expected `str`, got `int` - at `$.name`."),
        (id_of(2), "it cannot be read: Object missing required field `tags`."),
        (id_of(4), "Tag is empty."),
        (id_of(5), "created_at must lie between the years 1948 and 2091."),
        (id_of(6), "INVALID_ARGUMENT: Must specify either model or llm_config in request"),
        (id_of(7), "Two memory blocks have the same label."),
        (id_of(8), "metadata is nested deeper than 64 levels."),
        ("agent-3", "An agent's ID must be “agent-” and a lower-case UUID."),
    ]


@pytest.mark.django_db
def test_blocks_attached_and_taken_off_there_follow_and_own_ones_stay() -> None:
    one, two = ({"id": f"block-{n}", "label": f"b{n}", "value": "x"} for n in (1, 2))
    agents = [agent(1, blocks=[one])]
    with fake_server(letta(agents)) as url:
        run(url)
        agents[0]["blocks"] = [two]
        run(url)
        labels = Agent.objects.get().agentblock_set.values_list("label", flat=True)
        assert list(labels) == ["b2"]
        agents[0]["blocks"] = [{**two, "label": "other"}]
        run(url)
    block = Agent.objects.get().agentblock_set.get()
    assert (block.label, block.block.label) == ("other", "other")


@pytest.mark.django_db
def test_recorded_answer_of_a_letta_server_comes_in(
    reference_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = json.loads(
        (reference_dir / "letta" / "cases" / "083-list-after.json").read_text("utf-8")
    )
    agents = case["response"]["body"]
    with fake_server(letta(agents)) as url:
        run(url)
        run(url)
        expected = "; {} created, 0 updated, {} unchanged, 0 skipped."
        kept = "Not kept by ADE: 2 messages, 2 tools."
        assert capsys.readouterr().out.splitlines() == [
            f"{url}: 2 agents read{expected.format(2, 0)}",
            kept,
            f"{url}: 2 agents read{expected.format(0, 2)}",
            kept,
        ]
    assert copied() == {
        one["id"]: (one["name"], datetime.fromisoformat(one["created_at"]), sorted(one["tags"]))
        for one in agents
    }
    first = Agent.objects.get(public_id=agents[0]["id"])
    assert (first.model, first.embedding, first.context_window_limit) == (
        "anthropic/claude-3-5-sonnet-20241022",
        "openai/text-embedding-ada-002",
        200000,
    )
    assert tags_of(first) == sorted(agents[0]["tags"])


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["agents_importedagent", "agents_change", "agents_agentblock"])
def test_page_that_the_database_refuses_changes_nothing(table: str) -> None:
    block = {"id": "block-00000000-0000-4000-8000-000000000001", "label": "human", "value": "x"}
    with fake_server(letta([agent(1, blocks=[block])])) as url:
        before = everything()
        refuse_rows_of(table)
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
            run(url)
    assert everything() == before
