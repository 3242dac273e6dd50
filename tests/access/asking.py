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

from agents.api.core.app import api
from agents.core.agent_rights import Right
from agents.core.filters import AgentFilter
from agents.core.reach import Reach
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.core.key_tokens import actor_of, find_key
from agents.domain.door.access_tokens import create_access_token
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.memory.new import NewBlock
from agents.domain.saved_views import save_view
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode
from agents.domain.webhooks.write import create_webhook, ping
from agents.models import Agent, ApiKey, Block, BulkOp, BulkPlan, InboxItem, Offboarding
from agents.tasks.bulk import begin
from agents.tasks.offboarding import offboard
from tests.accounts.people import sign_in
from tests.api.calls import SEED, call, make_token, whole
from tests.helpers import ROOT, make_agent, make_user
from tests.source_rows import make_source

MODEL = {"model": "letta/letta-free"}
ALL = {"about": "all", "which": "all"}
TAKE = {"take": "all"}

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
    "/members/<int:pk>/limit/": {"reach": "some", "limit": "user_1"},
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
    "/access/view-as/": {"id": "key:KEY"},
    "/bulk/new/": {"add": "new"},
    "/bulk/selection/": {"act": "all"},
    "/views/new/": {"name": "mine"},
    "/views/<slug:slug>/": {"name": "renamed"},
    "/tags/one/": {"name": "note", "description": "changed", "protection": "settings"},
    "/tags/watch/": {"name": "note"},
    "/tags/rename/": {"name": "note", "other": "new"},
    "/tags/merge/": {"name": "note", "other": "extra"},
    "/tags/delete/": {"name": "note", "typed": "note"},
    "/users/one/": {"name": "user_1", "agents": "AGENT"},
    "/users/offboard/": {"name": "user_1", "how": "tag", "typed": "user_1"},
    "/keys/": {"name": "new", "scope": "read", "reach": "all"},
    "/sources/": {"name": "new", "url": "ws://127.0.0.1:9/ws"} | TAKE,
    "/sources/inbox/<int:item_id>/": {"do": "accept"},
    "/sources/<int:source_id>/": {"name": "renamed", "url": "ws://127.0.0.1:9/ws"} | TAKE,
    "/sources/<int:source_id>/token/": {"none": "on"},
    "/sources/<int:source_id>/change/": {"change_set": "CHANGE_SET"},
    "/sources/<int:source_id>/remove/": {"agents": "keep", "plan": "0:0"},
    "/webhooks/": {"url": "https://app.example/hook"} | ALL,
    "/webhooks/<str:webhook_id>/": {"url": "https://app.example/other"} | ALL,
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
    "/agents/<str:agent_id>/access.csv": "?since=2026-01-01&until=2026-01-02",
    "/access/tag/": "?name=user_1",
    "/access/tag.csv": "?name=user_1&since=2026-01-01&until=2026-01-02",
    "/access/actor/": "?id=key:KEY",
    "/v1/access/": "?user=user_1",
    "/users/offboard/": "?name=user_1&how=agents",
}
IDENTITY = {"identifier_key": "new", "name": "New", "identity_type": "user"}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/agents/"): SEED,
    ("PATCH", "/v1/agents/<agent_id>"): {"description": "changed"},
    ("POST", "/v1/agents/<agent_id>/tags"): {"add": ["new"]},
    ("PUT", "/v1/agents/<agent_id>/shared"): {"reason": "a team"},
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
    ("POST", "/v1/client-side-access-tokens"): {
        "hostname": "https://app.example",
        "policy": [{"type": "agent", "id": "AGENT", "access": ["read_agent"]}],
    },
    ("POST", "/v1/access/check"): {"agent_id": "AGENT", "right": "read_agent"},
    ("PATCH", "/v1/members/<member_id>"): {"limit": ["user_1"]},
    ("POST", "/v1/sources/"): {"name": "new", "url": "ws://127.0.0.1:9/ws"},
    ("POST", "/v1/sources/test"): {"url": "ws://127.0.0.1:9/ws"},
    ("PATCH", "/v1/sources/<source_id>"): {"name": "renamed"},
    ("POST", "/v1/sources/<source_id>/pause"): {"reason": "nightly"},
    ("POST", "/v1/sources/<source_id>/resume"): {},
    ("POST", "/v1/sources/<source_id>/changes/<change_set_id>"): {"paused": True},
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
        query = QUERIES.get(route, "").replace("KEY", str(self.values["key_id"]))
        if foreign:
            query = query.replace("name=note", "name=user_2").replace("name=user_1", "name=user_2")
        return re.sub(r"[\^]?\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", _filled(values), route) + query

    def at(self, route: str) -> dict[str, object]:
        """What stands in a route: of the API's undo a bulk change that there is to undo."""
        own = {
            "/v1/bulk/<plan_id>/undo": {"plan_id": self.values["done_plan_id"]},
            "/v1/sources/inbox/<item_id>/put-back": {"item_id": self.values["held_item_id"]},
            "/v1/sources/inbox/<item_id>/reopen": {"item_id": self.values["decided_item_id"]},
        }
        return self.values | own.get(route, {})

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
            "key:KEY": f"key:{self.values['key_id']}",
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
    short = make_token(name="short", scope="read", limit_tag="user_1", expires_at=soon)
    hook = create_webhook(url="https://app.example/known", actor=ROOT).webhook
    source = make_source(url="ws://127.0.0.1:9/ws")
    asked = InboxItem.objects.create(source=source, kind="gone", created_at=timezone.now())
    held = InboxItem.objects.create(
        source=source, kind="owner", details='{"add":[],"remove":[]}', created_at=timezone.now()
    )
    decided = InboxItem.objects.create(
        source=source,
        kind="limit",
        created_at=timezone.now(),
        decided_at=timezone.now(),
        decision="accept",
    )
    values: dict[str, object] = {
        "source_id": source.id,
        "item_id": asked.id,
        "held_item_id": held.id,
        "decided_item_id": decided.id,
        "webhook_id": hook.public_id,
        "delivery_id": ping(webhook_id=hook.public_id, actor=ROOT).public_id,
        "plan_id": _planned(own).id,
        "offboarding_id": _offboarded().id,
        "group": "nothing",
        "done_plan_id": begin(plan_id=_planned(own).id, actor=ROOT).id,
        "access_token": _token_of(short, own),
        "slug": save_view(name="seen", pairs=[], shared=True, pinned=True, actor=ROOT).slug,
        "change_set": changed.id,
        "change_set_id": changed.id,
        "key_id": ApiKey.objects.get().key_id,
        "block_id": Block.objects.order_by("id")[0].public_id,
        "foreign_block_id": Block.objects.order_by("id")[1].public_id,
        "identity_id": identity.public_id,
        "label": "human",
        "rest": "1",
        "pk": (pk := make_user("member").pk),
        "member_id": pk,
        "uidb64": "MQ",
        "token": "wrong",
        "provider_id": "sso",
    }
    return World(own, foreign, values)


