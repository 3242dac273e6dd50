"""The page of crossings, its plan and its undo."""

import pytest

from agents.models import Block, Crossing
from agents.tasks.crossings import catch_up
from tests.domain.test_crossings import make_shared
from tests.helpers import make_agent
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db(transaction=True)


def test_separate_and_undo() -> None:
    _, _, block = make_shared()
    client = signed_in("manager")
    assert "still looking" in text_at(client.get("/crossings/"), ".message-warning")
    catch_up(seconds=60)
    page = client.get("/crossings/")
    assert "human" in text_at(page, "main tbody th")
    [link] = soup(page).select("main tbody a.button")
    plan = client.get(link["href"])
    assert "user_2, 1 agent" in " ".join(text_at(plan, ".impact").split())
    [form] = soup(plan).select("main form")
    data = {one["name"]: one.get("value", "") for one in form.select("input[name]")}
    done = client.post(link["href"], data, follow=True)
    assert "The memory block was separated." in done.content.decode()
    assert "No crossings." in text_at(done, ".empty")
    [undo] = soup(done).select("main form")
    data = {one["name"]: one["value"] for one in undo.select("input[name]")}
    again = client.post(undo["action"], data, follow=True)
    assert "shared again" in again.content.decode()
    assert Block.objects.get() == block


def test_mark_as_meant_wants_a_reason() -> None:
    _, _, block = make_shared()
    client = signed_in("manager")
    catch_up(seconds=60)
    about = {"kind": "block", "id": block.public_id}
    refused = client.post("/crossings/meant/", {**about, "reason": ""})
    assert (refused.status_code, text_at(refused, ".message-error")) == (
        422,
        "Say why it is meant to be shared.",
    )
    client.post("/crossings/meant/", {**about, "reason": "A handbook"})
    assert Crossing.objects.get().meant_reason == "A handbook"
    assert "A handbook" in text_at(client.get("/crossings/?show=meant"), "main tbody")
    client.post("/crossings/meant/", {**about, "act": "unmark"})
    assert Crossing.objects.get().meant_reason is None


def test_a_block_that_is_no_crossing_has_no_plan() -> None:
    make_shared()
    client = signed_in("manager")
    make_agent(tags=["user_5"])
    assert client.get("/crossings/block-none/").status_code == 404
    assert signed_in().get("/crossings/").status_code == 200
