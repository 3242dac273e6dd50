"""The pages of webhooks: what they show, make and change, and that a secret is seen once."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from agents.core.limits import WEBHOOKS
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.signing import secret_of
from agents.domain.webhooks.write import create_webhook, disable_webhook, ping
from agents.models import ChangeSet, Delivery, DeliveryState, Webhook
from tests.accounts.people import sign_in
from tests.helpers import ROOT, make_agent, make_user
from tests.webhooks.telling import take_up

pytestmark = pytest.mark.django_db
URL = "https://app.example/hook"
ALL = {"about": "all", "which": "all"}


@pytest.fixture
def manager() -> Client:
    make_user("mia", role="manager", first_name="Mia")
    return sign_in("mia")


def soup(answer: HttpResponse) -> BeautifulSoup:
    return BeautifulSoup(answer.content, "lxml")


def errors(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 422
    found = soup(answer).select(".field-error, .message-error")
    return [one.get_text(strip=True) for one in found]


def test_it_works(manager: Client) -> None:
    form = {
        "url": URL,
        "name": "app",
        "about": "some",
        "tags": 'user_*\r\n"a b, c"\r\n',
        "which": "some",
        "events": ["agent.deleted"],
    }
    answer = manager.post("/webhooks/", form)
    hook = Webhook.objects.get()
    assert (answer.status_code, soup(answer).select_one("#secret")["value"]) == (
        200,
        secret_of(hook),
    )
    assert (hook.url, hook.name, hook.tags, hook.events, hook.created_by) == (
        URL,
        "app",
        '["user_*","a b, c"]',
        '["agent.deleted"]',
        "Mia",
    )
    assert ChangeSet.objects.get().actor_name == "Mia"
    paths = set(DBTaskResult.objects.values_list("task_path", flat=True))
    assert "agents.webhook_tasks.deliver_webhooks" in paths
    for page in ("/webhooks/", f"/webhooks/{hook.public_id}/"):
        answer = manager.get(page)
        assert answer.status_code == 200
        assert secret_of(hook) not in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": ""}, "This field is required."),
        ({"url": "http://app.example/"}, "The address must begin with https://."),
        ({"url": "https://u:p@app.example/"}, "The address contains a user name or password"),
        ({"url": "https://10.0.0.1/"}, "10.0.0.1 is not a public address"),
        ({"url": f"https://app.example/{'x' * 2000}"}, "url is 2,020 characters"),
        ({"tags": "x" * 513}, "Tag is 513 characters"),
        ({"tags": "\n".join(f"t{n}" for n in range(51))}, "Give at most 50 tag patterns."),
        ({"name": "x" * 129}, "name is 129 characters"),
        ({"events": ["ping"]}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_kept(manager: Client, fields: dict[str, str], said: str) -> None:
    chosen = {"about": "some" if "tags" in fields else "all"}
    chosen |= {"which": "some" if "events" in fields else "all"}
    answer = manager.post("/webhooks/", {"url": URL, "name": "mine"} | chosen | fields)
    (error,) = errors(answer)
    assert error.startswith(said)
    typed = {"name": "mine"} | fields
    assert soup(answer).select_one("#id_name")["value"] == typed["name"]
    assert Webhook.objects.count() == 0


def test_there_are_only_so_many(manager: Client) -> None:
    for _ in range(WEBHOOKS):
        create_webhook(url=URL, actor=ROOT)
    answer = manager.post("/webhooks/", {"url": URL} | ALL)
    assert errors(answer) == [
        f"There are {WEBHOOKS} webhooks, which is the limit. Delete one first."
    ]


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_other_roles_may_not(role: str) -> None:
    make_user("bob", role=role)
    client = sign_in("bob")
    assert client.get("/webhooks/").status_code == 403
    assert soup(client.get("/agents/")).select('nav a[href="/webhooks/"]') == []


def test_page_wants_a_recent_proof() -> None:
    client = Client()
    client.force_login(make_user("mia", role="manager"))
    answer = client.post("/webhooks/", {"url": URL})
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert Webhook.objects.count() == 0


def test_it_is_changed_field_by_field(manager: Client) -> None:
    hook = create_webhook(url=URL, name="app", tags=["a"], actor=ROOT).webhook
    page = soup(manager.get(f"/webhooks/{hook.public_id}/"))
    shown = page.select_one('input[name="shown"]')["value"]
    form = {"url": URL, "name": "renamed", "about": "some", "tags": "a", "which": "all"}
    form |= {"shown": shown}
    assert manager.post(f"/webhooks/{hook.public_id}/", form).status_code == 303
    hook.refresh_from_db()
    assert (hook.name, hook.tags) == ("renamed", '["a"]')
    # Someone who saw the page as it was before does not undo that unawares.
    answer = manager.post(f"/webhooks/{hook.public_id}/", form | {"name": "mine"})
    assert answer.status_code == 409
    hook.refresh_from_db()
    assert hook.name == "renamed"


def test_a_new_secret_is_shown_once(manager: Client) -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    before = secret_of(hook)
    answer = manager.post(f"/webhooks/{hook.public_id}/rotate/")
    shown = soup(answer).select_one("#secret")["value"]
    hook.refresh_from_db()
    assert (shown, shown != before) == (secret_of(hook), True)


def test_deliveries_are_listed_with_what_came_of_them(manager: Client) -> None:
    agent = make_agent()
    hook = create_webhook(url=URL, actor=ROOT).webhook
    change_tags(agent_id=agent.public_id, add=["a"], actor=ROOT)
    take_up()
    ping(webhook_id=hook.public_id, actor=ROOT)
    done = Delivery.objects.get(event="agent.tags.changed")
    Delivery.objects.filter(id=done.id).update(
        state=DeliveryState.DONE, status=204, attempts=2, milliseconds=31, tried_at=timezone.now()
    )
    page = soup(manager.get(f"/webhooks/{hook.public_id}/"))
    rows = [
        [" ".join(cell.get_text(" ", strip=True).split()) for cell in row.select("th, td")]
        for row in page.select("#deliveries tbody tr")
    ]
    assert rows == [
        ["ping", "Waiting", "", "0", "none yet", ""],
        [
            f"agent.tags.changed #{done.change_set_id}",
            "Delivered",
            "204 31 ms",
            "2",
            "now",
            f"Resend : agent.tags.changed {done.public_id}",
        ],
    ]
    part = manager.get(f"/webhooks/{hook.public_id}/", headers={"HX-Request": "true"})
    assert [one["id"] for one in soup(part).select("body > *")] == ["deliveries"]
    answer = manager.post(
        f"/webhooks/{hook.public_id}/redeliver/", {"delivery": done.public_id}, follow=True
    )
    assert "The delivery is queued again." in soup(answer).get_text()
    done.refresh_from_db()
    assert (done.state, done.attempts) == (DeliveryState.WAITING, 0)


def test_page_asks_for_the_worker_where_a_test_waits_long(manager: Client) -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    ping(webhook_id=hook.public_id, actor=ROOT)
    page = f"/webhooks/{hook.public_id}/"
    texts = [soup(manager.get(page)).select_one("#deliveries").get_text()]
    Delivery.objects.update(next_at=timezone.now() - timedelta(seconds=30))
    texts.append(soup(manager.get(page)).select_one("#deliveries").get_text())
    assert ["Check that the worker is running" in text for text in texts] == [False, True]


def test_a_delivery_of_one_that_is_off_is_not_sent_again(manager: Client) -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    make_agent()
    take_up()
    one = Delivery.objects.get()
    disable_webhook(webhook_id=hook.public_id, actor=ROOT)
    answer = manager.post(
        f"/webhooks/{hook.public_id}/redeliver/", {"delivery": one.public_id}, follow=True
    )
    assert "The webhook is switched off" in soup(answer).get_text()


@pytest.mark.parametrize("path", ["", "ping/", "rotate/", "switch/", "redeliver/", "delete/"])
def test_one_that_is_not_there_is_not_found(manager: Client, path: str) -> None:
    assert manager.post(f"/webhooks/wh_0/{path}", {"url": URL}).status_code == 404


def test_address_with_a_token_in_it_is_on_no_list(manager: Client) -> None:
    create_webhook(url=f"{URL}?token=zq81", actor=ROOT)
    for page in ("/webhooks/", "/history/"):
        assert "zq81" not in manager.get(page).content.decode()


def test_statements_do_not_grow_with_the_webhooks(
    manager: Client, django_assert_max_num_queries: object
) -> None:
    for _ in range(3):
        create_webhook(url=URL, actor=ROOT)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        manager.get("/webhooks/")
