"""The jobs of one of several processes that write at once; see test_together.py, which starts them.

A process says it is ready, waits for a line on its input, does its job, and prints what came of it.
An error that a domain function is not meant to raise ends it with a traceback.
"""

import json
import random
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.core.actors import command_actor
from agents.core.errors import NotFound
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent, delete_agent
from agents.domain.history.undo import undo
from agents.domain.tags.edit import change_tags
from agents.domain.transfer.agent_file import parse
from agents.domain.transfer.import_file import import_file
from agents.models import Agent, ChangeSet
from tests.helpers import replace_tags

ACTOR = command_actor("writer")


def add(agent_id: str, names: list[str]) -> None:
    """Add tags one by one."""
    for name in names:
        change_tags(agent_id=agent_id, add=[name], actor=ACTOR)


def replace(agent_id: str, names: list[str], rounds: int) -> list[list[str]]:
    """Write the same whole set again and again; the sets that were there right after."""
    seen = []
    for _ in range(rounds):
        replace_tags(agent_id=agent_id, tags=names, actor=ACTOR)
        tags = Agent.objects.filter(public_id=agent_id).values_list(
            "agenttag__tag__name", flat=True
        )
        seen.append(sorted(tags))
    return seen


def create_at(moment: str, count: int) -> list[int]:
    """Create agents with one old timestamp, one by one; their keys."""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    spec = NewAgent(model="a/b", created_at=at)
    return [create_agent(spec, actor=ACTOR).seq for _ in range(count)]


def bring_in(files: int) -> int:
    """Import these files of two agents each, of which one agent is in all of them. How many made."""
    made = 0
    for number in range(files):
        agents = [
            {"id": "agent-0", "name": f"Max {number}", "model": "a/b", "tags": ["vip"]},
            {"id": "agent-1", "name": "Shared", "model": "a/b", "tags": ["vip"]},
        ]
        file = parse(json.dumps({"agents": agents}).encode())
        made += len(import_file(file, actor=ACTOR).made)
    return made


def steadily(agent_id: str, seconds: float) -> list[float]:
    """Create agents and replace the tags of one, by turns, without a pause; ms of each write."""
    waits, end = [], time.monotonic() + seconds
    while (start := time.monotonic()) < end:
        number = len(waits)
        if number % 2:
            replace_tags(agent_id=agent_id, tags=[f"t{number % 7}", f"{number % 4}"], actor=ACTOR)
        else:
            create_agent(NewAgent(model="a/b", tags=["made", f"t{number % 50}"]), actor=ACTOR)
        waits.append((time.monotonic() - start) * 1000)
    return waits


def anything(seed: int, steps: int, agents: list[str], tags: list[str]) -> dict[str, int]:
    """Any writes in any order, on agents and tags that others write too."""
    dice = random.Random(seed)
    known = list(agents)
    counts: dict[str, int] = {}
    for _ in range(steps):
        agent_id = dice.choice(known)
        some = dice.sample(tags, dice.randrange(4))
        kind = dice.choices(
            ["add", "remove", "replace", "both", "create", "delete", "undo"], [6, 6, 4, 4, 2, 1, 3]
        )[0]
        counts[kind] = counts.get(kind, 0) + 1
        with suppress(NotFound):  # deleted meanwhile
            _one(kind, agent_id, some, dice, known)
    return counts


def _one(kind: str, agent_id: str, some: list[str], dice: random.Random, known: list[str]) -> None:
    if kind == "add":
        change_tags(agent_id=agent_id, add=some, actor=ACTOR)
    elif kind == "remove":
        change_tags(agent_id=agent_id, remove=some, actor=ACTOR)
    elif kind == "replace":
        replace_tags(agent_id=agent_id, tags=some, actor=ACTOR)
    elif kind == "both":
        change_tags(agent_id=agent_id, add=some[:2], remove=some[2:], actor=ACTOR)
    elif kind == "create":
        known.append(create_agent(NewAgent(model="a/b", tags=some), actor=ACTOR).public_id)
    elif kind == "delete":
        delete_agent(agent_id=agent_id, actor=ACTOR)
    else:
        newest = ChangeSet.objects.order_by("-id").values_list("id", flat=True).first() or 0
        undo(change_set_id=max(1, newest - dice.randrange(20)), actor=ACTOR)


def noted(seed: int, until: str, own: str, agents: list[str], tags: list[str]) -> list[list[Any]]:
    """Anything, and after each a tag of one's own, until there is a file of that name.

    Gives when each of one's own was answered, its name, and how long it took in seconds.
    """
    dice, known, answered = random.Random(seed), list(agents), []
    before: list[str] = []
    while not Path(until).exists():
        kind = dice.choices(["add", "remove", "replace", "create", "delete"], [6, 4, 3, 2, 1])[0]
        with suppress(NotFound):
            _one(kind, dice.choice(known), dice.sample(tags, dice.randrange(4)), dice, known)
        name = f"noted-{seed}-{len(answered)}"
        began = time.time()
        change_tags(agent_id=own, add=[name], remove=before, actor=ACTOR)
        answered.append([time.time(), name, time.time() - began])
        before = [name]
    return answered


JOBS: dict[str, Any] = {
    job.__name__: job for job in (add, bring_in, replace, create_at, steadily, anything, noted)
}


def main() -> None:
    """Do the job that the command line names, with its arguments in JSON."""
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(JOBS[sys.argv[1]](**json.loads(sys.argv[2]))))
