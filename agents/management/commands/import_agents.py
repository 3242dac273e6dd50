"""Import agent files (.af) with any number of agents, in batches. Imports no agent twice by default."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.core.actors import Source, command_actor
from agents.core.errors import DomainError, Invalid
from agents.core.limits import IMPORT_AGENTS
from agents.core.tag_text import require_legal, shown
from agents.domain.transfer.agent_file import AgentFile, parse
from agents.domain.transfer.file_json import NoAgentFile
from agents.domain.transfer.import_file import import_in_batches
from agents.domain.transfer.many_files import is_zip, parse_files
from agents.models import Agent


class Command(BaseCommand):
    help = (
        "Import agent files (.af). A refused file changes nothing. Larger files are written "
        f"in batches of {IMPORT_AGENTS} agents; each batch is written completely or not at all. "
        "After an interruption, run it again: it continues where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path",
            nargs="+",
            type=Path,
            help="an agent file, a zip file of agent files, or a folder",
        )
        parser.add_argument(
            "--tag",
            action="append",
            default=[],
            metavar="T",
            help="also add this tag to every agent",
        )
        parser.add_argument(
            "--again", action="store_true", help="import agents again that were already imported"
        )

    def handle(self, *, path: list[Path], tag: list[str], again: bool, **_options: Any) -> None:
        try:
            for name in tag:
                require_legal(name, field="tag")
        except Invalid as error:
            raise CommandError(f"--tag: {error.message}") from error
        refused = 0
        files = [file for given in path for file in self._files(given)]
        for file in files:
            try:
                self._import(file, tag, again)
            except NoAgentFile as error:
                if file not in path and file.suffix == ".json":
                    self.stdout.write(f"{shown(str(file), 200)}: skipped: {error.message}")
                    continue
                refused += 1
                self.stderr.write(f"{shown(str(file), 200)}: refused: {error.message}")
            except DomainError as error:
                refused += 1
                self.stderr.write(f"{shown(str(file), 200)}: refused: {error.message}")
        if refused:
            raise CommandError(
                f"Refused {refused} of {len(files)} files. Refused files changed nothing."
            )

    def _files(self, path: Path) -> list[Path]:
        """Return the path, or a folder's agent files and zip files, without hidden files."""
        if not path.is_dir():
            return [path]
        if (path / "agents").is_dir() and (path / "conversations").is_dir():
            # Letta Code's own folder: the rest are conversations, credentials and memory in git.
            self.stdout.write(f"{shown(str(path), 200)}: not kept: conversations and memory files")
            path = path / "agents"
        found = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in (".af", ".json", ".zip")
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        return found or [path]

    def _import(self, path: Path, tags: list[str], again: bool) -> None:
        file = _parsed(path, tags)
        actor = command_actor("import_agents", Source.IMPORT)
        name, done, made = shown(str(path), 200), 0, 0
        for result in import_in_batches(file, actor=actor, reason=path.name[:200], again=again):
            for agent in result.made:
                self.stdout.write(f"{name}: imported {_told(agent)}")
            for agent in result.known:
                self.stdout.write(
                    f"{name}: “{shown(agent.name)}” was already imported as {agent.public_id}"
                )
            done += len(result.agents)
            made += len(result.made)
            if len(result.agents) < len(file.agents):
                self.stdout.write(f"{name}: {done:,} of {len(file.agents):,} agents done")
            self.stdout.flush()
        if file.skipped:
            self.stdout.write(f"{name}: skipped: {', '.join(file.skipped)}")
        if made and file.not_kept:
            self.stdout.write(f"{name}: not kept: {', '.join(file.not_kept)}")


def _parsed(path: Path, tags: list[str]) -> AgentFile:
    data = _read(path)
    if is_zip(data):
        return parse_files([(path.name, data)], tags=tags, bounded=False)
    return parse(data, tags=tags, bounded=False)


def _read(path: Path) -> bytes:
    """The file's bytes. Raises Invalid; it reads no more than the size limit."""
    try:
        with path.open("rb") as file:
            return file.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    except IsADirectoryError as error:
        raise Invalid("is a folder without agent files (.af, .json or .zip).") from error
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}.") from error


def _told(agent: Agent) -> str:
    blocks = agent.agentblock_set.count()
    return (
        f"“{shown(agent.name)}” as {agent.public_id}, {agent.model}, "
        f"{blocks} {'block' if blocks == 1 else 'blocks'}, "
        f"{agent.tag_count} {'tag' if agent.tag_count == 1 else 'tags'}"
    )
