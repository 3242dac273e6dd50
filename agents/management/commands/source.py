"""Connect the servers where agents run, and see how they are doing."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agents.core.actors import command_actor
from agents.core.errors import DomainError
from agents.core.tag_text import shown
from agents.domain.sources import leaving, manage, tokens
from agents.domain.sources.leaving import AgentsOf, Side
from agents.models import SourceKind
from agents.queries.sources import SourceState, states

_ACTOR = command_actor("source")
_TOKEN_BYTES = 10_000


class Command(BaseCommand):
    help = "Connect the servers where agents run (sources), and manage them."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        add = acts.add_parser("add", help="test a server and connect it")
        add.add_argument("name", metavar="NAME", help="how ADE calls the server")
        add.add_argument("url", metavar="URL", help="such as ws://127.0.0.1:4500/ws")
        add.add_argument("--kind", choices=SourceKind.values, help="default: by the address")
        add.add_argument(
            "--token-file", type=Path, metavar="F", help="a file that contains the token"
        )
        add.add_argument("--tag", metavar="T", help="take in only agents with this tag")
        acts.add_parser("list", help="list the sources and their state")
        acts.add_parser("rekey", help="encrypt all tokens with the first of SOURCE_KEYS")
        for act, about in (
            ("test", "ask the server what it is"),
            ("sync", "ask for a whole listing now"),
            ("pause", "stop reading and writing it"),
            ("resume", "read and write it again"),
            ("remove", "disconnect it; the server is not touched"),
        ):
            one = acts.add_parser(act, help=about)
            one.add_argument("name", metavar="NAME")
            if act == "pause":
                one.add_argument("--reason", default="", help="shown on the page of sources")
            if act == "resume":
                one.add_argument(
                    "--waiting",
                    choices=[side.value for side in Side],
                    help="which side counts for what waited before a restore",
                )
                one.add_argument(
                    "--same-server",
                    action="store_true",
                    help="apply what changed there, however much it is",
                )
            if act == "remove":
                one.add_argument(
                    "--agents",
                    choices=[choice.value for choice in AgentsOf],
                    required=True,
                    help="keep its agents in ADE as copies, or delete them in ADE",
                )

    def handle(self, *, act: str, **options: Any) -> None:
        run: Callable[..., None] = getattr(self, f"_{act}")
        try:
            run(**options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _add(
        self,
        *,
        name: str,
        url: str,
        kind: str | None,
        token_file: Path | None,
        tag: str | None,
        **_: Any,
    ) -> None:
        token = None if token_file is None else _token(token_file)
        added = manage.add_source(
            name=name, url=url, kind=kind, token=token, only_tag=tag, actor=_ACTOR
        )
        self._say(f"Connected {shown(name)}: {added.about.words}.")
        self._say("The worker imports its agents (manage.py db_worker; make run starts one).")

    def _list(self, **_: Any) -> None:
        rows = states()
        if not rows:
            self._say("No server is connected. Connect one with: source add NAME URL")
        for row in rows:
            self._say("\t".join(_line(row)))

    def _test(self, *, name: str, **_: Any) -> None:
        self._say(f"It answers: {manage.try_source(source=name, actor=_ACTOR).words}.")

    def _sync(self, *, name: str, **_: Any) -> None:
        manage.sync_now(source=name, actor=_ACTOR)
        self._say("A sync was requested. The worker starts it within seconds.")

    def _pause(self, *, name: str, reason: str, **_: Any) -> None:
        manage.pause(source=name, reason=reason, actor=_ACTOR)
        self._say(f"Paused {shown(name)}. Tag edits are accepted and wait.")

    def _resume(self, *, name: str, waiting: str | None, same_server: bool, **_: Any) -> None:
        side = None if waiting is None else Side(waiting)
        leaving.resume(source=name, waiting=side, same_server=same_server, actor=_ACTOR)
        self._say(f"Resumed {shown(name)}.")

    def _remove(self, *, name: str, agents: str, **_: Any) -> None:
        plan = leaving.remove_source(source=name, agents=AgentsOf(agents), actor=_ACTOR)
        what = "kept as copies" if agents == AgentsOf.KEEP else "deleted in ADE"
        self._say(f"Disconnected {shown(name)}. {_agents(plan.agents)} {what}.")

    def _rekey(self, **_: Any) -> None:
        done, unreadable = tokens.rekey(actor=_ACTOR)
        self._say(f"{done} token{'' if done == 1 else 's'} encrypted with the first key.")
        for name in unreadable:
            self.stderr.write(f"{shown(name)}: its token cannot be read. Enter it again.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)


def _line(row: SourceState) -> list[str]:
    """The columns of a source: name, kind, address, agents, waiting, questions, state."""
    source = row.source
    state = row.state
    if state == "paused" and source.pause_reason:
        state = f"paused: {source.pause_reason}"
    elif state == "failing":
        state = f"failing: {source.problem}"
    elif state == "in step" and source.synced_at is not None:
        state = f"in step {(timezone.now() - source.synced_at).total_seconds():.0f} s ago"
    counts = _agents(row.agents), f"{row.waiting:,} waiting", f"{row.open_questions} to decide"
    return [shown(source.name), source.server_words or source.kind, source.url, *counts, state]


def _agents(number: int) -> str:
    return "1 agent" if number == 1 else f"{number:,} agents"


def _token(file: Path) -> str:
    """Return the token in a file, without the newline at its end."""
    try:
        with file.open("rb") as opened:
            read = os.read(opened.fileno(), _TOKEN_BYTES + 1)
        text = read.decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The token file cannot be read: {error}") from error
    if not text or len(read) > _TOKEN_BYTES:
        raise CommandError(f"{file} must contain one token and nothing else.")
    return text
