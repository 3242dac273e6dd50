"""What the three keys of `strangers` ask at random. To add a route, add it here."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from agents.models import Agent
from tests.api.calls import SEED

if TYPE_CHECKING:
    from tests.access.strangers import Strangers

LIMITED = ("user_1", "user_2")
# Agents of whom nobody knows enough: more of them would only make each step slower.
MOST_AGENTS = 25
# What tells one thing from another: a mark in a text, an id, a user's tag.
TRACE = re.compile(r"zq[0-9a-f]{12}|(?:agent|block|identity)-[0-9a-f-]{36}|user_[12]")


@dataclass(frozen=True)
class Request:
    """One call of the API."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        return f"{self.method} {self.path} {json.dumps(self.body)} {self.headers}"

    def renamed(self, names: dict[str, str]) -> "Request":
        """The same request about other things."""

        def swap(text: str) -> str:
            return TRACE.sub(lambda found: names.get(found[0], found[0]), text)

        body = None if self.body is None else json.loads(swap(json.dumps(self.body)))
        return Request(self.method, swap(self.path), body, self.headers)


def _create(of: "Strangers") -> Request:
    if Agent.objects.count() >= MOST_AGENTS:
        return _delete(of)
    body = SEED | {
        "name": of.mark(),
        "description": of.mark(),
        "system": of.mark(),
        "metadata": {of.mark(): of.mark()},
        "model": f"openai/{of.mark()}",
        "tags": of.texts(3),
        "memory_blocks": [{"label": "human", "value": of.mark(), "description": of.mark()}],
    }
    if of.rng.random() < 0.3:
        body |= {"memory_blocks": [], "block_ids": [of.block()]}
    return Request("POST", "/v1/agents/", body)


def _delta(of: "Strangers") -> Request:
    add, remove = of.texts(2), of.texts(2)
    body = {"add": add, "remove": [one for one in remove if one not in add]}
    return Request("POST", f"/v1/agents/{of.agent()}/tags", body, _if_match(of))


def _patch(of: "Strangers") -> Request:
    body: dict[str, Any] = {of.rng.choice(["name", "description", "system"]): of.mark()}
    if of.rng.random() < 0.4:
        body["tags"] = of.texts(4)
    return Request("PATCH", f"/v1/agents/{of.agent()}", body, _if_match(of))


def _delete(of: "Strangers") -> Request:
    return Request("DELETE", f"/v1/agents/{of.agent()}", None, _if_match(of))


def _if_match(of: "Strangers") -> tuple[tuple[str, str], ...]:
    return (("If_Match", '"stale"'),) if of.rng.random() < 0.2 else ()


def _get(of: "Strangers") -> Request:
    return Request("GET", f"/v1/agents/{of.agent()}?include=agent.blocks")


def _filter(of: "Strangers") -> list[tuple[str, str]]:
    query = [("tags", one) for one in of.texts(2)] + [("exclude_tags", one) for one in of.texts(1)]
    if of.rng.random() < 0.5:
        query.append(("match_all_tags", "true"))
    marks = [one for one in of.traces if one.startswith("zq")]
    if marks and of.rng.random() < 0.3:
        mark = of.rng.choice(marks)
        query.append(
            of.rng.choice([("name", mark), ("query_text", mark), ("model", f"openai/{mark}")])
        )
    return query


def _list(of: "Strangers") -> Request:
    query = [*_filter(of), ("limit", str(of.rng.choice([1, 3, 50])))]
    query.append(("order_by", of.rng.choice(["created_at", "updated_at"])))
    if of.rng.random() < 0.5:
        query.append((of.rng.choice(["after", "before"]), of.pick("agent")))
    return Request("GET", f"/v1/agents/?{urlencode(query)}")


def _count(of: "Strangers") -> Request:
    return Request("GET", f"/v1/agents/count?{urlencode(_filter(of))}")


def _tags(of: "Strangers") -> Request:
    query = [(of.rng.choice(["name", "after", "before"]), one) for one in of.texts(1)]
    return Request("GET", f"/v1/tags/?{urlencode(query)}")


def _blocks(of: "Strangers") -> Request:
    label = of.rng.choice(["", "/human", f"/{quote(of.mark())}", f"?after={of.pick('block')}"])
    return Request("GET", f"/v1/agents/{of.agent()}/core-memory/blocks{label}")


def _block(of: "Strangers") -> Request:
    return Request(
        "PATCH", f"/v1/agents/{of.agent()}/core-memory/blocks/human", {"value": of.mark()}
    )


def _one_block(of: "Strangers") -> Request:
    url = f"/v1/blocks/{of.block()}"
    return of.rng.choice(
        [
            Request("GET", url),
            Request("GET", f"{url}/agents"),
            Request("PATCH", url, {"value": of.mark()}),
            Request("DELETE", url),
            Request("GET", f"/v1/blocks/?after={of.block()}"),
            Request("POST", "/v1/blocks/", {"label": "human", "value": of.mark()}),
        ]
    )


def _attach(of: "Strangers") -> Request:
    act = of.rng.choice(["attach", "attach", "detach"])
    return Request("PATCH", f"/v1/agents/{of.agent()}/core-memory/blocks/{act}/{of.block()}")


def _identity(of: "Strangers") -> Request:
    one = of.pick("identity")
    made = {"identifier_key": of.mark(), "name": of.mark(), "identity_type": "user"}
    return of.rng.choice(
        [
            Request("POST", "/v1/identities/", made),
            Request("GET", f"/v1/identities/{one}"),
            Request("GET", f"/v1/identities/{one}/agents"),
            Request("DELETE", f"/v1/identities/{one}"),
            Request("PATCH", f"/v1/agents/{of.agent()}/identities/attach/{one}"),
            Request("GET", f"/v1/agents/{of.agent()}/identities"),
            Request("GET", f"/v1/agents/?identity_id={one}"),
        ]
    )


def _whole_agent(of: "Strangers") -> Request:
    rest = of.rng.choice(["export", "core-memory", "messages", "tools"])
    return Request("GET", f"/v1/agents/{of.agent()}/{rest}")


REQUESTS: list[Callable[["Strangers"], Request]] = [
    _create, _create, _delta, _delta, _patch, _delete, _get, _list, _list, _count, _tags, _blocks,
    _block, _one_block, _attach, _attach, _identity, _whole_agent,
]  # fmt: skip
