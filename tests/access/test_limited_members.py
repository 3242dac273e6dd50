"""Members who are limited to tags: set by page, API, command; what their pages show; what follows."""

import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ade.models import MemberEvent, Role, User
from agents.core.json_text import loads
from agents.core.reach import NOTHING, Reach
from agents.domain.directory.merge import delete_tag
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.members import change_member, limit_of
from agents.domain.tags.edit import change_tags
from agents.models import Agent, Change, ChangeSet
from tests.access.asking import browser_of
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent, make_user, tags_of
from tests.views.browsing import HX, soup, text_at

pytestmark = pytest.mark.django_db
CARE, OWN = "team:care", "user_1"


def limited(*tags: str, role: str = "editor", name: str = "lena") -> User:
    return make_user(name, role=role, stored_reach=Reach.of_tags(tags).stored())


def browser(member: User) -> Client:
    client = Client()
    client.force_login(member)
    return client


def test_an_admin_limits_a_member_on_a_page() -> None:
    make_agent(tags=[CARE])
    admin, member = browser_of("admin"), make_user("lena")
    url = f"/members/{member.pk}/limit/"
    assert "Change the limit" in admin.get(f"/members/{member.pk}/").content.decode()
    assert (
        admin.post(url, {"reach": "some", "limit": f"{CARE}, user_1"}, follow=True).status_code
        == 200
    )
    member.refresh_from_db()
    assert limit_of(member) == (CARE, OWN)
    assert str(MemberEvent.objects.latest("id")) == "admin changed the agents of lena"
    bad = admin.post(url, {"reach": "some", "limit": ", ".join(f"t{n}" for n in range(11))})
    assert (bad.status_code, "at most 10 tags" in bad.content.decode()) == (422, True)
    assert "t10" in soup(bad).select_one("#id_limit")["value"]  # what was typed is kept
    admin.post(url, {"reach": "all", "limit": f"{CARE}, user_1"})
    member.refresh_from_db()
    assert member.stored_reach is None


def test_an_admin_has_no_limit() -> None:
    ada = make_user("ada", role="admin")
    answer = browser_of("admin").post(f"/members/{ada.pk}/limit/", {"reach": "some", "limit": CARE})
    ada.refresh_from_db()
    assert (answer.status_code, ada.stored_reach) == (422, None)


def test_every_page_shows_the_limit() -> None:
    make_agent(tags=[CARE])
    describe_tag(name=CARE, description="Care team", actor=ROOT)
    client = browser(limited(CARE))
    for path in ("/agents/", "/users/", "/tags/", "/history/", "/accounts/", "/nowhere/"):
        assert text_at(client.get(path), ".limit bdi") == "Care team · team:care"
    assert not soup(browser(make_user("all")).get("/agents/")).select(".limit")


@pytest.mark.parametrize("path", ["/history/people/", "/webhooks/", "/members/", "/keys/"])
def test_a_page_about_all_agents_says_what_the_limit_is(path: str) -> None:
    answer = browser(limited(CARE, role="manager")).get(path)
    assert answer.status_code == 403
    assert text_at(answer, "h1") == "This page is about all agents"
    assert CARE in text_at(answer, "#problem strong")


def test_users_and_tags_are_those_of_the_own_agents() -> None:
    make_agent(tags=[CARE, OWN, "vip"])
    make_agent(tags=["user_2", "vip", "secret"])
    client = browser(limited(CARE))
    users, tags = client.get("/users/"), client.get("/tags/")
    assert [chip.get_text() for chip in soup(users).select("#results .chip bdi")] == [OWN]
    assert [chip.get_text() for chip in soup(tags).select("#results .chip bdi")] == [CARE, "vip"]
    assert [cell.get_text() for cell in soup(tags).select("td.num")] == ["1 agent", "1 agent"]
    lines = client.get("/tags/export.csv").getvalue().decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [CARE, "vip"]
    assert "1 agent" in text_at(client.get("/tags/one/?name=vip"), ".page-head .muted")
    for path in ("/tags/one/?name=secret", "/users/one/?name=user_2"):
        answer = client.get(path)
        assert (answer.status_code, b"vip" in answer.content) == (404, False)


