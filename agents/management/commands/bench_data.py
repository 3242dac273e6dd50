"""Load reference data for benchmarks: up to millions of agents, the same for the same seed."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from tqdm import tqdm

from agents.core.actors import command_actor
from agents.models import Agent
from agents.samples import bulk_load
from agents.samples.bench_shapes import SHAPES


class Command(BaseCommand):
    help = "Load reference data for benchmarks into a database without agents."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--agents", type=int, required=True, metavar="N", help="number of agents"
        )
        parser.add_argument(
            "--shape",
            choices=sorted(SHAPES),
            default="reference",
            help="reference: as uneven as real data; loadtest: what the load test expects",
        )
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other data")
        parser.add_argument(
            "--system", type=Path, metavar="FILE", help="loadtest: every agent's system prompt"
        )
        parser.add_argument("--append", action="store_true", help="load beside existing agents")

    def handle(
        self,
        *,
        agents: int,
        shape: str,
        seed: int,
        system: Path | None,
        append: bool,
        verbosity: int,
        **_options: Any,
    ) -> None:
        if agents < 1:
            raise CommandError("--agents must be at least 1.")
        if system and shape != "loadtest":
            raise CommandError("--system needs --shape loadtest.")
        if not append and Agent.objects.exists():
            raise CommandError("The database has agents. Use --append to load beside them.")
        started = time.monotonic()
        more = {"system": system.read_text()} if system else {}
        rows = SHAPES[shape](agents, seed, **more)
        actor = command_actor("bench_data")
        try:
            # On stderr, and only on a terminal, so that logs stay readable.
            with tqdm(total=agents, unit=" agents", disable=None if verbosity else True) as bar:
                for done in bulk_load.load(rows, actor=actor, reason=f"{shape}, seed {seed}"):
                    bar.update(done)
        except IntegrityError as error:
            raise CommandError(
                f"Stopped: agents with these ids exist already. Use another --seed. {error}"
            ) from error
        bulk_load.settle()
        seconds = time.monotonic() - started
        self.stdout.write(f"Loaded {agents:,} agents of shape {shape} in {seconds:,.0f} s.")
