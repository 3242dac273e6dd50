"""Import agent files (.af): each file whole or not at all, none twice unless asked."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.actors import Source, command_actor
from agents.domain import agentfile
from agents.domain.imports import import_file
from agents.errors import DomainError, Invalid
from agents.models import Agent
from agents.tagnames import require_legal, shown


class Command(BaseCommand):
    help = "Import agent files (.af). A file that is refused changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="+", type=Path, help="an agent file")
        parser.add_argument(
            "--tag", action="append", default=[], metavar="T", help="give every agent this tag too"
        )
        parser.add_argument(
            "--again", action="store_true", help="make agents also where the same were imported"
        )

    def handle(self, *, path: list[Path], tag: list[str], again: bool, **_options: Any) -> None:
        try:
            for name in tag:
                require_legal(name, field="tag")
        except Invalid as error:
            raise CommandError(f"--tag: {error.message}") from error
        refused = 0
        for one in path:
            try:
                self._import(one, tag, again)
            except DomainError as error:
                refused += 1
                self.stderr.write(f"{shown(str(one), 200)}: refused: {error.message}")
        if refused:
            raise CommandError(f"Refused, and nothing changed by it: {refused} of {len(path)}.")

    def _import(self, path: Path, tags: list[str], again: bool) -> None:
        file = agentfile.parse(_read(path), tags=tags)
        actor = command_actor("import_agents", Source.IMPORT)
        result = import_file(file, actor=actor, reason=path.name[:200], again=again)
        name = shown(str(path), 200)
        for agent in result.made:
            self.stdout.write(f"{name}: imported {_told(agent)}")
        for agent in result.known:
            self.stdout.write(
                f"{name}: “{shown(agent.name)}” was already imported as {agent.public_id}"
            )
        if result.made and file.not_kept:
            self.stdout.write(f"{name}: not kept: {', '.join(file.not_kept)}")


def _read(path: Path) -> bytes:
    """The file's bytes. Raises Invalid; more than a file may have are not read."""
    try:
        with path.open("rb") as file:
            return file.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}.") from error


def _told(agent: Agent) -> str:
    blocks = agent.agentblock_set.count()
    return (
        f"“{shown(agent.name)}” as {agent.public_id}, {agent.model}, "
        f"{blocks} {'block' if blocks == 1 else 'blocks'}, "
        f"{agent.tag_count} {'tag' if agent.tag_count == 1 else 'tags'}"
    )
