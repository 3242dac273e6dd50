"""What needs Django: run as `python -m measuring prepare|look|record|tidy` with DATABASE_URL set.

`prepare` makes the key, the session and the agents to edit, and finds places in lists. `look`, given
those facts and names of scenarios on stdin, runs each in this process and counts statements and
database pages. `record`, given the same and a path, writes the statements for the floors into that
file. All answer with JSON on stdout. `tidy` undoes what was measured; `prepare` does that too, should
a run have been killed.
"""

import dataclasses
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.db.models import Q
from django.middleware.csrf import CSRF_SECRET_LENGTH
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.crypto import get_random_string

from ade.accounts import members
from ade.models import Role, User
from agents.core.actors import Actor, command_actor
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent, delete_agent
from agents.domain.keys import create_key
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentTag, Change, Tag
from agents.queries import agents
from measuring.floor import Statement
from measuring.recordings import record
from measuring.scenarios import (
    ADDED,
    CREATED,
    FEW,
    HELLO,
    MANY,
    MANY_TAGS,
    SCENARIOS,
    TARGET,
    Call,
    Facts,
    Scenario,
    State,
    body_of,
    headers_of,
)
from measuring.statements import pages_read, recorded

TARGETS = 16
SPREAD = 4000  # agents that get tags in turn
FLOOR_TARGETS = 8  # connections of a floor at most

application = get_wsgi_application()


def tidy(actor: Actor) -> None:
    """Delete the agents that were made, and take off the tags that were added."""
    made = AgentTag.objects.filter(tag__name__in=(TARGET, CREATED))
    for agent_id in set(made.values_list("agent__public_id", flat=True)):
        delete_agent(agent_id=agent_id, actor=actor)
    added = AgentTag.objects.filter(
        Q(tag__name__startswith=ADDED) | Q(tag__name__startswith=MANY_TAGS)
    )
    by_agent: dict[str, list[str]] = defaultdict(list)
    for agent_id, name in added.values_list("agent__public_id", "tag__name"):
        by_agent[agent_id].append(name)
    for agent_id, names in by_agent.items():
        change_tags(agent_id=agent_id, add=[], remove=names, actor=actor)
    Tag.objects.filter(name__startswith=MANY_TAGS, n=0).delete()


