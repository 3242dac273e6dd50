"""Everything else that a limited member can ask on pages, and what staff and another limited member do meanwhile.

See `member_worlds`. `{plan}`, `{view}`, `{undo}` and `{after}` stand for what the member saw last.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote, urlencode

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ade.accounts import members
from ade.accounts.members import By
from ade.models import Role, User
from agents.core.errors import DomainError
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps
from agents.core.reach import Reach
from agents.domain.agents.trash import purge, restore
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.history.undo_set import undo_set
from agents.domain.members import change_member
from agents.domain.saved_views import save_view
from agents.models import Act, AgentTag, BulkOp, BulkPlan, ChangeSet, TrashedAgent, TrashedTag
from agents.tasks.bulk import begin
from tests.access.requests import Request
from tests.access.worlds import MODELS, OTHER, OWN, TAGS, Walk
from tests.helpers import ROOT, make_user

VIEWS = ["note", "Shared", "mine"]
HX = ("HX-Request", "true")
_NEVER = "11111111-1111-4111-8111-111111111111"


def _tag(walk: Walk) -> str:
    return walk.rng.choice([*TAGS, OWN, OTHER, walk.mark()])


def _query(walk: Walk) -> str:
    query = [("any", one) for one in walk.tags(2)] + [("none", one) for one in walk.tags(1)]
    return urlencode(query + ([("q", "zq")] if walk.rng.random() < 0.2 else []))


def read(walk: Walk) -> Request:
    """A page or a fragment of one agent, of a list, or of something that the member has made."""
    url, tag, part = f"/agents/{walk.own('agent')}", quote(_tag(walk)), _query(walk)
    copied, block = walk.own("agent"), walk.own("block")
    plan = walk.rng.choice(["{plan}", "{plan}", _NEVER, *_plans(walk)])
    paths = [
        *(f"{url}/{name}/" for name in ("recent", "source", "owner", "shared", "delete", "file")),
        *(f"{url}/tags/{name}/" for name in ("news", "editor", "row")),
        f"{url}/memory/?edit={block}",
        f"{url}/step/?list={quote(f'/agents/?{part}')}",
        f"{url}/step/?back=1&list={quote('/agents/?sort=name')}",
        f"{url}/?edit=about",
        f"/history/{{undo}}/undo/?agent={copied}",
        f"/agents/new/?copy={copied}",
        f"/agents/new/?tag={tag}",
        f"/agents/count/?{part}",
        f"/agents/export.csv?{part}&picked=1",
        f"/agents/?{part}&after={{after}}",
        f"/tags/suggest/?agent={copied}&q={quote(walk.rng.choice(['', 'n', 'zq', 'user']))}",
        f"/tags/suggest/?users=&known=&q={walk.rng.choice(['', 'u'])}",
        f"/tags/?only={walk.rng.choice(['unused', 'protected'])}&sort=name&kind=users",
        "/tags/export.csv?kind=users",
        f"/users/?sort={walk.rng.choice(['use', 'changed', 'used'])}",
        f"/users/one/?name={tag}&sort=name",
        f"/bulk/new/?{part}&op={walk.rng.choice(['add', 'remove', 'model', 'delete'])}",
        f"/bulk/{plan}/",
        f"/bulk/{plan}/results/",
        f"/bulk/{plan}/refused.csv",
        "/views/-/tabs/",
        f"/views/{{view}}/?{part}",
        f"/views/{walk.rng.choice(VIEWS).lower()}/",
        f"/agents/?view={walk.rng.choice(['{view}', 'note', 'shared'])}",
        f"/views/new/?{part}",
        "/bulk/csv/",
        "/accounts/",
        f"/access/tag/?name={tag}",
        f"{url}/access/",
        "/tags/lookalikes/",
        f"/tags/rename/?name={tag}",
        "/sources/inbox/",
        "/crossings/",
        "/memory/unused/",
    ]
    headers = (HX,) if walk.rng.random() < 0.3 else ()
    return Request("GET", walk.rng.choice(paths), headers=headers)


def _plans(walk: Walk) -> list[str]:
    """Ids of bulk changes of others."""
    plans = BulkPlan.objects.exclude(actor_name="lena").order_by("-created_at")
    return [str(one) for one in plans.values_list("id", flat=True)[:2]]


def write(walk: Walk) -> Request:
    """A form of one agent, with ids of others in it now and then."""
    url, tag, block = f"/agents/{walk.own('agent')}", _tag(walk), walk.own("block")
    new = {"name": walk.mark(), "model": walk.rng.choice(MODELS), "tags": _tag(walk)}
    edit = {"block": block, "label": "human", "value": walk.mark()}
    forms = [
        (f"{url}/tags/move/", {"to": tag, "tag": tag}),
        (f"{url}/owner/", {"to": walk.rng.choice([OTHER, "user_3", tag]), "reason": ""}),
        (f"{url}/shared/", {"reason": walk.mark()}),
        (f"{url}/settings/", {"model": walk.rng.choice(MODELS), "system": walk.mark()}),
        (f"{url}/memory/", edit),
        (f"{url}/memory/remove/", {"block": block, "how": walk.rng.choice(["delete", "detach"])}),
        (f"{url}/tags/undo/", {"change_set": "{undo}"}),
        (f"{url}/history/", {"change_set": "{undo}"}),
        (f"{url}/tags/", {"tag": f"{tag}, {walk.mark()}"}),
        ("/agents/new/", new | {"public_id": walk.own("agent")}),
        (f"/agents/new/?copy={walk.own('agent')}", new | {"with_blocks": "on"}),
        ("/users/one/", {"name": tag, "agents": f"{walk.own('agent')} {walk.own('agent')}"}),
        ("/trash/", {"act": "restore", "agent": [walk.own("agent"), walk.own("agent")]}),
        ("/trash/", {"act": "restore", "agent": [walk.own("agent")]}),
        ("/trash/", {"act": "purge", "agent": [walk.own("agent")], "sure": "yes"}),
        (f"/views/new/?{_query(walk)}", {"name": walk.rng.choice(VIEWS), "shared": "on"}),
        ("/views/{view}/", {"name": walk.rng.choice(VIEWS)}),
        ("/views/{view}/delete/", {}),
        ("/tags/one/", {"name": tag, "description": "x", "protection": "settings"}),
        ("/tags/watch/", {"name": tag}),
        ("/history/{undo}/undo/", {}),
    ]
    return Request("POST", *walk.rng.choice(forms))


def bulk(walk: Walk) -> Request:
    """A step of a bulk change."""
    part, tag = _query(walk), _tag(walk)
    ids = [walk.own("agent"), walk.own("agent")]
    ops = {
        "add": {"add": tag},
        "remove": {"remove": tag},
        "move": {"add": walk.rng.choice([OTHER, "user_3"])},
        "model": {"model": MODELS[0]},
    }
    op = walk.rng.choice([*ops])
    plan = walk.rng.choice(["{plan}", "{plan}", "{plan}", _NEVER, *_plans(walk)])
    pick = {"list": f"/agents/?{part}", "act": walk.rng.choice(["all", "all", "none", ""])}
    forms = [
        ("/bulk/selection/", pick | {"shown": " ".join(ids), "agent": ids[:1]}),
        ("/bulk/selection/", {"list": "/agents/", "act": "all"}),
        (f"/bulk/new/?{part}&op={op}", ops[op] | {"reason": ""}),
        (f"/bulk/new/?op={op}", ops[op] | {"reason": ""}),
        ("/bulk/csv/", {"rows": f"{ids[0]},{tag}\n{ids[1]},note"}),
        (f"/bulk/{plan}/apply/", {"keep": "1"}),
        (f"/bulk/{plan}/apply/", {}),
        (f"/bulk/{plan}/revise/", {"owners": walk.rng.choice(["keep", "skip", "move"])}),
        (f"/bulk/{plan}/undo/", {"confirm": "1"}),
        (f"/bulk/{plan}/stop/", {}),
    ]
    return Request("POST", *walk.rng.choice(forms))


WIDE = [read, read, read, write, write, bulk]


# --- What others do -------------------------------------------------------------------------


def _as_another_member(walk: Walk) -> None:
    """A member who is limited to the tag of the others, on pages."""
    member = User.objects.filter(username="otto").first()
    if member is None:
        member = make_user("otto", role="manager", stored_reach=Reach.of_tags([OTHER]).stored())
    client = Client(raise_request_exception=False)
    client.force_login(member)
    own = AgentTag.objects.filter(tag__name=OTHER).exclude(agent__agenttag__tag__name=OWN)
    ids = list(own.order_by("agent_id").values_list("agent__public_id", flat=True))
    url = f"/agents/{walk.rng.choice(ids) if ids else 'none'}"
    tag = walk.rng.choice([*TAGS, walk.mark()])
    acts: list[Callable[[], object]] = [
        lambda: client.post("/agents/new/", {"name": "o", "model": MODELS[0], "tags": tag}),
        lambda: client.post(f"{url}/tags/", {"tag": tag}),
        lambda: client.post(f"{url}/tags/remove/", {"tag": tag}),
        lambda: client.post(f"{url}/memory/add/", {"label": "human", "value": walk.mark()}),
        lambda: client.post(f"/views/new/?any={tag}", {"name": _one(walk.rng), "shared": "on"}),
        lambda: client.post(f"{url}/delete/", {"name": url.split("/")[2], "reason": ""}),
    ]
    walk.rng.choice(acts)()


def _one(rng: random.Random) -> str:
    return rng.choice(VIEWS)


def _as_staff(walk: Walk) -> None:
    """Bulk changes, the trash, views, members and undo, of what is not the member's."""
    of_others = Selection(AgentFilter(all=(OTHER,), none=(OWN,)))
    tag = walk.rng.choice(["bulk", "note", "shared"])
    op = walk.rng.choice([BulkOp.ADD, BulkOp.REMOVE])
    change = BulkChange(op, **{"add" if op == BulkOp.ADD else "remove": [tag]})
    mine = TrashedTag.objects.filter(name=OWN).values("agent_id")
    trashed = TrashedAgent.objects.exclude(seq__in=mine).order_by("seq")
    gone = list(trashed.values_list("public_id", flat=True)[:1])
    sets = ChangeSet.objects.filter(act__in=[Act.TAGS, Act.UNDO]).exclude(actor_name="lena")
    newest = sets.order_by("-id").values_list("id", flat=True).first()
    acts: list[Callable[[], object]] = [
        lambda: begin(plan_id=make_plan(selection=of_others, change=change, actor=ROOT).id, actor=ROOT),
        lambda: gone and restore(agent_ids=gone, actor=ROOT),
        lambda: gone and purge(agent_ids=gone, actor=ROOT),
        lambda: save_view(name=_one(walk.rng), pairs=[("any", tag)], shared=True, pinned=True, actor=ROOT),
        lambda: _limit(walk),
        lambda: newest and undo_set(change_set_id=newest, actor=ROOT),
    ]  # fmt: skip
    with suppress(DomainError, ValidationError):  # such as a change that was undone
        walk.rng.choice(acts)()


def _limit(walk: Walk) -> None:
    by, name = By("test", "Test"), walk.mark()
    one = members.add(username=name, full_name="", role=Role.EDITOR, by=by)
    change_member(member_id=one.pk, limit=walk.rng.sample(TAGS, 2), actor=ROOT)


ALSO = [_as_another_member, _as_another_member, _as_staff, _as_staff]


def upload(walk: Walk) -> Request:
    """An agent file, which may be one that others have brought in."""
    agent = {"id": "agent-0", "name": "same", "model": MODELS[0], "tags": walk.tags(2)}
    return Request("POST", "/agents/upload/", {"file": dumps({"agents": [agent]}), "tags": ""})


def as_file(text: str) -> SimpleUploadedFile:
    """The file of `upload`."""
    return SimpleUploadedFile("one.af", text.encode(), "application/json")