def _offboarded() -> Offboarding:
    """The receipt of a user who has left."""
    make_agent(tags=["user_gone"])
    return offboard(name="user_gone", how=OffboardMode.TAG, actor=ROOT)


def _token_of(key: str, agent: Agent) -> str:
    """A client-side access token that this key made."""
    found = find_key(key)
    assert found is not None
    made = create_access_token(
        hostname="https://app.example",
        policy={agent.public_id: [Right.READ_AGENT]},
        actor=actor_of(found),
    )
    return made.token


def _planned(agent: Agent) -> BulkPlan:
    """A bulk change of this agent, planned."""
    selection = Selection(AgentFilter(ids=(agent.public_id,)))
    change = BulkChange(BulkOp.ADD, add=["planned"])
    return make_plan(selection=selection, change=change, actor=ROOT)


# Managers who are limited to user_1: one asks for an agent of it, the other for one of user_2.
ROLES = {"own": "manager", "foreign": "manager"}
REACHES = dict.fromkeys(ROLES, Reach.of_tags(["user_1"]).stored())


def browser_of(who: str, **options: Any) -> Client:
    """A browser that nobody, or someone of this role, has just signed in to."""
    client = Client(**options)
    if who != "nobody":
        make_user(who, role=ROLES.get(who, who), stored_reach=REACHES.get(who))
        client.cookies = sign_in(who).cookies
    return client


def visit(
    client: Client, method: str, route: str, world: World, *, foreign: bool = False
) -> HttpResponse:
    """One request of a browser, with the form of the route where it posts."""
    url = world.url(route, foreign=foreign)
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
        return make_token(name=who, limit_tag="user_1", any_label=True)
    return make_token(name=who, scope=who)


def ask(who: str, token: str, method: str, route: str, world: World) -> HttpResponse:
    """One call of the API, about an agent of user_1 or, for `foreign`, about another."""
    url = world.url(route, foreign=who == "foreign")
    return whole(call(method, url, world.body(method, route), token=token))


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