def test_with_several_tags_a_new_agent_needs_one_of_them() -> None:
    client = browser(limited(CARE, OWN))
    page = client.get("/agents/new/")
    assert [box["value"] for box in soup(page).select("[name=exact]:not([disabled])")] == [
        CARE,
        OWN,
    ]
    form = {"name": "new", "model": "letta/x", "public_id": ""}
    without = client.post("/agents/new/", form)
    assert (without.status_code, Agent.objects.count()) == (422, 0)
    assert "at least one of these tags" in without.content.decode()
    assert client.post("/agents/new/", form | {"exact": CARE}).status_code == 303
    assert tags_of(Agent.objects.get()) == [CARE]


@pytest.mark.parametrize(("role", "given"), [("editor", ["x"]), ("manager", ["user_9", "x"])])
def test_a_limited_member_writes_labels_and_as_a_manager_user_tags(
    role: str, given: list[str], settings: Any
) -> None:
    settings.PROTECTED_TAGS = ["team:*"]
    agent = make_agent(tags=[CARE])
    client = browser(limited(CARE, role=role))
    for name in ("x", "user_9", "team:sales"):
        client.post(f"/agents/{agent.public_id}/tags/", {"tag": name})
    client.post(f"/agents/{agent.public_id}/tags/remove/", {"tag": CARE})
    assert tags_of(agent) == sorted([CARE, *given])


def test_the_limit_follows_a_rename_and_ends_with_its_tag() -> None:
    agent, member = make_agent(tags=[CARE]), limited(CARE)
    client = browser(member)
    rename_tag(old=CARE, new="team:help", actor=ROOT)
    assert client.get(f"/agents/{agent.public_id}/").status_code == 200
    delete_tag(name="team:help", actor=ROOT)
    assert client.get("/agents/").status_code == 302  # to the sign-in
    member.refresh_from_db()
    assert (member.is_active, member.stored_reach) == (False, NOTHING.stored())
    event = MemberEvent.objects.latest("id")
    assert "the tag team:help, to which the member was limited, was deleted" in event.detail


def test_api_lists_and_limits_members_but_no_admin() -> None:
    token, lena = make_token(scope="manage"), make_user("lena")
    ada = make_user("ada", role="admin")
    answer = call(
        "PATCH", f"/v1/members/{lena.pk}", {"limit": [CARE], "role": "viewer"}, token=token
    )
    assert answer.status_code == 200
    assert loads(answer.content)["limit"] == [CARE]
    listed = loads(call("GET", "/v1/members/", token=token).content)
    assert [(m["username"], m["role"], m["limit"]) for m in listed] == [
        ("lena", "viewer", [CARE]),
        ("ada", "admin", None),
    ]
    for member, body in ((ada, {"role": "viewer"}), (lena, {"role": "admin"})):
        assert call("PATCH", f"/v1/members/{member.pk}", body, token=token).status_code == 403
    assert call("PATCH", "/v1/members/999999", {"limit": None}, token=token).status_code == 404
    assert call("PATCH", f"/v1/members/{lena.pk}", {"limit": None}, token=token).status_code == 200
    lena.refresh_from_db()
    assert lena.stored_reach is None


def test_command_limits_a_member() -> None:
    lena = make_user("lena")
    call_command("limit_member", "lena", tag=[CARE, OWN], role="viewer")
    lena.refresh_from_db()
    assert (limit_of(lena), lena.role) == ((CARE, OWN), "viewer")
    call_command("limit_member", "lena", no_limit=True)
    lena.refresh_from_db()
    assert lena.stored_reach is None
    with pytest.raises(CommandError, match="no member"):
        call_command("limit_member", "nobody", tag=[CARE])
    with pytest.raises(CommandError, match="--tag, --no-limit or --role"):
        call_command("limit_member", "lena")


