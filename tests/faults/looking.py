"""What is in the database after a fault, held against what its clients were answered.

A program of its own, so that it asks whichever database `DATABASE_URL` names.
"""

import json
import subprocess
import sys
from collections import defaultdict
from typing import Any

from processes import ROOT

CODE = "import django; django.setup(); from tests.faults.looking import main; main()"


def looked(
    environment: dict[str, str], ledger: list[dict[str, Any]], *, may_lose: bool = False
) -> dict[str, int]:
    """Require that all is as answered, whole, and adds up; how much of it there is.

    With `may_lose`, answered writes may be missing, and are counted.
    """
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "ade.settings", "PYTHONPATH": "bin"},
        input=json.dumps(ledger),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    counts: dict[str, int] = told["counts"]
    if may_lose:
        counts["lost"] = sum(one.endswith(": lost") for one in told["wrong"])
        told["wrong"] = [one for one in told["wrong"] if not one.endswith(": lost")]
    assert told["wrong"] == []
    return counts


def main() -> None:
    from tests.upkeep.test_backup_under_load import require_consistent

    wrong, counts = compare(json.load(sys.stdin))
    require_consistent()
    print(json.dumps({"wrong": wrong, "counts": counts}))


def compare(ledger: list[dict[str, Any]]) -> tuple[list[str], dict[str, int]]:
    """What is not as answered; how many writes are there, are not, and of how many nobody knew."""
    from agents.models import Agent, AgentDetail, Change, Op, Tombstone

    there = defaultdict(list)  # by the change-set
    for change in Change.objects.order_by("id"):
        there[change.change_set_id].append(change)
    sets = defaultdict(set)  # by the tag, where it was added
    for number, changes in there.items():
        for change in changes:
            if change.op == Op.ADD:
                sets[change.tag].add(number)
    agents = set(Agent.objects.values_list("public_id", flat=True))
    gone = set(Tombstone.objects.values_list("public_id", flat=True))
    wrong, counts = [], defaultdict(int)
    for one in ledger:
        name = f"{one['kind']} {one['mark']} ({one['status']})"
        if one["kind"] == "delete":
            is_there = one["agent"] in gone
            if is_there == (one["agent"] in agents) and one["status"] != 404:
                wrong.append(f"{name}: half deleted")
        else:
            found = sets[one["mark"]]
            is_there = bool(found)
            if found != sets[f"{one['mark']}b"] or len(found) > 1:
                wrong.append(f"{name}: half done or done twice, {sorted(found)}")
            elif is_there and not _is_whole(one, there[next(iter(found))]):
                wrong.append(f"{name}: not whole")
        counts["there" if is_there else "not there"] += 1
        must, unsure = one["status"] == 200, one["status"] in (0, 503) and not one["nothing_saved"]
        counts["answered"] += must
        if unsure:
            counts["unknown"] += 1
            counts["unknown, there"] += is_there
        elif is_there != must:
            wrong.append(f"{name}: {'there' if is_there else 'lost'}")
        if one["status"] not in (200, 503, 404, 0, -1):
            wrong.append(f"{name}: an answer nobody documented")
    if Agent.objects.count() != AgentDetail.objects.count():
        wrong.append("agents without their wide part")
    return wrong, dict(counts)


def _is_whole(one: dict[str, Any], changes: list[Any]) -> bool:
    """True if all that was asked for together was done together, to that agent alone."""
    if {change.agent_id for change in changes} - {one["agent"] or changes[0].agent_id}:
        return False
    facts = {(change.op, change.tag or change.field) for change in changes}
    wanted: set[tuple[str, str]] = {("add", one["mark"]), ("add", f"{one['mark']}b")}
    if one["kind"] == "create":
        wanted |= {("create", ""), ("add", "all")}
    if one["kind"] == "edit":
        wanted |= {("set", "name")}
    return wanted <= facts
