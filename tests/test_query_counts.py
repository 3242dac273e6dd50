"""No list takes more statements for 50 rows, or for 3, than for 1; nor does a write for many tags."""

from collections.abc import Callable
from json import dumps

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ade.accounts import members
from ade.models import Role
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.keys import create_key
from agents.domain.memory.new import NewBlock
from agents.domain.saved_views import save_view
from agents.domain.tags.edit import change_tags
from agents.models import Agent, Block, ChangeSet, Scope
from tests.accounts.people import sign_in
from tests.api.calls import make_token
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.django_db

TRANSACTION = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "PRAGMA")

PAGES = [
    "/",
    "/agents/?any=t&size=50",
    "/agents/{agent}/",
    "/agents/{agent}/settings/",
    "/agents/{agent}/memory/",
    "/agents/{agent}/history/",
    "/tags/",
    "/tags/lookalikes/",
    "/tags/suggest/?q=x",
    "/tags/one/?name=t",
    "/users/",
    "/users/one/?name=user_1-0",
    "/history/",
    "/history/{set}/",
    "/bulk/",
    "/views/",
    "/keys/",
    "/webhooks/",
    "/members/",
]
ANSWERS = [
    "/v1/agents/?tags=t&limit=50",
    "/v1/agents/?tags=t&limit=50&include=agent.tags",
    "/v1/agents/{agent}",
    "/v1/agents/{agent}/core-memory/blocks",
    "/v1/agents/{agent}/identities",
    "/v1/tags/?limit=100",
    "/v1/history/?limit=50",
    "/v1/history/{set}",
    "/v1/blocks/?limit=50",
    "/v1/blocks/{block}/agents?limit=50",
    "/v1/identities/?limit=50",
    "/v1/keys/?limit=50",
    "/v1/models/",
]


def grow(size: int, more: int) -> None:
    """So many agents, tags, users, blocks, identities, views, keys and members besides."""
    label = f"{size}-{{}}".format
    specs = [
        NewAgent(
            model=f"m/{n % 3}",
            name="Ada",
            tags=["t", f"x{label(n)}", f"user_{label(n)}"],
            blocks=[NewBlock(label="human", value="v")],
        )
        for n in range(more)
    ]
    agents = create_agents(specs, actor=ROOT)
    first = Agent.objects.order_by("seq")[0]
    change_tags(agent_id=first.public_id, add=[f"own-{label(n)}" for n in range(more)], actor=ROOT)
    for n in range(more):
        name = label(n)
        change_tags(agent_id=first.public_id, add=[f"y{name}"], actor=ROOT)
        save_view(name=name, pairs=[("any", "t")], shared=True, pinned=False, actor=ROOT)
        create_key(name=name, scope=Scope.READ, actor=ROOT)
        identity = NewIdentity(identifier_key=name, name=name, identity_type="user")
        create_identity(identity, actor=ROOT)
        members.add(username=name, full_name="", role=Role.VIEWER, by=members.By("test", "test"))
    assert len(agents) == more


def counts(paths: list[str], get: Callable[[str], int]) -> dict[str, list[int]]:
    """The statements of each path with 1, 3 and 50 of everything."""
    found: dict[str, list[int]] = {path: [] for path in paths}
    for size, more in ((1, 1), (3, 2), (50, 47)):
        grow(size, more)
        agent = Agent.objects.order_by("seq")[0].public_id
        newest = ChangeSet.objects.order_by("-id")[0].pk
        block = Block.objects.order_by("id")[0].public_id
        for path in paths:
            address = path.format(agent=agent, set=newest, block=block)
            get(address)  # notes the use of the session or the key
            with CaptureQueriesContext(connection) as captured:
                assert get(address) == 200, address
            found[path].append(len(captured))
    return found


def grown(found: dict[str, list[int]]) -> dict[str, list[int]]:
    return {path: each for path, each in found.items() if max(each) > each[0]}


def test_pages_take_no_more_statements_for_fifty_rows_than_for_one() -> None:
    make_user("root", role="admin")
    client = sign_in("root")
    assert grown(counts(PAGES, lambda path: client.get(path).status_code)) == {}


def test_answers_take_no_more_statements_for_fifty_rows_than_for_one() -> None:
    headers = {"Authorization": f"Bearer {make_token(scope=Scope.MANAGE)}"}
    client = Client(headers=headers)
    assert grown(counts(ANSWERS, lambda path: client.get(path).status_code)) == {}


@pytest.mark.parametrize("size", [3, 300])
def test_requests_for_one_agent_take_as_many_statements_whatever_it_carries(size: int) -> None:
    names = [f"t{number}" for number in range(size)]
    agent = make_agent(tags=names).public_id
    make_agent(tags=["used"])
    client = Client(headers={"Authorization": f"Bearer {make_token()}"})

    def taken(method: str, path: str, **body: list[str]) -> int:
        with CaptureQueriesContext(connection) as captured:
            data = None if method == "get" else dumps(body)
            kind = {} if data is None else {"data": data, "content_type": "application/json"}
            response = getattr(client, method)(f"/v1/agents/{agent}{path}", **kind)
        assert response.status_code == 200, response.content
        return sum(not query["sql"].startswith(TRANSACTION) for query in captured)

    assert taken("get", "") == 4
    assert taken("post", "/tags", add=["used"]) == 11
    assert taken("post", "/tags", add=["used"]) == 5  # it has the tag
    assert taken("post", "/tags", remove=["used"]) == 10
    assert taken("patch", "", tags=[*names, "used"]) == 14
    assert taken("patch", "", tags=names) == 14
    assert taken("patch", "", tags=[*names[1:], "used"]) == 15
