"""Who may touch an agent, explained: sections of pages, over time, as CSV, viewed as, and in the API."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.core.reach import Reach
from agents.domain import keys
from agents.domain.agents.write import delete_agent
from agents.domain.directory.rename import rename_tag
from agents.domain.history.erase import erase_name
from agents.domain.members import change_member
from agents.domain.tags.edit import change_tags
from agents.models import AgentTag, ChangeSet, Scope
from tests.access.asking import browser_of
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent, make_user
from tests.views.browsing import soup, text_at

pytestmark = pytest.mark.django_db


def lines_of(answer: Any, selector: str) -> list[list[str]]:
    """The cells of a table, their white space made single."""
    rows = soup(answer).select(f"{selector} tbody tr")
    return [[words(cell.get_text()) for cell in row.select("th, td")] for row in rows]


def words(text: str) -> str:
    """The text without what chips say to screen readers."""
    return " ".join(text.replace("(user)", "").split())


def test_an_agents_page_says_who_may_touch_it_and_why() -> None:
    agent = make_agent(tags=["user_1", "team:care", "note"])
    keys.create_key(name="ann", limit_tag="user_1", actor=ROOT)
    keys.create_key(name="other", limit_tag="user_2", actor=ROOT)
    keys.create_key(name="whole", scope=Scope.MANAGE, actor=ROOT)
    lena = make_user("lena", role="viewer")
    change_member(member_id=lena.pk, limit=["team:care"], actor=ROOT)
    page = browser_of("admin").get(f"/agents/{agent.public_id}/")
    put = AgentTag.objects.get(tag__name="user_1").change_set_id
    rows = [[who, rights, why] for who, rights, why, *_ in lines_of(page, "#access")]
    assert rows == [
        ["lena member", "viewer", f"team:care added by change {put}"],
        ["ann API key", "write", f"user_1 added by change {put}"],
        ["whole API key", "manage", "all agents"],
    ]
    assert "user_1 since" in words(text_at(page, "#access p.chips"))
    assert "1 member who can access all agents" in text_at(page, "#access")
    assert not soup(browser_of("editor").get(f"/agents/{agent.public_id}/")).select("#access")


def test_a_users_page_says_who_may_touch_its_agents() -> None:
    make_agent(tags=["user_1"])
    keys.create_key(name="ann", limit_tag="user_1", actor=ROOT)
    page = browser_of("manager").get("/users/one/?name=user_1")
    assert [row[0] for row in lines_of(page, "#access")] == ["ann API key"]


def test_an_auditor_asks_for_a_moment_and_a_period_and_exports() -> None:
    agent = make_agent(tags=["user_1"], name="Bot")
    key = keys.create_key(name="ann", limit_tag="user_1", actor=ROOT).key
    then = timezone.now()
    change_tags(agent_id=agent.public_id, add=["user_2"], remove=["user_1"], actor=ROOT)
    keys.disable_key(key_id=key.key_id, actor=ROOT)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    client, url = browser_of("manager"), f"/agents/{agent.public_id}/access"
    page = client.get(f"{url}/?at={then:%Y-%m-%dT%H:%M:%S.%f}")
    assert [row[0] for row in lines_of(page, "#then-h ~ div")] == [f"ann key:{key.key_id}"]
    assert "user_1 from" in words(text_at(page, "#then-h ~ ul"))
    day = f"since={then:%Y-%m-%d}&until={then:%Y-%m-%d}"
    report = client.get(f"{url}/?{day}")
    assert [row[0].split()[0] for row in lines_of(report, "[aria-labelledby=did-h]")][:1] == [
        "test"
    ]
    text = client.get(f"{url}.csv?{day}&bom=no").getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    could = [(row["name"], row["by"], row["tag"]) for row in rows if row["row"] == "could"]
    assert ("ann", "tag", "user_1") in could
    assert {row["tag"] for row in rows if row["row"] == "tag"} == {"user_1", "user_2"}
    assert [(row["name"], row["changes"]) for row in rows if row["row"] == "did"] == [("test", "6")]
    assert client.get("/agents/agent-x/access/").status_code == 404
    assert client.get(f"{url}/?since=2026-01-02").status_code == 422
    assert client.get(f"{url}.csv").status_code == 400


def test_the_list_as_of_a_moment_names_the_agents_and_their_tags_then() -> None:
    agent = make_agent(tags=["user_1", "a"], name="Bot")
    make_agent(tags=["user_1"], name="Other")
    then = timezone.now()
    change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT)
    rename_tag(old="user_1", new="user_9", actor=ROOT)
    client = browser_of("manager")
    at = f"{then:%Y-%m-%dT%H:%M:%S.%f}"
    page = client.get("/access/tag/", {"name": "user_1", "at": at, "also": "a"})
    assert [row[:2] for row in lines_of(page, "[aria-labelledby=then-h]")] == [["Bot", "a user_1"]]
    page = client.get("/access/tag/", {"name": "user_1", "at": at, "without": "a"})
    assert [row[0] for row in lines_of(page, "[aria-labelledby=then-h]")] == ["Other"]
    assert client.get("/access/tag/", {"name": "user_1", "at": at, "after": "x"}).status_code == 400


def test_an_admin_views_the_list_as_a_key_which_is_recorded() -> None:
    make_agent(tags=["user_1"], name="Bot")
    make_agent(tags=["user_2"], name="Hidden")
    key = keys.create_key(name="ann", limit_tag="user_1", actor=ROOT).key
    admin = browser_of("admin")
    assert "1 agent" in text_at(admin.get(f"/keys/{key.key_id}/"), ".facts")
    page = admin.post("/access/view-as/", {"id": f"key:{key.key_id}"}, follow=True)
    assert [row[0] for row in lines_of(page, "[aria-labelledby=seen-h]")] == ["Bot"]
    done = ChangeSet.objects.latest("id")
    assert (done.act, done.actor_name) == ("view-as", "admin")
    assert key.key_id in str(done.changes.get().new)
    page = admin.get("/access/actor/", {"id": f"key:{key.key_id}", "at": "2020-01-01T00:00:00"})
    assert "no agent then" in page.content.decode()
    assert admin.get("/access/actor/?id=key:none").status_code == 404


def test_the_api_answers_now_then_and_for_a_period() -> None:
    agent = make_agent(tags=["user_1"])
    token = make_token(name="whole", scope="manage")
    key = keys.create_key(
        name="ann", limit_tag="user_1", expires_at=timezone.now() + timedelta(hours=1), actor=ROOT
    ).key
    then = timezone.now()
    change_tags(agent_id=agent.public_id, add=["user_2"], remove=["user_1"], actor=ROOT)

    def ask(**query: str) -> Any:
        words = "&".join(f"{k}={v.replace('+', '%2B')}" for k, v in query.items())
        return call("GET", f"/v1/access/?{words}", token=token)

    now = ask(agent_id=agent.public_id).json()
    assert [row["name"] for row in now["actors"]] == ["whole"]
    assert [row["tag"] for row in now["tags"]] == ["user_2"]
    past = ask(agent_id=agent.public_id, at=then.isoformat()).json()
    assert [(row["name"], row["because"]) for row in past["actors"]] == [
        ("ann", "tag"),
        ("whole", "all_agents"),
    ]
    about = {"from": (then - timedelta(hours=1)).isoformat(), "until": timezone.now().isoformat()}
    report = ask(agent_id=agent.public_id, **about).json()
    assert [row["tag"] for row in report["tags"]] == ["user_1", "user_2"]
    assert [row["name"] for row in report["did"]] == ["test"]
    assert ask(user="user_1", at=then.isoformat()).json()["agents"] == [agent.public_id]
    assert [row["name"] for row in ask(user="user_1", **about).json()["actors"]] == ["ann", "whole"]
    assert ask(key_id=key.key_id).json()["agent_count"] == 0
    assert ask(key_id=key.key_id, at=then.isoformat()).json()["actors"][0]["tag"] == "user_1"
    statuses = [ask(), ask(agent_id="agent-x"), ask(user="user_1", at="2026-01-01T00:00:00")]
    assert [answer.status_code for answer in statuses] == [422, 404, 422]
    for scope, limit in (("write", None), ("write", "user_1")):
        other = make_token(scope=scope, limit_tag=limit)
        assert (
            call("GET", f"/v1/access/?agent_id={agent.public_id}", token=other).status_code == 403
        )


def test_an_erased_name_is_gone_from_answers_about_the_past() -> None:
    agent = make_agent(tags=["user_1"])
    lena = make_user("lena")
    change_member(member_id=lena.pk, limit=["user_1", "a"], actor=ROOT)
    then = timezone.now()
    change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT)
    change_member(member_id=lena.pk, limit=["a"], actor=ROOT)
    erase_name(name="user_1", actor=ROOT)
    at = f"{then:%Y-%m-%dT%H:%M:%S.%f}"
    text = browser_of("admin").get(f"/agents/{agent.public_id}/access/?at={at}").content.decode()
    assert "user_1" not in text
    assert "erased-1" in text


def test_a_reach_of_an_agent_by_id_is_named() -> None:
    agent = make_agent()
    keys.create_key(name="one", reach=Reach.of_agents([agent.public_id]), actor=ROOT)
    page = browser_of("admin").get(f"/agents/{agent.public_id}/access/")
    assert [row[2] for row in lines_of(page, "#now-h ~ div")] == ["limited to this agent"]