def test_role_and_limit_change_together_or_not_at_all() -> None:
    ada = make_user("ada", role="admin")
    make_user("second", role="admin")
    changed = change_member(member_id=ada.pk, role=Role.EDITOR, limit=[CARE], actor=ROOT)
    assert (changed.role, limit_of(changed)) == ("editor", (CARE,))
    changed = change_member(member_id=ada.pk, role=Role.ADMIN, limit=None, actor=ROOT)
    assert changed.is_admin


@pytest.mark.parametrize("role", ["editor", "manager"])
def test_moving_an_agent_does_not_tell_which_tags_are_marked(role: str) -> None:
    """A tag of others that names a user by hand is answered as one that does not exist."""
    own = make_agent(tags=[CARE])
    make_agent(tags=["uuid-7"])
    describe_tag(name="uuid-7", user=True, actor=ROOT)
    client = browser(limited(CARE, role=role))
    client.post("/bulk/selection/", {"act": "all"})

    def asked(name: str) -> list[Any]:
        answers = [
            client.post(f"/agents/{own.public_id}/tags/move/", {"tag": name}),
            client.post(f"/agents/{own.public_id}/owner/", {"to": name}),
            client.post("/bulk/new/?op=move", {"add": name}),
        ]
        return [(one.status_code, "is not a user tag" in one.content.decode()) for one in answers]

    assert asked("uuid-7") == asked("uuid-8")
    assert tags_of(own) == [CARE]
    # Of its own agents a member knows it.
    second = make_agent(tags=[CARE, "uuid-7"])
    client.post(f"/agents/{second.public_id}/tags/move/", {"tag": "uuid-7"})
    assert asked("uuid-7")[0] != asked("uuid-8")[0]


_NUMBERS = re.compile(
    r'(?:value="|before=|undo=|redo=|data-seen="|data-opened="|/history/|undo-)(\d+)(?!\w)'
)


def test_no_number_of_a_change_is_on_the_pages_of_a_limited_member() -> None:
    """Each change takes the next number, so two of them would tell how much others do meanwhile."""
    agent = make_agent(tags=[CARE])
    client = browser(limited(CARE, role="manager"))
    url = f"/agents/{agent.public_id}"
    for n in range(60):  # a second page of the history
        change_tags(agent_id=agent.public_id, add=[f"n{n}"], actor=ROOT)
    pages = [
        client.post(f"{url}/tags/", {"tag": "x"}, headers=HX),
        client.post(f"{url}/tags/", {"tag": "y"}, follow=True),
        client.get(f"{url}/settings/"),
        client.get(f"{url}/history/"),
        client.get("/history/"),
    ]
    number = text_of(pages[0], "change_set")
    pages.append(client.get(f"/history/{number}/undo/?agent={agent.public_id}"))
    shown = [{int(n) for n in _NUMBERS.findall(page.content.decode())} for page in pages]
    assert all(max(found, default=0) > 10**9 for found in shown[:4])
    real = {*ChangeSet.objects.values_list("id", flat=True)}
    real |= {*Change.objects.values_list("id", flat=True)}
    assert (
        set().union(*shown) & {n for n in real if n > 20} == set()
    )  # lower ones are values of other fields
    # They lead where the numbers would.
    client.post(f"{url}/tags/undo/", {"change_set": number}, headers=HX)
    assert "x" not in tags_of(agent)
    older = soup(pages[3]).select_one("a[href^='?before=']")
    assert older is not None
    assert "<bdi>n3</bdi>" in client.get(f"{url}/history/{older['href']}").content.decode()
    for real_number in (ChangeSet.objects.latest("id").id, 1):
        refused = client.post(f"{url}/tags/undo/", {"change_set": real_number}, headers=HX)
        assert refused.status_code == 404
    assert "y" in tags_of(agent)


def text_of(answer: Any, name: str) -> str:
    """The value of a field of a page."""
    field = soup(answer).select_one(f"[name={name}]")
    assert field is not None
    return str(field["value"])
