"""How many statements the tag editor takes for one tag, whatever the agent carries already."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from tests.helpers import make_agent
from tests.views.browsing import HX, signed_in, soup

pytestmark = pytest.mark.django_db

TRANSACTION = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "PRAGMA")


def statements(client: Client, agent: Agent, action: str, name: str) -> int:
    """Post one tag as the page's script does, and count the statements that are not of transactions."""
    page = soup(client.get(f"/agents/{agent.public_id}/settings/"))
    seen = str(page.select_one("#tag-list")["data-seen"])  # type: ignore[index]
    data = {"tag": name, "place": "page", "opened": seen, "seen": seen}
    with CaptureQueriesContext(connection) as captured:
        response = client.post(f"/agents/{agent.public_id}/tags/{action}", data, headers=HX)
    assert response.status_code == 200
    return sum(not query["sql"].startswith(TRANSACTION) for query in captured)


@pytest.mark.parametrize("size", [3, 300])
@pytest.mark.parametrize("role", ["editor", "admin"])
def test_a_tag_takes_few_statements_to_add_and_to_remove(size: int, role: str) -> None:
    client, agent = signed_in(role), make_agent(tags=[f"t{n}" for n in range(size)])
    make_agent(tags=["used"])
    client.get("/agents/")  # the session is warm
    assert statements(client, agent, "", "new") <= 14
    assert statements(client, agent, "", "used") <= 14
    assert statements(client, agent, "remove/", "used") <= 12
    assert statements(client, agent, "", "new") <= 14  # nothing to do
    assert statements(client, agent, "remove/", "new") <= 12
    assert statements(client, agent, "", "new") <= 14  # its row is there, and no agent carries it
