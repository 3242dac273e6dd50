"""/v1/webhooks/: what a key with manage scope makes, sees and changes."""

from typing import Any

import pytest
from django.http import HttpResponse
from django_tasks_db.models import DBTaskResult

from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.signing import secret_of
from agents.domain.webhooks.write import create_webhook
from agents.models import Delivery, DeliveryState, Webhook
from tests.api.calls import call, make_token, wheres
from tests.helpers import ROOT, make_agent
from tests.webhooks.telling import take_up

pytestmark = pytest.mark.django_db
URL = "https://app.example/hook"


def ask(method: str, path: str = "", body: Any = None) -> HttpResponse:
    return call(method, f"/v1/webhooks/{path}", body, token=make_token(scope="manage"))


def test_it_works() -> None:
    body = {"url": URL, "name": "app", "tags": ["user_*"], "events": ["agent.tags.changed"]}
    made = ask("POST", body=body)
    hook = Webhook.objects.get()
    assert made.status_code == 200
    state = made.json()
    assert state.pop("secret") == secret_of(hook)
    assert {name: state[name] for name in body} == body
    assert (state["id"], state["enabled"], state["created_by"]) == (
        hook.public_id,
        True,
        "API key “app”",
    )
    assert ask("GET").json() == [state]
    assert ask("GET", hook.public_id).json() == state
    assert DBTaskResult.objects.filter(task_path__endswith="deliver_webhooks").count() == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["body", "url"]),
        ({"url": "http://app.example"}, ["body", "url"]),
        ({"url": "https://127.0.0.1/"}, ["body", "url"]),
        ({"url": URL, "tags": [""]}, ["body", "tags"]),
        ({"url": URL, "events": ["ping"]}, ["body", "events", 0]),
        ({"url": URL, "name": 1}, ["body", "name"]),
    ],
)
def test_what_is_wrong_is_named(body: Any, where: list[Any]) -> None:
    assert wheres(ask("POST", body=body)) == [where]
    assert Webhook.objects.count() == 0


def test_it_is_changed_and_switched() -> None:
    hook = create_webhook(url=URL, name="app", actor=ROOT).webhook
    changed = ask("PATCH", hook.public_id, {"tags": ["a"], "enabled": False}).json()
    assert (changed["name"], changed["tags"], changed["enabled"]) == ("app", ["a"], False)
    make_agent(tags=["a"])
    ask("PATCH", hook.public_id, {"enabled": True, "skip": True})
    make_agent(tags=["a"])
    take_up()
    assert Delivery.objects.count() == 1


def test_what_is_wrong_with_a_part_changes_nothing() -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    answer = ask("PATCH", hook.public_id, {"name": "new", "url": "nonsense", "enabled": False})
    assert wheres(answer) == [["body", "url"]]
    hook.refresh_from_db()
    assert (hook.name, hook.enabled) == ("", True)


def test_a_new_secret_is_in_the_answer_only() -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    secret = ask("POST", f"{hook.public_id}/rotate").json()["secret"]
    hook.refresh_from_db()
    assert secret == secret_of(hook)
    assert secret not in ask("GET", hook.public_id).content.decode()


def test_deliveries_are_paged_and_sent_again() -> None:
    agent = make_agent()
    hook = create_webhook(url=URL, actor=ROOT).webhook
    for tag in "abc":
        change_tags(agent_id=agent.public_id, add=[tag], actor=ROOT)
    take_up()
    Delivery.objects.update(state=DeliveryState.FAILED, status=500, attempts=12)
    first = ask("GET", f"{hook.public_id}/deliveries?limit=2").json()
    rest = ask("GET", f"{hook.public_id}/deliveries?after={first[-1]['id']}").json()
    assert [len(first), len(rest)] == [2, 1]
    assert (rest[0]["event"], rest[0]["agent_id"], rest[0]["status"], rest[0]["next_at"]) == (
        "agent.tags.changed",
        agent.public_id,
        500,
        None,
    )
    again = ask("POST", f"{hook.public_id}/deliveries/{rest[0]['id']}/redeliver").json()
    assert (again["state"], again["attempts"]) == ("waiting", 0)
    waiting = ask("GET", f"{hook.public_id}/deliveries?state=waiting").json()
    assert [one["id"] for one in waiting] == [rest[0]["id"]]
    assert ask("GET", f"{hook.public_id}/deliveries?after=none").status_code == 400


def test_a_test_is_sent() -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    assert ask("POST", f"{hook.public_id}/ping").json()["event"] == "ping"


def test_it_is_deleted_with_its_deliveries() -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    make_agent()
    take_up()
    assert ask("DELETE", hook.public_id).status_code == 200
    assert (Webhook.objects.count(), Delivery.objects.count()) == (0, 0)
    assert ask("DELETE", hook.public_id).status_code == 404
