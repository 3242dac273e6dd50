"""Activity: when agents, users and keys were last used, and what was refused."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ade.ops import noted_use
from agents.core.actors import WRITE
from agents.core.filters import AgentFilter
from agents.models import AgentSource, AgentUse, ApiKey, KeyRefusal, Tag, TagUse
from agents.queries import agents, door
from agents.queries.overview.door import lines
from tests.accounts.people import sign_in
from tests.api.calls import NOBODY, make_token
from tests.door.conftest import Ask, place
from tests.helpers import ROOT, make_agent, make_editor, make_user

pytestmark = pytest.mark.django_db


def test_an_allowed_request_is_noted_for_agent_user_and_key(source: AgentSource, ask: Ask) -> None:
    agent = make_agent(tags=["user_1", "note"])
    own, token = place(agent, source), make_token(limit_tag="user_1")
    tag = Tag.objects.get(name="user_1")
    assert (door.last_use_of_agent(agent), door.last_use_of_tag(tag)) == (None, None)
    for _ in range(3):
        ask("POST", f"/v1/agents/{own}/messages", token)
    assert not AgentUse.objects.exists()  # nothing is written while it answers
    noted_use.flush()
    uses = [door.last_use_of_agent(agent), door.last_use_of_tag(tag)]
    uses.append(ApiKey.objects.get().last_used_at)
    assert all(use and timezone.now() - use < timedelta(minutes=1) for use in uses)
    assert TagUse.objects.count() == 1
    noted_use.forget()
    ask("POST", f"/v1/agents/{own}/messages", token)
    noted_use.flush()
    assert AgentUse.objects.count() == 1


def test_refusals_are_counted_by_key_and_reason(source: AgentSource, ask: Ask) -> None:
    token = make_token(limit_tag="user_1")
    for target in (f"/v1/agents/{NOBODY}/messages", "/v1/tools/", "/v1/tools/", "/nothing"):
        ask("GET", target, token)
    ask("GET", "/nothing", "wrong")
    noted_use.flush()
    ask("GET", "/v1/tools/", token)
    noted_use.flush()
    key = ApiKey.objects.get()
    found = {refusal.reason: refusal.count for refusal in door.refusals_of(key)}
    assert found == {"route_for_unlimited_keys": 3, "unknown_agent": 1, "unknown_route": 1}
    line = next(lines(ROOT, None))
    assert (line.n, line.text) == (1, "key was refused at the front door within a day")
    assert not list(lines(make_editor("Ed", WRITE), None))
    KeyRefusal.objects.update(last_at=timezone.now() - timedelta(days=2))
    assert next(lines(ROOT, None)).n == 0


def test_a_refusal_of_a_key_that_is_gone_is_dropped(source: AgentSource, ask: Ask) -> None:
    ask("GET", "/nothing", make_token())
    ApiKey.objects.all().delete()
    noted_use.flush()
    assert not KeyRefusal.objects.exists()


def test_the_filter_not_used_for_30_days() -> None:
    _, old, new = (make_agent(name=name) for name in ("never", "old", "new"))
    now = timezone.now()
    AgentUse.objects.create(agent_id=old.seq, used_at=now - timedelta(days=31))
    AgentUse.objects.create(agent_id=new.seq, used_at=now - timedelta(days=29))
    wanted = AgentFilter(unused=True)
    assert agents.count(wanted, actor=ROOT) == 2
    make_user("anna", role="viewer")
    page = Client()
    page.cookies = sign_in("anna").cookies
    shown = page.get("/agents/?unused=1").content.decode()
    assert ["never" in shown, "old" in shown, f"/agents/{new.public_id}/" in shown] == [
        True,
        True,
        False,
    ]
    assert "not used for 30 days" in shown
    assert "used" in page.get(f"/agents/{new.public_id}/").content.decode()


def test_the_pages_show_it(source: AgentSource, ask: Ask) -> None:
    own = place(make_agent(tags=["user_1"]), source)
    token = make_token(limit_tag="user_1")
    ask("POST", f"/v1/agents/{own}/messages", token)
    ask("GET", "/v1/tools/", token)
    noted_use.flush()
    make_user("anna", role="admin")
    page = Client()
    page.cookies = sign_in("anna").cookies
    key = page.get(f"/keys/{token.split('_')[1]}/").content.decode()
    assert "<code>route_for_unlimited_keys</code>" in key
    assert "<code>write_messages</code>" in key
    assert "Last used by an application" in page.get("/users/one/?name=user_1").content.decode()
    assert 'class="muted">used ' in page.get(f"/agents/{own}/").content.decode()
