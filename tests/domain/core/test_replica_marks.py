"""Where replicas are read, a write leaves a note of when its actor last wrote."""

import pytest

from ade.db import replica
from ade.models import User
from agents.core.actors import WRITE, Actor, ActorKind, Source
from agents.core.errors import Invalid
from agents.domain.core import replica_marks
from agents.domain.core.key_tokens import actor_of
from agents.domain.keys import create_key
from agents.domain.tags.edit import change_tags
from agents.models import ApiKey
from tests.helpers import ROOT, make_agent, make_user

pytestmark = [pytest.mark.only_postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def replicated(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with REPLICA_URL; where a replica is takes no part in this."""
    monkeypatch.setattr(replica, "ON", True)
    monkeypatch.setattr(replica_marks, "_marked", {})


def make_key(limit: str | None = None) -> ApiKey:
    return create_key(name="app", limit_tag=limit, actor=ROOT).key


def noted(key: ApiKey) -> object:
    return ApiKey.objects.get(id=key.id).wrote_at


def test_a_write_is_noted_on_its_key_and_the_next_ones_not_again() -> None:
    key = make_key()
    assert noted(key) is None
    make_agent(actor=actor_of(key))
    first = noted(key)
    assert first is not None
    make_agent(actor=actor_of(key))
    assert noted(key) == first


def test_another_process_that_reads_the_note_leaves_it_too() -> None:
    key = make_key()
    make_agent(actor=actor_of(key))
    first = noted(key)
    replica_marks._marked.clear()
    make_agent(actor=actor_of(ApiKey.objects.get(id=key.id)))
    assert noted(key) == first


def test_a_write_on_a_page_is_noted_on_the_member() -> None:
    user = make_user()
    actor = Actor(ActorKind.PERSON, f"person:{user.pk}", "Mara", Source.PAGE, WRITE)
    make_agent(actor=actor)
    assert User.objects.get(pk=user.pk).wrote_at is not None


def test_a_key_limited_to_a_tag_needs_no_note() -> None:
    key = make_key("user_1")
    make_agent(tags=["user_1"], actor=actor_of(key))
    assert noted(key) is None


def test_a_write_that_fails_is_not_noted() -> None:
    key, agent = make_key(), make_agent()
    with pytest.raises(Invalid):
        change_tags(agent_id=agent.public_id, add=["a\x07b"], actor=actor_of(key))
    assert noted(key) is None
