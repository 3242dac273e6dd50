"""The world that the access tests ask about, and how each asks it of any route."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from agents.api.app import api
from agents.domain.bulk import BulkChange, Selection, make_plan
from agents.domain.identities import NewIdentity, create_identity
from agents.domain.newagents import NewBlock
from agents.domain.tags import change_tags
from agents.domain.views import save_view
from agents.domain.webhooks import create_webhook, ping
from agents.filters import AgentFilter
from agents.models import Agent, ApiKey, Block, BulkOp, BulkPlan
from agents.tasks import begin
from tests.accounts.people import sign_in
from tests.api.calls import SEED, call, make_token
from tests.helpers import ROOT, make_agent, make_user

MODEL = {"model": "letta/letta-free"}

# What is sent to a route that wants more than its address; everything in it is legal.
FORMS: dict[str, dict[str, str]] = {
    "/accounts/login/": {"login": "nobody", "password": "wrong"},
    "/accounts/reauthenticate/": {"password": "wrong"},
    "/accounts/password/": {"old_password": "wrong"},
    "/accounts/2fa/authenticate/": {"code": "000000"},
    "/accounts/2fa/reauthenticate/": {"code": "000000"},
    "/accounts/2fa/totp/activate/": {"code": "000000"},
    "/accounts/2fa/webauthn/login/": {"credential": "{}"},
    "/members/": {"username": "new", "role": "viewer"},
    "/members/<int:pk>/role/": {"role": "manager"},
    "/agents/new/": MODEL | {"name": "new"},
    "/agents/<str:agent_id>/": {"name": "renamed"},
    "/agents/<str:agent_id>/delete/": {"name": "mine"},
    "/agents/<str:agent_id>/settings/": MODEL | {"system": "changed"},
    "/agents/<str:agent_id>/memory/": {"block": "BLOCK", "label": "human", "value": "changed"},
    "/agents/<str:agent_id>/memory/add/": {"label": "new"},
    "/agents/<str:agent_id>/memory/remove/": {"block": "BLOCK", "how": "delete"},
    "/agents/<str:agent_id>/history/": {"change_set": "CHANGE_SET"},
    "/agents/<str:agent_id>/tags/": {"tag": "new"},
    "/agents/<str:agent_id>/tags/remove/": {"tag": "note"},
    "/agents/<str:agent_id>/tags/undo/": {"change_set": "CHANGE_SET"},
    "/bulk/new/": {"add": "new"},
    "/bulk/selection/": {"act": "all"},
    "/views/new/": {"name": "mine"},
    "/views/<slug:slug>/": {"name": "renamed"},
    "/tags/one/": {"name": "note", "description": "changed", "protection": "settings"},
    "/tags/rename/": {"name": "note", "other": "new"},
    "/tags/merge/": {"name": "note", "other": "extra"},
    "/tags/delete/": {"name": "note", "typed": "note"},
    "/users/one/": {"name": "user_1", "agents": "AGENT"},
    "/users/offboard/": {"name": "user_1", "how": "tag", "typed": "user_1"},
    "/keys/": {"name": "new", "scope": "read"},
    "/webhooks/": {"url": "https://app.example/hook"},
    "/webhooks/<str:webhook_id>/": {"url": "https://app.example/other"},
    "/webhooks/<str:webhook_id>/switch/": {"to": "off"},
    "/webhooks/<str:webhook_id>/redeliver/": {"delivery": "DELIVERY"},
    "/keys/<str:key_id>/rotate/": {"overlap": "0"},
}
# What an address that is about a tag asks with.
QUERIES = {
    "/tags/one/": "?name=note",
    "/tags/rename/": "?name=note",
    "/tags/merge/": "?name=note&other=extra",
    "/tags/delete/": "?name=note",
    "/users/one/": "?name=user_1",
    "/users/offboard/": "?name=user_1&how=agents",
}
IDENTITY = {"identifier_key": "new", "name": "New", "identity_type": "user"}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/agents/"): SEED,
    ("PATCH", "/v1/agents/<agent_id>"): {"description": "changed"},
    ("POST", "/v1/agents/<agent_id>/tags"): {"add": ["new"]},
    ("PATCH", "/v1/agents/<agent_id>/core-memory/blocks/<path:label>"): {"value": "changed"},
    ("POST", "/v1/tags/rename"): {"name": "note", "new": "new", "apply": True},
    ("POST", "/v1/tags/merge"): {"name": "note", "into": "extra", "apply": True},
    ("POST", "/v1/tags/delete"): {"name": "note", "apply": True},
    ("POST", "/v1/users/assign"): {"name": "user_3", "agent_ids": ["AGENT"]},
    ("POST", "/v1/users/move"): {"name": "user_1", "to": "user_3", "apply": True},
    ("POST", "/v1/users/offboard"): {"name": "user_1", "how": "agents", "apply": True},
    ("POST", "/v1/bulk/"): {"filter": {"tags": ["note"]}, "op": "add", "add": ["new"]},
    ("POST", "/v1/bulk/rows"): {"rows": [{"agent_id": "AGENT", "tag": "new"}]},
    ("POST", "/v1/blocks/"): {"label": "new"},
    ("PATCH", "/v1/blocks/<block_id>"): {"value": "changed"},
    ("POST", "/v1/identities/"): IDENTITY,
    ("PUT", "/v1/identities/"): IDENTITY,
    ("PATCH", "/v1/identities/<identity_id>"): {"name": "changed"},
    ("PUT", "/v1/identities/<identity_id>/properties"): [
        {"key": "plan", "value": "pro", "type": "string"}
    ],
    ("POST", "/v1/keys/"): {"name": "new", "limit_tag": "user_1"},
    ("POST", "/v1/webhooks/"): {"url": "https://app.example/hook"},
    ("PATCH", "/v1/webhooks/<webhook_id>"): {"tags": ["user_*"]},
}


@dataclass(frozen=True)
class World:
    """One of everything, and an agent of another user with a block of its own."""

    own: Agent
    foreign: Agent
    values: dict[str, object]

    def url(self, route: str, *, foreign: bool = False) -> str:
        """The address that a route has here."""
        agent = self.foreign if foreign else self.own
        values = self.at(route) | {"agent_id": agent.public_id} | self.names(route)
        if foreign:
            values |= {"block_id": self.values["foreign_block_id"]}
        query = QUERIES.get(route, "")
        return re.sub(r"[\^]?\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", _filled(values), route) + query

    def at(self, route: str) -> dict[str, object]:
        """What stands in a route: of the API's undo a bulk change that there is to undo."""
        undo = route == "/v1/bulk/<plan_id>/undo"
        return self.values | ({"plan_id": self.values["done_plan_id"]} if undo else {})

    def body(self, method: str, route: str) -> Any:
        """What a call of the API sends."""
        text = json.dumps(BODIES.get((method, route)))
        return json.loads(text.replace('"AGENT"', json.dumps(self.own.public_id)))

    def names(self, route: str) -> dict[str, object]:
        """A name that the route's converter takes."""
        known = {"<unkept:": "tools", "<unkept_of_agent:": "messages"}
        known |= {"<unkept_search:": "tools/search", "<act_on_agent:": "summarize"}
        fitting = [name for start, name in known.items() if start in route]
        return {"name": fitting[-1]} if fitting else {}

    def form(self, route: str) -> dict[str, str]:
        """What the route's form sends."""
        known = {
            "CHANGE_SET": str(self.values["change_set"]),
            "BLOCK": str(self.values["block_id"]),
            "AGENT": self.own.public_id,
            "DELIVERY": str(self.values["delivery_id"]),
        }
        return {name: known.get(text, text) for name, text in FORMS.get(route, {}).items()}


