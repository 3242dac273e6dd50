"""An emptied field never means everything: keys, members, webhooks, sources and bulk filters."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse

from ade.models import User
from agents.core.reach import NOTHING, Reach
from agents.domain.members import limit_of
from agents.domain.webhooks.write import create_webhook
from agents.models import AgentSource, ApiKey, BulkPlan, Webhook
from tests.access.asking import browser_of
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_user
from tests.source_rows import make_source
from tests.views.browsing import soup, text_at

pytestmark = pytest.mark.django_db
HOOK = "https://app.example/hook"
URL = "ws://127.0.0.1:9/ws"
SOME = {"about": "some", "which": "all"}
ALL = {"about": "all", "which": "all"}
KEY = {"name": "app", "scope": "read"}


def checked(answer: HttpResponse, choice: str) -> list[str]:
    return [box["value"] for box in soup(answer).select(f"[name={choice}][checked]")]


@pytest.mark.parametrize(
    ("url", "form", "at"),
    [
        ("/keys/", KEY | {"reach": "some", "limit_tag": ""}, "limit_tag"),
        ("/keys/", KEY | {"reach": "some", "limit_tag": " "}, "limit_tag"),
        ("/keys/", KEY | {"reach": "all", "limit_tag": "user_1"}, "limit_tag"),
        ("/keys/", KEY, "reach"),
        ("/webhooks/", {"url": HOOK, "tags": ""} | SOME, "tags"),
        ("/webhooks/", {"url": HOOK, "tags": ","} | SOME, "tags"),
        ("/webhooks/", {"url": HOOK, "tags": "user_1"} | ALL, "tags"),
        ("/webhooks/", {"url": HOOK, "about": "all", "which": "some"}, "events"),
        ("/webhooks/", {"url": HOOK, "about": "all"}, "which"),
        ("/sources/", {"url": URL, "name": "x", "take": "some", "only_tag": ""}, "only_tag"),
    ],
)
def test_page_says_at_the_field_that_it_is_empty(url: str, form: dict[str, str], at: str) -> None:
    answer = browser_of("admin").post(url, form)
    assert answer.status_code == 422
    assert [error["id"] for error in soup(answer).select(".field-error")] == [f"id_{at}_error"]
    for name, value in form.items():  # what was chosen and typed is kept
        boxes = soup(answer).select(f"[name={name}][type=radio]")
        assert not boxes or checked(answer, name) == [value]
    made = (ApiKey, Webhook, AgentSource)
    assert not any(model.objects.exists() for model in made)


def test_a_new_key_starts_as_a_limited_one() -> None:
    assert checked(browser_of("admin").get("/keys/"), "reach") == ["some"]


def test_a_member_is_not_freed_by_an_empty_field() -> None:
    admin, member = browser_of("admin"), make_user("lena")
    url = f"/members/{member.pk}/limit/"
    assert checked(admin.get(url), "reach") == ["all"]
    # A member whose tags were deleted can access no agent; saving the page as it is must not change that.
    for reach, shown in ((Reach.of_tags(["team:care"]), "team:care"), (NOTHING, "")):
        User.objects.filter(pk=member.pk).update(stored_reach=reach.stored())
        page = admin.get(url)
        assert checked(page, "reach") == ["some"]
        assert soup(page).select_one("#id_limit").get("value", "") == shown
        for typed in ("", " ", ","):
            answer = admin.post(url, {"reach": "some", "limit": typed})
            assert answer.status_code == 422
            assert "at least one tag" in text_at(answer, "#id_limit_error")
        member.refresh_from_db()
        assert member.stored_reach == reach.stored()
    page = soup(admin.get(url)).select_one("[name=shown]")["value"]
    User.objects.filter(pk=member.pk).update(stored_reach=Reach.of_tags(["a"]).stored())
    answer = admin.post(url, {"reach": "some", "limit": "b", "shown": page})
    assert answer.status_code == 409  # somebody else set another limit meanwhile


def test_a_limit_ends_by_the_choice_although_the_field_is_filled() -> None:
    admin, member = browser_of("admin"), make_user("lena")
    User.objects.filter(pk=member.pk).update(stored_reach=Reach.of_tags(["a"]).stored())
    url = f"/members/{member.pk}/limit/"
    shown = soup(admin.get(url)).select_one("[name=shown]")["value"]
    assert admin.post(url, {"reach": "all", "limit": "a", "shown": shown}).status_code == 303
    member.refresh_from_db()
    assert member.stored_reach is None
    hook = create_webhook(url=HOOK, tags=["a"], actor=ROOT).webhook
    form = {"url": HOOK, "tags": "a"} | ALL
    assert admin.post(hook.get_absolute_url(), form).status_code == 303
    hook.refresh_from_db()
    assert hook.tags == "[]"


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("POST", "/v1/keys/", {"name": "k", "limit_tag": ""}, ["body", "limit_tag"]),
        ("POST", "/v1/webhooks/", {"url": HOOK, "tags": []}, ["body", "tags"]),
        ("POST", "/v1/webhooks/", {"url": HOOK, "events": []}, ["body", "events"]),
        ("PATCH", "/v1/webhooks/HOOK", {"tags": []}, ["body", "tags"]),
        ("PATCH", "/v1/webhooks/HOOK", {"events": []}, ["body", "events"]),
        ("PATCH", "/v1/sources/SOURCE", {"only_tag": ""}, ["body", "only_tag"]),
        ("PATCH", "/v1/members/MEMBER", {"limit": []}, ["body", "limit"]),
        ("POST", "/v1/bulk/", {"filter": {"tags": []}}, ["body", "filter", "tags"]),
        ("POST", "/v1/bulk/", {"filter": {"source": []}}, ["body", "filter", "source"]),
        ("POST", "/v1/bulk/", {"filter": {"query_text": ""}}, ["body", "filter", "query_text"]),
    ],
)
def test_api_refuses_an_empty_list(method: str, path: str, body: Any, where: list[str]) -> None:
    hook = create_webhook(url=HOOK, tags=["a"], events=["agent.deleted"], actor=ROOT).webhook
    source, member = make_source(only_tag="prod"), make_user("lena")
    User.objects.filter(pk=member.pk).update(stored_reach=Reach.of_tags(["a"]).stored())
    for name, key in (("HOOK", hook.public_id), ("SOURCE", source.id), ("MEMBER", member.pk)):
        path = path.replace(name, str(key))
    if path == "/v1/bulk/":
        body = body | {"op": "delete"}
    keys = ApiKey.objects.count()
    answer = call(method, path, body, token=make_token(scope="manage"))
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [where]
    hook.refresh_from_db()
    source.refresh_from_db()
    member.refresh_from_db()
    assert (hook.tags, hook.events) == ('["a"]', '["agent.deleted"]')
    assert (source.only_tag, limit_of(member)) == ("prod", ("a",))
    assert (Webhook.objects.count(), ApiKey.objects.count()) == (1, keys + 1)
    assert not BulkPlan.objects.exists()


def test_api_widens_only_when_told_so() -> None:
    token = make_token(scope="manage")
    hook = create_webhook(url=HOOK, tags=["a"], events=["agent.deleted"], actor=ROOT).webhook
    path = f"/v1/webhooks/{hook.public_id}"
    wide = call("PATCH", path, {"all_tags": True, "all_events": True}, token=token).json()
    assert (wide["tags"], wide["events"]) == ([], [])
    # What a program read it may send back.
    assert call("PATCH", path, {"tags": [], "events": []}, token=token).status_code == 200


def test_commands_refuse_an_empty_tag() -> None:
    make_user("lena")
    with pytest.raises(CommandError, match="Tag is empty"):
        call_command("create_api_key", "app", limit_tag="")
    with pytest.raises(CommandError, match="Tag is empty"):
        call_command("limit_member", "lena", tag=[""])
    with pytest.raises(CommandError, match="Enter a tag, or choose all agents"):
        call_command("source", "add", "x", URL, "--tag", "")
    assert not ApiKey.objects.exists()
    assert not AgentSource.objects.exists()
