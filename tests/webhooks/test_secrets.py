"""Who sends can be proved, by others' code; and the secret is nowhere but where it is shown."""

import json
import re
import threading
from datetime import timedelta
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook as Standard
from standardwebhooks import WebhookVerificationError

from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.write import (
    create_webhook,
    disable_webhook,
    edit_webhook,
    rotate_secret,
)
from agents.models import Change, Webhook
from tests.helpers import ROOT, everything, make_agent
from tests.webhooks.receiver import Got, Receiver
from tests.webhooks.telling import deliver

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part
DOCS = Path(__file__).resolve().parents[2] / "docs/api/webhooks.md"


def is_signed(got: Got, secret: str) -> bool:
    """What the reference library for receivers says."""
    try:
        Standard(secret).verify(got.body, got.headers)
    except WebhookVerificationError:
        return False
    return True


def test_signature_is_good_for_the_library_of_receivers(there: Receiver) -> None:
    made = create_webhook(url=there.url, actor=ROOT)
    make_agent(name="Zoë ✓", tags=["ü"])
    deliver()
    (got,) = there.got
    assert is_signed(got, made.secret)
    assert not is_signed(Got(got.path, got.headers, got.body + b" "), made.secret)
    other = create_webhook(url=there.url, actor=ROOT).secret
    assert not is_signed(got, other)
    assert got.headers["content-type"] == "application/json"


def test_two_secrets_sign_for_a_day_after_a_new_one(there: Receiver) -> None:
    old = create_webhook(url=there.url, actor=ROOT)
    new = rotate_secret(webhook_id=old.webhook.public_id, actor=ROOT)
    make_agent()
    deliver()
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        make_agent()
        deliver()
        assert [is_signed(there.got[-1], one.secret) for one in (old, new)] == [False, True]
    assert [is_signed(there.got[0], one.secret) for one in (old, new)] == [True, True]


def test_a_new_secret_key_signs_beside_the_former_one(there: Receiver, settings: Settings) -> None:
    made = create_webhook(url=there.url, actor=ROOT)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    make_agent()
    deliver()
    settings.SECRET_KEY_FALLBACKS = []
    make_agent()
    deliver()
    assert [is_signed(got, made.secret) for got in there.got] == [True, False]


def test_the_secret_is_in_no_row(there: Receiver) -> None:
    made = create_webhook(url=there.url, actor=ROOT)
    new = rotate_secret(webhook_id=made.webhook.public_id, actor=ROOT)
    for secret in (made.secret, new.secret):
        assert secret.removeprefix("whsec_") not in repr(everything())


def test_history_tells_the_host_and_not_the_rest_of_the_address() -> None:
    made = create_webhook(url="https://app.example/hook?token=hidden", name="mine", actor=ROOT)
    about = {"webhook_id": made.webhook.public_id, "actor": ROOT}
    edit_webhook(url="https://other.example/hook?token=hidden", tags=["a"], **about)
    edit_webhook(tags=["a"], **about)
    rotate_secret(**about)
    disable_webhook(**about)
    texts = [str(one.new) for one in Change.objects.order_by("id")]
    assert [re.sub(r"until .*", "until …", text) for text in texts] == [
        "created, to app.example",
        "changed address, tags, to other.example",
        "new secret, the old one until …",
        "off",
    ]
    assert {one.field for one in Change.objects.all()} == {f"webhook {made.webhook.public_id}"}


def test_the_receiver_of_the_docs_takes_what_is_sent(there: Receiver) -> None:
    made = create_webhook(url=there.url, actor=ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    names: dict[str, Any] = {"__name__": "docs"}
    exec(compile(code.replace("whsec_...", made.secret), "docs/api/webhooks.md", "exec"), names)
    printed: list[Any] = []
    names["print"] = lambda *what: printed.append(what)
    names["Receiver"].log_message = lambda *_: None
    server = HTTPServer(("127.0.0.1", 0), names["Receiver"])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        Webhook.objects.update(url=url)
        agent = make_agent(tags=["user_1"])
        deliver()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [(kind, data["agent_id"]) for kind, data in printed] == [
        ("agent.created", agent.public_id)
    ]
    assert not names["is_genuine"](
        {"webhook-id": "x", "webhook-timestamp": "0", "webhook-signature": "v1,x"}, b""
    )


def test_the_example_of_the_docs_has_the_fields_that_are_sent(there: Receiver) -> None:
    create_webhook(url=there.url, actor=ROOT)
    agent = make_agent(tags=["user_1"])
    change_tags(agent_id=agent.public_id, add=["user_2"], remove=["user_1"], actor=ROOT)
    deliver()
    (example,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.S)
    said, sent = json.loads(example), there.told()[1]
    assert (said.keys(), said["data"].keys()) == (sent.keys(), sent["data"].keys())
    assert said["data"]["by"].keys() == sent["data"]["by"].keys()
