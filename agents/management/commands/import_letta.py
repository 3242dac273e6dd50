"""Import agents, memory blocks and tags from a Letta server or another ADE. Can be repeated."""

from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from agents.core.actors import Source, command_actor
from agents.core.errors import DomainError
from agents.core.limits import IMPORT_ANSWER, PAGE_MOST
from agents.core.tag_text import require_legal, shown
from agents.domain.transfer import letta_import
from agents.domain.transfer.letta_import import Imported
from agents.domain.transfer.letta_plan import Skipped
from agents.domain.transfer.letta_state import SourceAgent, not_kept, source_agent
from agents.net.connectors.address import Networks, source_address
from agents.net.connectors.base import SeenAgent, SourceError, TooLarge, Unread
from agents.net.connectors.letta import LettaConnector

_PAGE = 200  # agents
_MOST_RETRIES = 20
_TOKEN_BYTES = 10_000
_SECONDS = 300.0  # for one page; a server that reads large agents may be silent for long
_REDIRECTS = 3
# A person who can run the command can reach these networks anyway.
_ANYWHERE = [ip_network("0.0.0.0/0"), ip_network("::/0")]
_NETWORKS = Networks(allowed=_ANYWHERE, plain=_ANYWHERE)
_ACTOR = command_actor("import_letta", Source.IMPORT)


class Command(BaseCommand):
    help = (
        "Copy agents with their memory blocks and tags from a running Letta server or another ADE. "
        "Run it again to import changes, or to continue after an interruption."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", required=True, metavar="URL", help="URL of the server")
        token = parser.add_mutually_exclusive_group()
        token.add_argument(
            "--token", help="API key of the server; visible to other users of this machine"
        )
        token.add_argument(
            "--token-file", type=Path, metavar="F", help="a file that contains the key"
        )
        parser.add_argument(
            "--tag",
            action="append",
            default=[],
            metavar="T",
            help="also add this tag to created agents",
        )
        parser.add_argument("--dry-run", action="store_true", help="only report what would change")
        parser.add_argument(
            "--page-size", type=_number(1, PAGE_MOST), default=_PAGE, metavar="N",
            help=f"agents read and written at once (default: {_PAGE})",
        )  # fmt: skip
        parser.add_argument(
            "--retries", type=_number(0, _MOST_RETRIES), default=5, metavar="N",
            help="retries of a failed request (default: 5)",
        )  # fmt: skip

    def handle(
        self,
        *,
        base_url: str,
        token: str | None,
        token_file: Path | None,
        tag: list[str],
        dry_run: bool,
        page_size: int,
        retries: int,
        verbosity: int,
        **_options: Any,
    ) -> None:
        run = _Run(dry_run=dry_run, tags=_legal(tag))
        try:
            url = source_address("letta", base_url, _NETWORKS)
            server = LettaConnector(
                url,
                token=_token(token, token_file),
                networks=_NETWORKS,
                answer_bytes=IMPORT_ANSWER,
                page_size=page_size,
                retries=retries,
                redirects=_REDIRECTS,
            )
        except (DomainError, SourceError) as error:
            raise CommandError(str(error)) from error
        stopped = None
        try:
            with server:
                run.all(server, url, silent=not verbosity)
        except TooLarge as error:
            stopped = f"{error} A smaller --page-size may help."
        except SourceError as error:
            stopped = str(error)
        except KeyboardInterrupt:
            stopped = "Stopped."
        if run.read or not stopped:
            self._tell(run, url)
        if stopped:
            kept = run.read and not dry_run
            again = (
                "Imported agents stay. Run it again to continue."
                if kept
                else "Nothing was changed."
            )
            raise CommandError(f"{stopped} {again}")
        if refused := sum(left.refused for left in run.imported.skipped):
            raise CommandError(
                f"Not imported: {refused:,} of {run.read:,} agents. See the errors above."
            )

    def _tell(self, run: "_Run", url: str) -> None:
        for left in run.imported.skipped:
            line = f"{shown(left.agent_id)}: {'not imported: ' if left.refused else ''}{left.why}"
            self.stderr.write(line)
        done = run.imported
        verbs = ("would be created", "would be updated") if run.dry_run else ("created", "updated")
        self.stdout.write(
            f"{url}: {run.read:,} agents read; {done.made:,} {verbs[0]}, {done.changed:,} "
            f"{verbs[1]}, {done.same:,} unchanged, {len(done.skipped):,} skipped."
        )
        counts = [
            f"{n:,} {one if n == 1 else several}" for (one, several), n in run.unkept.items() if n
        ]
        if counts:
            self.stdout.write(f"Not kept by ADE: {', '.join(counts)}.")


class _Run:
    """One import, page by page, and its results so far."""

    def __init__(self, *, dry_run: bool, tags: Sequence[str]) -> None:
        self.dry_run = dry_run
        self.tags = tags
        self.read = 0
        self.imported = Imported()
        self.unkept: Counter[tuple[str, str]] = Counter()
        self._source = ""
        self._seen: set[str] = set()

    def all(self, server: LettaConnector, url: str, *, silent: bool) -> None:
        """Read and import everything. Raises SourceError; agents already imported stay."""
        self._source = url
        total = server.count(seconds=_SECONDS)
        # On stderr, and only on a terminal, so that logs stay readable.
        with tqdm(total=total, unit=" agents", disable=True if silent else None) as bar:
            for page in server.agents(seconds=_SECONDS):
                self._page(page)
                bar.update(len(page))
        self.imported.skipped += letta_import.finish(
            source_url=self._source, seen=self._seen, actor=_ACTOR, dry_run=self.dry_run
        )

    def _page(self, page: list[SeenAgent | Unread]) -> None:
        self._seen.update(seen.id for seen in page if seen.id is not None)
        read = [source_agent(seen) if isinstance(seen, SeenAgent) else seen for seen in page]
        agents = [agent for agent in read if isinstance(agent, SourceAgent)]
        self.imported.skipped += [
            Skipped(agent.id or "an agent without an ID", agent.why, refused=True)
            for agent in read
            if isinstance(agent, Unread)
        ]
        self.imported.add(
            letta_import.import_page(
                agents,
                source_url=self._source,
                actor=_ACTOR,
                tags=self.tags,
                dry_run=self.dry_run,
            )
        )
        self.read += len(page)
        self.unkept += not_kept(agents)


def _number(least: int, most: int) -> Any:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            raise ArgumentTypeError(f"must be a whole number from {least} to {most:,}")
        return int(text)

    return number


def _legal(tags: list[str]) -> list[str]:
    try:
        return [require_legal(name, field="tag") for name in tags]
    except DomainError as error:
        raise CommandError(f"--tag: {error.message}") from error


def _token(token: str | None, file: Path | None) -> str | None:
    """Return the token from the option or its file. Raises SourceError."""
    if file is None:
        return token
    try:
        with file.open("rb") as opened:
            text = opened.read(_TOKEN_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"--token-file {file} cannot be read.") from error
    if not text:
        raise SourceError(f"--token-file {file} is empty.")
    return text
