"""What a limited member asks on pages, for the comparison of two worlds: see `worlds`."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.test import Client

from agents.core.reach import Reach
from tests.access.member_requests import WIDE, as_file, upload
from tests.access.requests import Request
from tests.access.worlds import _ID, MODELS, OTHER, OWN, Walk, World
from tests.api.calls import whole
from tests.helpers import make_user

# What is another text in each answer, whatever others do: tokens against forgery, times, and numbers
# of changes, which count what everybody does (SECURITY.md).
_NOISE = [
    (re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"'), "CSRF"),
    (re.compile(r'data-member="\d+"'), "OWN NUMBER"),
    (re.compile(r"<time\b.*?</time>", re.S), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00| UTC|Z)?"), "TIME"),
    (re.compile(r"&quot;[0-9a-f]{32}&quot;"), "ETAG"),  # of ids and times
    (re.compile(r"(view=|/views/)(\w+)-[0-9a-f]{8}\b"), r"\1\2-RANDOM"),
    (re.compile(r"\b(after|before)=[\w%-]{8,}"), r"\1=CURSOR"),  # of times
    (re.compile(r"\?before=\d+"), "?before=N"),
    (re.compile(r"agent-[0-9a-f]{4}…[0-9a-f]{4}"), "SHORT"),
    (re.compile(r"\btag-[0-9a-f]{16}"), "tag-OF-AGENT"),  # made from its id
    (re.compile(r"((?:view=|/views/)[\w-]+)-[0-9a-f]{8}\b"), r"\1-RANDOM"),
    (
        re.compile(r'(undo-|name="change_set"\s+value="|change_set=|undo=|redo=|/history/)\d+'),
        r"\1N",
    ),
    (re.compile(r'(name="change_set"[^>]*value=")\d+'), r"\1N"),
    (
        re.compile(
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-f])"
        ),
        None,
    ),
    (re.compile(r"\b\d+-[0-9a-f]{12}\b"), "MARK"),  # after ids, which may end like this
]
# What the member saw last of each kind.
_SEEN = {
    "plan": re.compile(r"/bulk/([0-9a-f-]{36})/"),
    "view": re.compile(r"/views/([\w-]+-[0-9a-f]{8})/"),
    "undo": re.compile(r"id=.undo-(\d+)"),
    "after": re.compile(r"\bafter=([\w%-]{8,})"),
}
_LAST = re.compile(r"\{(plan|view|undo|after)\}")
_NOT_COMPARED = {"X-Request-ID", "Content-Length", "Date", "ETag", "Server-Timing"}


@dataclass
class MemberWorld(World):
    """One world, as a limited member sees it on pages."""

    client: Client = field(default_factory=Client)
    last: dict[str, str] = field(default_factory=dict)

    def ask(self, request: Request) -> str:
        path = self._filled(request.path)
        if request.method == "GET":
            response: Any = self.client.get(path, headers=dict(request.headers))
        else:
            response = self.client.post(path, _filled_form(self, request.body))
        told = {k: v for k, v in response.headers.items() if k not in _NOT_COMPARED}
        answer = f"{response.status_code} {sorted(told.items())} {whole(response).content.decode()}"
        for kind, pattern in _SEEN.items():
            if found := pattern.findall(answer):
                self.last[kind] = found[-1]
        answer = _ID.sub(lambda found: self._place(found[1], found[0]), answer)
        for pattern, instead in _NOISE:
            answer = pattern.sub(instead or "UUID", answer)
        return answer

    def _filled(self, text: str) -> str:
        return _LAST.sub(lambda found: self.last.get(found[1], "0"), super()._filled(text))


def _filled_form(world: World, form: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [world._filled(text) for text in value]
        if isinstance(value, list)
        else as_file(world._filled(value))
        if name == "file"
        else world._filled(value)
        for name, value in form.items()
    }


def enter(role: str) -> MemberWorld:
    """A world, and a session of a member in it who is limited to OWN."""
    member = make_user("lena", role=role, stored_reach=Reach.of_tags([OWN]).stored())
    world = MemberWorld(token="")
    world.client.force_login(member)
    world.client.raise_request_exception = False
    return world


# --- What the member asks -------------------------------------------------------------------


def _make(walk: Walk) -> Request:
    if len(walk.world.known("agent")) >= 20 and walk.rng.random() < 0.5:
        name = walk.own("agent")
        return Request("POST", f"/agents/{name}/delete/", {"name": name, "reason": ""})
    form = {"name": walk.mark(), "model": walk.rng.choice(MODELS), "tags": ",".join(walk.tags(3))}
    return Request("POST", "/agents/new/", form)


def _change(walk: Walk) -> Request:
    url, tag = f"/agents/{walk.own('agent')}", walk.rng.choice([*walk.tags(3), walk.mark()])
    return walk.rng.choice(
        [
            Request("POST", f"{url}/tags/", {"tag": tag}),
            Request("POST", f"{url}/tags/remove/", {"tag": tag}),
            Request("POST", f"{url}/", {"name": walk.mark(), "description": ""}),
            Request("POST", f"{url}/memory/add/", {"label": "human", "value": walk.mark()}),
            Request("POST", "/users/one/", {"name": tag, "agents": walk.own("agent")}),
            Request("POST", "/views/new/", {"name": walk.mark(), "shared": "on"}),
        ]
    )


def _list(walk: Walk) -> Request:
    query = [("any", one) for one in walk.tags(2)] + [("none", one) for one in walk.tags(1)]
    if walk.rng.random() < 0.4:
        query.append(("q", walk.rng.choice(["zq", "q1", walk.mark()])))
    query.append(("sort", walk.rng.choice(["newest", "oldest", "updated", "name"])))
    query.append(("size", walk.rng.choice(["25", "50"])))
    path = walk.rng.choice(["/agents/", "/agents/", "/agents/export.csv"])
    return Request("GET", f"{path}?{urlencode(query)}")


def _look(walk: Walk) -> Request:
    agent, tag = (
        walk.own("agent"),
        quote(walk.rng.choice([*walk.tags(2), OTHER, "note", walk.mark()])),
    )
    part = quote(walk.rng.choice(["", "z", "zq", "user", "no"]))
    headers = (("HX-Request", "true"),) if walk.rng.random() < 0.3 else ()
    return Request(
        "GET",
        walk.rng.choice(
            [
                f"/agents/{agent}/",
                f"/agents/{agent}/settings/",
                f"/agents/{agent}/memory/",
                f"/agents/{agent}/history/",
                f"/agents/{agent}/json/",
                f"/users/one/?name={tag}",
                f"/tags/one/?name={tag}",
                f"/tags/?q={part}",
                f"/users/?q={part}",
                "/tags/export.csv",
                f"/tags/suggest/?q={part}",
                f"/go/?q={part}",
                f"/go/suggest/?q={part}",
                "/",
                "/history/",
                "/bulk/",
                "/views/",
                "/trash/",
                "/webhooks/",
                "/agents/upload/",
            ]
        ),
        headers=headers,
    )


ASKED_BY_MEMBERS = [_make, _make, _change, _change, _change, _list, _list, _look, _look, _look]
ASKED_BY_MEMBERS += [*WIDE, upload]
