"""What the three keys of `strangers` ask at random. To add a route, add it here."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from agents.models import Agent
from tests.api.calls import SEED

if TYPE_CHECKING:
    from tests.access.strangers import Strangers

LIMITED = ("user_1", "user_2")
# Agents of whom nobody knows enough: more of them would only make each step slower.
MOST_AGENTS = 25
# What tells one thing from another: a mark in a text, an id, a user's tag; and in an address what
# has no kind in its id.
TRACE = re.compile(
    r"zq[0-9a-f]{12}|(?:agent|block|identity)-[0-9a-f-]{36}|user_[12]"
    r"|history/\d+|bulk/[0-9a-f-]{36}|keys/[0-9a-f]{12}|webhooks/wh_[0-9a-f]{16}"
)


@dataclass(frozen=True)
class Request:
    """One call of the API."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    form: bool = False  # the body is the file of a form

    @property
    def text(self) -> str:
        return f"{self.method} {self.path} {json.dumps(self.body)} {self.headers}"

    def renamed(self, names: dict[str, str]) -> "Request":
        """The same request about other things."""

        def swap(text: str) -> str:
            return TRACE.sub(lambda found: names.get(found[0], found[0]), text)

        body = None if self.body is None else json.loads(swap(json.dumps(self.body)))
        return replace(self, path=swap(self.path), body=body)


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
        query.append((of.rng.choice(["after", "before"]), of.cursor()))
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


def _import(of: "Strangers") -> Request:
    if Agent.objects.count() >= MOST_AGENTS:
        return _delete(of)
    agent = {
        "id": "agent-0",
        "name": of.mark(),
        "model": f"openai/{of.mark()}",
        "tags": of.texts(3),
    }
    return Request("POST", "/v1/agents/import", {"agents": [agent]}, form=True)


def _tag_write(of: "Strangers") -> Request:
    """A rename, merge or deletion; of a user's tag only by those who may not do it."""
    names = [one for one in of.texts(9) if of.who in LIMITED or one not in LIMITED]
    name, other = [*names, of.mark(), of.mark()][:2]
    act, field = of.rng.choice([("rename", "new"), ("merge", "into"), ("delete", "reason")])
    body = {"name": name, field: other, "apply": of.rng.random() < 0.7}
    return Request("POST", f"/v1/tags/{act}", body)


def _users(of: "Strangers") -> Request:
    """Agents assigned, moved, off-boarded; a user's tag ends only where nobody may end it."""
    name, other = [*of.texts(9), of.mark(), of.mark()][:2]
    if of.rng.random() < 0.5:
        body = {"name": name, "agent_ids": [of.agent(), of.agent()], "reason": of.mark()}
        return Request("POST", "/v1/users/assign", body)
    if of.who not in LIMITED and name in LIMITED:
        name = of.mark()
    act = of.rng.choice([("move", {"to": other}), ("offboard", {"how": "agents"})])
    body = {"name": name, **act[1], "apply": of.rng.random() < 0.7}
    return Request("POST", f"/v1/users/{act[0]}", body)


def _bulk_plan(of: "Strangers") -> Request:
    add, remove = of.texts(2), of.texts(2)
    if of.rng.random() < 0.3:
        rows = [{"agent_id": of.agent(), "tag": tag} for tag in [*add, *remove]]
        return Request("POST", "/v1/bulk/rows", {"rows": rows, "reason": of.mark()})
    op = of.rng.choice(["add", "remove"])
    body = {
        "filter": of.rng.choice([{}, {"tags": of.texts(2)}, {"exclude_tags": of.texts(1)}]),
        "op": op,
        op: add or [of.mark()],
        "reason": of.mark(),
    }
    if of.rng.random() < 0.3:
        body["agent_ids"] = [of.agent(), of.agent()]
    return Request("POST", "/v1/bulk/", body)


def _bulk(of: "Strangers") -> Request:
    url = f"/v1/{of.plan()}"
    last = url.removeprefix("/v1/bulk/")
    reads = [url, f"{url}/results", f"{url}/refused", "/v1/bulk/", f"/v1/bulk/?after={last}"]
    if of.rng.random() < 0.4:
        return Request("GET", of.rng.choice(reads))
    act = of.rng.choice(["apply", "apply", "apply", "undo", "undo", "stop", "resume"])
    return Request("POST", f"{url}/{act}")


def _history(of: "Strangers") -> Request:
    if of.rng.random() < 0.4:
        query = [("tag", one) for one in of.texts(1)] or [("agent", of.agent())]
        return Request("GET", f"/v1/history/?{urlencode(query[of.rng.randint(0, 1) :])}")
    if of.rng.random() < 0.2:
        return Request("GET", f"/v1/{of.change_set()}")
    return Request("POST", f"/v1/{of.change_set()}/undo")


def _keys(of: "Strangers") -> Request:
    made = {"name": of.mark(), "limit_tag": of.rng.choice([*LIMITED, of.mark()])}
    return of.rng.choice(
        [
            Request("POST", "/v1/keys/", made),
            Request("DELETE", f"/v1/{of.key()}"),
            Request("GET", "/v1/keys/"),
            Request("GET", f"/v1/keys/?{urlencode({'limit_tag': of.rng.choice(LIMITED)})}"),
        ]
    )


def _whole_agent(of: "Strangers") -> Request:
    rest = of.rng.choice(["export", "core-memory", "messages", "tools"])
    return Request("GET", f"/v1/agents/{of.agent()}/{rest}")


def _webhooks(of: "Strangers") -> Request:
    url = f"/v1/{of.webhook()}"
    made = {"url": f"https://{of.mark()}.example/", "name": of.mark(), "tags": of.texts(2)}
    return of.rng.choice(
        [
            Request("POST", "/v1/webhooks/", made),
            Request("GET", "/v1/webhooks/"),
            Request("GET", url),
            Request("GET", f"{url}/deliveries"),
            Request("PATCH", url, {"tags": of.texts(2)}),
            Request("POST", f"{url}/ping"),
            Request("POST", f"{url}/rotate"),
            Request("DELETE", url),
        ]
    )


REQUESTS: dict[str, list[Callable[["Strangers"], Request]]] = {
    "agents": [_create, _create, _delta, _delta, _patch, _delete, _get, _whole_agent, _import],
    "lists": [_list, _list, _count, _tags],
    "blocks": [_blocks, _block, _one_block, _attach, _attach],
    "identities": [_identity],
    "tags": [_tag_write],
    "users": [_users],
    "bulk": [_bulk_plan, _bulk, _bulk],
    "history": [_history],
    "keys": [_keys],
    "webhooks": [_webhooks],
}