def prepare(actor: Actor) -> Facts:
    """Everything that calls refer to."""
    tidy(actor)
    agents_to_tag = _spread(Agent.objects.count())
    made = create_key(name="bench", actor=actor, expires_at=timezone.now() + timedelta(days=1))
    targets = [
        create_agent(
            NewAgent(
                model="letta/letta-free",
                embedding="letta/letta-free",
                name=f"Bench target {number}",
                tags=[TARGET],
            ),
            actor=actor,
        ).public_id
        for number in range(TARGETS + FLOOR_TARGETS)
    ]
    # Not new agents, which would be on the first page of every list.
    few, many = (agents_to_tag.pop(len(agents_to_tag) // 3) for _ in range(2))
    _tag_up_to(few, FEW, actor)
    _tag_up_to(many, MANY, actor)
    size = Agent.objects.count()
    huge = AgentTag.objects.filter(tag__name="env:prod").order_by("-agent_id")
    carried = Tag.objects.get(name="env:prod").n
    csrf = get_random_string(CSRF_SECRET_LENGTH)
    return Facts(
        token=made.token,
        cookie=f"{_cookie()}; {settings.CSRF_COOKIE_NAME}={csrf}",
        agents=agents_to_tag,
        middle=_public_id(huge[carried // 2].agent_id),
        end=_public_id(huge[max(carried - 51, 0)].agent_id),
        targets=targets[:TARGETS],
        floor_targets=targets[TARGETS:],
        few=few,
        many=many,
        csrf=csrf,
        change=Change.objects.order_by("id").values_list("id", flat=True).last() or 1,
        size=size,
        version=_version(),
    )


def _tag_up_to(agent: str, count: int, actor: Actor) -> None:
    """Add tags until the agent has `count` of them."""
    missing = count - AgentTag.objects.filter(agent__public_id=agent).count()
    names = [f"{MANY_TAGS}{number}" for number in range(missing)]
    change_tags(agent_id=agent, add=names, remove=[], actor=actor)


def _cookie() -> str:
    """The session of a member who may do all that the pages offer."""
    member = User.objects.filter(username="bench").first() or members.add(
        username="bench", full_name="", role=Role.ADMIN, by=members.By("command:bench", "bench")
    )
    client = Client()
    client.force_login(member)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def _spread(size: int) -> list[str]:
    """Agents in even steps from the oldest to the newest."""
    ids = Agent.objects.order_by("seq").values_list("public_id", flat=True)
    step = max(size // SPREAD, 1)
    return [one for number, one in enumerate(ids.iterator()) if number % step == 0][:SPREAD]


def _public_id(seq: int) -> str:
    public_id: str = Agent.objects.get(seq=seq).public_id
    return public_id


def _version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
        else:
            cursor.execute("SHOW server_version")
        return f"{connection.display_name} {cursor.fetchone()[0].split()[0]}"


def look(facts: Facts, names: Iterable[str]) -> dict[str, Any]:
    """What each scenario does, by its name."""
    state = State(facts)
    wanted = set(names)
    return {
        "seen": {
            scenario.name: _seen(scenario, state)
            for scenario in SCENARIOS
            if scenario.name in wanted
        }
    }


def _seen(scenario: Scenario, state: State) -> dict[str, Any]:
    """The SQL of one request, the second: the first notes the use of the key and the session."""
    for _ in range(2):
        call = scenario.next_call(state, 0)
        if call is None:
            sys.exit(f"{scenario.name}: no call is left.")
        ask = asker(call, state.facts)
        with recorded() as statements, _finding(statements) as found:
            body = ask()
    if scenario.name == HELLO and statements:
        sys.exit("The hello view asks the database, so nothing can be compared with it.")
    seen: dict[str, Any] = {"queries": len(statements), "bytes": len(body)}
    if not scenario.is_write:
        seen["pages"] = pages_read(statements)
    if found:
        seen["pages_to_find"] = pages_read(found)
    return seen


@contextmanager
def _finding(statements: list[Statement]) -> Iterator[list[Statement]]:
    """Those of the statements that find which agents are on a page, without what it shows of them."""
    found: list[Statement] = []
    real = agents.page

    def page(*arguments: Any, **more: Any) -> agents.Page:
        begin = len(statements)
        answer = real(*arguments, **more)
        found.extend(statements[begin:])
        return answer

    agents.page = page
    try:
        yield found
    finally:
        agents.page = real


def asker(call: Call, facts: Facts) -> Callable[[], bytes]:
    """A function that makes the request through the whole application, and gives the body."""
    body = body_of(call)
    headers = {"Host": "127.0.0.1", **headers_of(call, facts)}
    kind = headers.pop("Content-Type", "")
    # Django's own maker of requests also makes what a server gives an application.
    given = RequestFactory().generic(call.method, call.path, body, kind, headers=headers).environ

    def ask() -> bytes:
        parts: list[bytes] = []
        statuses: list[str] = []

        def begin(status: str, _: list[tuple[str, str]], error: Any = None, /) -> Any:
            statuses.append(status)
            return parts.append

        answer = application({**given, "wsgi.input": BytesIO(body)}, begin)
        parts += cast(Iterable[bytes], answer)
        answer.close()
        content = b"".join(parts)
        if statuses != ["200 OK"]:
            sys.exit(f"{statuses[0]} to {call.method} {call.path}: {content[:300]!r}")
        return content

    return ask


def main() -> None:
    actor = command_actor("bench")
    answer: dict[str, Any] = {}
    if sys.argv[1] == "prepare":
        answer = dataclasses.asdict(prepare(actor))
    elif sys.argv[1] == "look":
        asked = json.load(sys.stdin)
        answer = look(Facts(**asked["facts"]), asked["names"])
    elif sys.argv[1] == "record":
        asked = json.load(sys.stdin)
        facts = Facts(**asked["facts"])
        ask = lambda call: asker(call, facts)()  # noqa: E731
        answer = record(facts, asked["names"], Path(asked["path"]), ask)
    else:
        tidy(actor)
    json.dump(answer, sys.stdout)
