"""Reference data for measuring: up to millions of agents, the same for the same seed."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from tqdm import tqdm

from agents.actors import command_actor
from agents.domain import bulkload
from agents.domain.benchshapes import SHAPES
from agents.models import Agent


class Command(BaseCommand):
    help = "Load reference data for measuring into a database without agents."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--agents", type=int, required=True, metavar="N", help="how many")
        parser.add_argument(
            "--shape",
            choices=sorted(SHAPES),
            default="reference",
            help="reference: as uneven as real data; loadtest: what the load test expects",
        )
        parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
        parser.add_argument(
            "--append", action="store_true", help="load beside the agents that are there"
        )

    def handle(
        self, *, agents: int, shape: str, seed: int, append: bool, verbosity: int, **_options: Any
    ) -> None:
        if agents < 1:
            raise CommandError("--agents must be at least 1.")
        if not append and Agent.objects.exists():
            raise CommandError("This database has agents; --append loads beside them.")
        started = time.monotonic()
        rows = SHAPES[shape](agents, seed)
        actor = command_actor("bench_data")
        try:
            # On stderr; silent where that is no terminal, so that logs stay readable.
            with tqdm(total=agents, unit=" agents", disable=None if verbosity else True) as bar:
                for done in bulkload.load(rows, actor=actor, reason=f"{shape}, seed {seed}"):
                    bar.update(done)
        except IntegrityError as error:
            raise CommandError(
                f"Stopped: agents with these ids are there already; another --seed makes others. {error}"
            ) from error
        bulkload.settle()
        seconds = time.monotonic() - started
        self.stdout.write(f"Loaded {agents:,} agents of shape {shape} in {seconds:,.0f} s.")
