"""A door: a small Letta, its source, and a way to ask /authorize as a proxy does."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from ade.ops import rate_limits
from agents.domain.door import lookups
from agents.models import Agent, AgentSource, SourcedAgent
from tests.door.letta import Letta, running

SECRET = "a secret of at least 32 characters"
Ask = Callable[..., HttpResponse]


@pytest.fixture(autouse=True)
def door_secret() -> Iterator[None]:
    """The setting that opens /authorize; and no look-up is remembered from another test."""
    settings.DOOR_SECRET = SECRET
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    lookups.forget()
    rate_limits.table.cache_clear()
    yield
    lookups.forget()
    settings.DOOR_SECRET, settings.SOURCE_ALLOWED_NETWORKS = "", []


@pytest.fixture
def letta() -> Iterator[Letta]:
    with running() as letta:
        yield letta


@pytest.fixture
def source(db: None, letta: Letta) -> AgentSource:
    now = timezone.now()
    return AgentSource.objects.create(
        name="letta", kind="letta", url=letta.url, created_at=now, created_by="test", listed_at=now
    )


def place(agent: Agent, source: AgentSource) -> str:
    """Put an agent at a source; return its id."""
    SourcedAgent.objects.create(
        agent=agent, source=source, public_id=agent.public_id, seen_at=timezone.now()
    )
    return agent.public_id


@pytest.fixture
def ask() -> Ask:
    """Ask about a request: `ask("GET", "/v1/runs/…", token)`. `more` are headers, as in `Origin`."""

    def ask(method: str, target: str, token: str, **more: str) -> HttpResponse:
        headers = {
            "Doorsecret": SECRET,
            "Doormethod": method,
            "Dooruri": target,
            "Doorsource": "letta",
            "Authorization": f"Bearer {token}",
        }
        return Client().get("/authorize", headers=headers | more)

    return ask


def said(answer: HttpResponse) -> str:
    """The status of an answer, and the reason of a refusal."""
    if answer.status_code == 204:
        assert answer.content == b""
        return f"204 {answer.headers['Doorto']} {answer.headers['Doortarget']}"
    return f"{answer.status_code} {answer.json()['code']}"