def _filled(values: dict[str, object]) -> Any:
    return lambda match: str(values[match.group(1) or match.group(2)])


def make_world() -> World:
    """Make it, through the domain."""
    own = make_agent(name="mine", tags=["user_1", "note"], blocks=[NewBlock("human", "own")])
    foreign = make_agent(name="theirs", tags=["user_2"], blocks=[NewBlock("human", "secret")])
    changed = change_tags(agent_id=own.public_id, add=["extra"], actor=ROOT).change_set
    assert changed is not None
    identity = create_identity(
        NewIdentity("cust-1", "Ann", "user", agent_ids=[own.public_id]), actor=ROOT
    )
    soon = timezone.now() + timedelta(hours=1)
    make_token(name="short", scope="read", limit_tag="user_1", expires_at=soon)
    hook = create_webhook(url="https://app.example/known", actor=ROOT).webhook
    values: dict[str, object] = {
        "webhook_id": hook.public_id,
        "delivery_id": ping(webhook_id=hook.public_id, actor=ROOT).public_id,
        "plan_id": _planned(own).id,
        "done_plan_id": begin(plan_id=_planned(own).id, actor=ROOT).id,
        "slug": save_view(name="seen", pairs=[], shared=True, pinned=True, actor=ROOT).slug,
        "change_set": changed.id,
        "change_set_id": changed.id,
        "key_id": ApiKey.objects.get().key_id,
        "block_id": Block.objects.order_by("id")[0].public_id,
        "foreign_block_id": Block.objects.order_by("id")[1].public_id,
        "identity_id": identity.public_id,
        "label": "human",
        "rest": "1",
        "pk": make_user("member").pk,
        "uidb64": "MQ",
        "token": "wrong",
        "provider_id": "sso",
    }
    return World(own, foreign, values)


def _planned(agent: Agent) -> BulkPlan:
    """A bulk change of this agent, planned."""
    selection = Selection(AgentFilter(ids=(agent.public_id,)))
    change = BulkChange(BulkOp.ADD, add=["planned"])
    return make_plan(selection=selection, change=change, actor=ROOT)


def browser_of(who: str, **options: Any) -> Client:
    """A browser that nobody, or someone of this role, has just signed in to."""
    client = Client(**options)
    if who != "nobody":
        make_user(who, role=who)
        client.cookies = sign_in(who).cookies
    return client


def visit(client: Client, method: str, route: str, world: World) -> HttpResponse:
    """One request of a browser, with the form of the route where it posts."""
    url = world.url(route)
    if method == "POST":
        return client.post(url, world.form(route))
    response = client.generic(method, url)
    if response.streaming:
        response.getvalue()  # an export counts as running until it is read
    return response


def token_of(who: str) -> str:
    """Nobody's, that of a key of this scope, or that of one limited to user_1."""
    if who == "nobody":
        return ""
    if who in ("own", "foreign"):
        return make_token(name=who, limit_tag="user_1")
    return make_token(name=who, scope=who)


def ask(who: str, token: str, method: str, route: str, world: World) -> HttpResponse:
    """One call of the API, about an agent of user_1 or, for `foreign`, about another."""
    url = world.url(route, foreign=who == "foreign")
    return call(method, url, world.body(method, route), token=token)


def routes() -> set[str]:
    """Every route of the URL configuration, as it stands there."""
    return {f"/{route}" for route in _walk(get_resolver())}


def _walk(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _walk(pattern, route)


def operations() -> set[tuple[str, str]]:
    """Every method and route of the API, as ninja has them."""
    return {
        (method, "/v1" + prefix + re.sub(r"{(\w+:)?(\w+)}", r"<\1\2>", path))
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }
