"""Import agents, memory blocks and tags from a running Letta server, or another ADE, again and again."""

from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from agents.actors import Source, command_actor
from agents.domain import letta_import
from agents.domain.letta_import import Brought, Left
from agents.domain.letta_state import SourceAgent, Unread, not_kept
from agents.errors import DomainError
from agents.limits import PAGE_MOST
from agents.management.letta_server import LettaServer, SourceError, source_url
from agents.tagnames import require_legal, shown

_PAGE = 200  # agents
_MOST_RETRIES = 20
_TOKEN_BYTES = 10_000
_ACTOR = command_actor("import_letta", Source.IMPORT)


class Command(BaseCommand):
    help = (
        "Copy agents with their memory blocks and tags from a running Letta server or another ADE. "
        "Run again, it brings what changed there; stopped, it goes on when it is run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", required=True, metavar="URL", help="of the server")
        token = parser.add_mutually_exclusive_group()
        token.add_argument("--token", help="its API key; others on this machine may see it here")
        token.add_argument("--token-file", type=Path, metavar="F", help="a file that holds the key")
        parser.add_argument(
            "--tag", action="append", default=[], metavar="T", help="give agents made here this too"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what it would do, only")
        parser.add_argument(
            "--page-size", type=_number(1, PAGE_MOST), default=_PAGE, metavar="N",
            help=f"agents read and written at once (default: {_PAGE})",
        )  # fmt: skip
        parser.add_argument(
            "--retries", type=_number(0, _MOST_RETRIES), default=5, metavar="N",
            help="how often a call that fails is sent again (default: 5)",
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
            url = source_url(base_url)
            server = LettaServer(url, token=_token(token, token_file), retries=retries)
        except SourceError as error:
            raise CommandError(str(error)) from error
        stopped = None
        try:
            run.all(server, page_size, silent=not verbosity)
        except SourceError as error:
            stopped = str(error)
        except KeyboardInterrupt:
            stopped = "Stopped."
        finally:
            server.close()
        if run.read or not stopped:
            self._tell(run, url)
        if stopped:
            kept = run.read and not dry_run
            again = "What was imported stays; run it again." if kept else "Nothing was changed."
            raise CommandError(f"{stopped} {again}")
        if refused := sum(left.refused for left in run.brought.left):
            raise CommandError(f"Not imported: {refused:,} of {run.read:,} agents, named above.")

    def _tell(self, run: "_Run", url: str) -> None:
        for left in run.brought.left:
            line = f"{shown(left.agent_id)}: {'not imported: ' if left.refused else ''}{left.why}"
            self.stderr.write(line)
        done = run.brought
        verbs = ("would be made", "would change") if run.dry_run else ("made", "changed")
        self.stdout.write(
            f"{url}: {run.read:,} agents read; {done.made:,} {verbs[0]}, {done.changed:,} "
            f"{verbs[1]}, {done.same:,} as they were, {len(done.left):,} left."
        )
        counts = [
            f"{n:,} {one if n == 1 else several}" for (one, several), n in run.unkept.items() if n
        ]
        if counts:
            self.stdout.write(f"Not kept by ADE: {', '.join(counts)}.")


class _Run:
    """One import, page by page, and what has come of it so far."""

    def __init__(self, *, dry_run: bool, tags: Sequence[str]) -> None:
        self.dry_run = dry_run
        self.tags = tags
        self.read = 0
        self.brought = Brought()
        self.unkept: Counter[tuple[str, str]] = Counter()
        self._source = ""

    def all(self, server: LettaServer, page_size: int, *, silent: bool) -> None:
        """Read and import everything. Raises SourceError; what was imported before it stays."""
        self._source = server.url
        # On stderr; silent where that is no terminal, so that logs stay readable.
        with tqdm(total=server.count(), unit=" agents", disable=True if silent else None) as bar:
            for page in server.pages(page_size):
                self._page(page)
                bar.update(len(page))
        self.brought.left += letta_import.finish(
            source_url=self._source, seen=server.seen, actor=_ACTOR, dry_run=self.dry_run
        )

    def _page(self, page: list[SourceAgent | Unread]) -> None:
        agents = [one for one in page if isinstance(one, SourceAgent)]
        self.brought.left += [
            Left(one.id or "an agent without an ID", one.why)
            for one in page
            if isinstance(one, Unread)
        ]
        self.brought.add(
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
    """The token, also from its file. Raises SourceError."""
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
