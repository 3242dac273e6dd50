"""Parts of pages that are kept: they are what they would be without, and cost nothing per row."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.cache import caches
from django.template import Context, base
from django.test import Client

from agents.core.reach import Reach
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from tests.helpers import ROOT, make_agent, make_user
from tests.views.browsing import signed_in

pytestmark = pytest.mark.django_db

PAGES = [
    "/", "/agents/", "/agents/?all=a", "/agents/?q=none", "/users/", "/tags/",
    "/views/", "/account/",
]  # fmt: skip
LOOKS = ["", "dark.roomy.", "light.compact.id-model"]
# What differs each time by intent.
_ONCE = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"|<time .*?</time>')


def forget() -> None:
    caches["template_fragments"].clear()


def page(client: Client, path: str) -> str:
    return _ONCE.sub("", client.get(path).content.decode())


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    """Browsers of members with each role and of a limited one, each with another look."""
    make_agent(name="Ada", tags=["a", "user_1"])
    found = [signed_in(role) for role in ("admin", "manager", "editor", "viewer")]
    limited = Client()
    limited.force_login(make_user("lim", stored_reach=Reach.of_tags(["a"]).stored()))
    found += [limited, Client()]
    for number, client in enumerate(found):
        client.cookies["ade_look"] = LOOKS[number % len(LOOKS)]
    forget()
    yield found
    forget()


def test_what_is_kept_depends_only_on_the_values_it_names(clients: list[Client]) -> None:
    fresh = {}
    for number, client in enumerate(clients):
        for path in PAGES:
            forget()
            fresh[number, path] = page(client, path)
    for _ in range(2):
        for path in PAGES:
            for number, client in enumerate(clients):
                assert page(client, path) == fresh[number, path], (number, path)


@contextmanager
def rendered() -> Iterator[list[str]]:
    """The nodes of templates that are rendered inside."""
    nodes: list[str] = []
    render = base.Node.render_annotated

    def noted(node: base.Node, context: Context) -> str:
        nodes.append(type(node).__name__)
        return str(render(node, context))

    base.Node.render_annotated = noted
    try:
        yield nodes
    finally:
        base.Node.render_annotated = render


def nodes_of(client: Client, path: str) -> int:
    client.get(path)
    with rendered() as nodes:
        assert client.get(path).status_code == 200
    return len(nodes)


def test_a_list_renders_no_node_per_row() -> None:
    client = signed_in("manager")
    create_agents([NewAgent(name="a", model="m/1", tags=["t", "x1", "x2"])], actor=ROOT)
    one = nodes_of(client, "/agents/?all=t")
    more = [NewAgent(name=f"a{n}", model="m/1", tags=["t", f"x{n}"]) for n in range(49)]
    create_agents(more, actor=ROOT)
    assert nodes_of(client, "/agents/?all=t") == one


def test_an_agent_renders_no_node_per_tag() -> None:
    client = signed_in("editor")
    few, many = (make_agent(tags=[f"x{n}" for n in range(count)]) for count in (3, 300))
    for tab in ("settings/", ""):
        nodes = [nodes_of(client, f"/agents/{agent.public_id}/{tab}") for agent in (few, many)]
        assert nodes[1] <= nodes[0] + 40, tab  # the card of recent changes names some of them
