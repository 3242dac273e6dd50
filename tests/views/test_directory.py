"""GET /tags/, /tags/lookalikes/, /tags/export.csv, GET and POST /tags/one/, and the plans."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from agents.core.actors import MANAGE
from agents.domain.directory.rename import describe_tag
from agents.domain.keys import create_key
from agents.domain.tags.edit import change_tags
from agents.models import ChangeSet, Tag
from agents.queries.core import bounds
from tests.helpers import ROOT, everything, make_agent, make_editor, tags_of
from tests.views.browsing import HX, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


def names(response: object, selector: str = ".dir tbody th bdi") -> list[str]:
    return [one.get_text() for one in soup(response).select(selector)]


def test_it_works() -> None:
    make_agent(tags=["env:prod", "user_1", "vip"])
    make_agent(tags=["env:prod"])
    response = signed_in("viewer").get("/tags/")
    assert names(response) == ["env:prod", "vip"]
    assert names(signed_in("manager").get("/tags/?kind=users")) == ["user_1"]
    rows = [" ".join(row.get_text().split()) for row in soup(response).select(".dir tbody tr")]
    assert rows[0] == "env:prod 2 agents with env:prod 2 now by test"
    assert [meter["value"] for meter in soup(response).select("meter")] == ["2", "1"]
    assert soup(response).select(".dir-acts") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=PRO", ["env:prod"]),
        ("?q=%20vip%20", ["vip"]),
        ("?q=v", ["env:prod", "vip"]),
        ("?q=none", []),
        ("?sort=name", ["env:prod", "origin:x", "unused", "vip"]),
        ("?only=unused", ["unused"]),
        ("?only=protected", ["origin:x"]),
        ("?only=nonsense&sort=nonsense&kind=nonsense&q=%00", ["env:prod", "origin:x", "vip", "unused"]),
    ],
)  # fmt: skip
def test_directory_is_searched_sorted_and_filtered(query: str, expected: list[str]) -> None:
    make_agent(tags=["env:prod", "vip", "origin:x"])
    make_agent(tags=["env:prod"])
    gone = make_agent(tags=["unused"])
    change_tags(agent_id=gone.public_id, remove=["unused"], actor=ROOT)
    assert names(signed_in().get(f"/tags/{query}")) == expected


@pytest.mark.parametrize("query", ["sort=use", "sort=name", "kind=users", "kind=users&sort=name"])
def test_pages_show_each_tag_once_and_lead_back(query: str) -> None:
    prefix = "user_" if "users" in query else "t"
    for number in range(120):
        make_agent(tags=[f"{prefix}{number:03}", *([f"{prefix}000"] if number % 2 else [])])
    client, shown, link = signed_in(), [], f"?{query}"
    pages = []
    while link:
        response = client.get(f"/tags/{link}")
        pages.append(names(response))
        after = soup(response).select("a[rel=next]")
        back = soup(response).select("a[rel=prev]")
        link = after[0]["href"] if after else ""
    shown = [name for page in pages for name in page]
    assert (len(shown), len(set(shown)), [len(page) for page in pages]) == (120, 120, [50, 50, 20])
    assert names(client.get(f"/tags/{back[0]['href']}")) == pages[1]


def test_page_from_no_place_is_400() -> None:
    client = signed_in()
    for place in ("x", "[1]", '["a",1]', '[1,"\\u0000"]', '[99999999999,"a"]'):
        assert client.get("/tags/", {"after": place}).status_code == 400


def test_queries_do_not_grow_with_the_tags() -> None:
    client, counts = signed_in("manager"), []
    for size in (1, 3):
        make_agent(tags=[f"t{size}{number}" for number in range(size)])
        client.get("/tags/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/tags/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_fragment_is_the_results() -> None:
    make_agent(tags=["a"])
    response = signed_in().get("/tags/?q=a", headers=HX)
    assert (is_page(response), names(response)) == (False, ["a"])
    assert "HX-Request" in response["Vary"]


def test_lookalikes_come_with_a_plan_of_a_merge() -> None:
    make_agent(tags=["Prod", "prod", "vip"])
    make_agent(tags=["prod", "user_1", "User 1"])
    client = signed_in("manager")
    response = client.get("/tags/lookalikes/")
    # Labels and users stand together, users first.
    assert names(response, ".groups .chip bdi") == ["prod", "Prod", "user_1", "User 1"]
    link, other = soup(response).select(".groups .quiet-link")
    assert other["href"] == "/tags/merge/?name=User+1&other=user_1" or "User%201" in other["href"]
    assert link["href"] == "/tags/merge/?name=Prod&other=prod"
    assert client.get(link["href"]).status_code == 200
    assert "2 groups look alike" in text_at(client.get("/tags/"), ".dir-hint")


def test_export_is_the_whole_directory_guarded() -> None:
    make_agent(tags=["=1+1", "b, c"])
    response = signed_in("viewer").get("/tags/export.csv")
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "tag,names_user,protected,description,colour,agents,last_added,by"
    assert [line.split(",0,0")[0] for line in lines[1:]] == ["'=1+1", '"b, c"']


def test_one_tag_shows_agents_history_and_company() -> None:
    agent = make_agent(name="Ada", tags=["a", "b"])
    describe_tag(name="a", description="What it is", colour="teal", actor=MANAGER)
    response = signed_in("viewer").get("/tags/one/?name=a")
    assert names(response, ".dir tbody th a") == ["Ada"]
    assert names(response, "section[aria-labelledby=together-h] bdi") == ["b"]
    assert len(soup(response).select(".sets > li")) == 2
    assert soup(response).select("main form:not([action='/tags/watch/'])") == []
    assert agent.public_id in response.content.decode()


@pytest.mark.parametrize("name", ["", "nothing", "%00", "x" * 600])
def test_one_tag_that_is_not_is_404(name: str) -> None:
    assert signed_in().get(f"/tags/one/?name={name}").status_code == 404


def test_saying_what_a_tag_is() -> None:
    make_agent(tags=["a"])
    client = signed_in("manager")
    form = {"name": "a", "description": " As it is ", "colour": "red", "protection": "yes"}
    assert client.post("/tags/one/", form).headers["Location"] == "/tags/one/?name=a"
    tag = Tag.objects.get()
    assert (tag.description, tag.colour, tag.protected) == (" As it is ", "red", True)
    response = client.post("/tags/one/", form | {"colour": "mauve", "description": "typed"})
    assert response.status_code == 422
    assert text_at(response, "textarea[name=description]") == "typed"
    assert Tag.objects.get().colour == "red"


def test_saying_over_anothers_words_is_409() -> None:
    make_agent(tags=["a"])
    client = signed_in("manager")
    page = soup(client.get("/tags/one/?name=a"))
    (shown,) = page.select("input[name=shown]")
    describe_tag(name="a", description="theirs", actor=MANAGER)
    form = {"name": "a", "description": "mine", "protection": "settings", "shown": shown["value"]}
    response = client.post("/tags/one/", form)
    assert (response.status_code, Tag.objects.get().description) == (409, "theirs")
    assert text_at(response, "textarea[name=description]") == "mine"


def planned(client: object, path: str) -> dict[str, str]:
    """What the form of a plan sends."""
    form = soup(client.get(path)).select("main form[method=post]")[0]
    return {one["name"]: one.get("value", "") for one in form.select("input[name]")}


def test_rename_by_plan() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("manager")
    form = planned(client, "/tags/rename/?name=a&other=b")
    response = client.post("/tags/rename/", form | {"reason": "better"})
    newest = ChangeSet.objects.latest("id")
    assert response.headers["Location"] == f"/history/{newest.id}/"
    assert (tags_of(agent), newest.reason) == (["b"], "better")


def test_merge_by_plan() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("manager")
    make_agent(tags=["b"])
    client.post("/tags/merge/", planned(client, "/tags/merge/?name=a&other=b"))
    assert tags_of(agent) == ["b"]


def test_merge_of_a_users_tag_is_told_as_a_move() -> None:
    agent = make_agent(tags=["user_1"])
    make_agent(tags=["user_2"])
    client = signed_in("manager")
    page = client.get("/tags/merge/?name=user_1&other=user_9")
    assert text_at(page, "h1") == "Move all agents of user_1"
    link = soup(page).select_one("#other-error a")
    assert link["href"] == "/tags/rename/?name=user_1&other=user_9"
    assert link.get_text() == "Plan a rename: that tag does not exist yet"
    page = client.get("/tags/merge/?name=user_1&other=user_2")
    form = soup(page).select_one("form[method=post][action='/tags/merge/']")
    assert form.select_one(".actions button").get_text() == "Move 1 agent to user_2"
    client.post("/tags/merge/", {one["name"]: one.get("value", "") for one in form.select("input")})
    assert tags_of(agent) == ["user_2"]


def test_delete_by_plan_takes_the_name_typed() -> None:
    agent, client = make_agent(tags=["a"]), signed_in("manager")
    form = planned(client, "/tags/delete/?name=a")
    before = everything()
    response = client.post("/tags/delete/", form | {"typed": "b", "reason": "kept text"})
    assert (response.status_code, everything() == before) == (422, True)
    assert soup(response).select("input[name=reason]")[0]["value"] == "kept text"
    assert client.post("/tags/delete/", form | {"typed": "a"}).status_code == 303
    assert tags_of(agent) == []


@pytest.mark.parametrize(
    ("path", "typed", "title"),
    [
        ("/tags/merge/?name=a&other=b", "", "Merge a into b"),
        ("/tags/delete/?name=a", "a", "Delete a"),
    ],
)
def test_tag_on_many_agents_is_left_to_the_worker(
    path: str, typed: str, title: str, settings: Settings
) -> None:
    settings.WHOLE_TAG_AT_ONCE = 1
    for _ in range(3):
        make_agent(tags=["a"])
    make_agent(tags=["b"])
    client = signed_in("manager")
    impact = text_at(client.get(path), ".impact")
    assert "in the background, in batches" in impact
    assert "second" in impact
    address = path.partition("?")[0]
    answer = client.post(address, planned(client, path) | {"typed": typed})
    page = client.get(answer.headers["Location"])
    assert (answer.status_code, text_at(page, "h1")) == (303, title)
    assert "0 of 3 agents done" in text_at(page, "#progress")
    again = client.get(path)
    assert "already being merged, deleted or off-boarded" in soup(again).get_text()


def test_plan_that_no_longer_holds_is_409_with_the_new_one() -> None:
    make_agent(tags=["a"])
    client = signed_in("manager")
    form = planned(client, "/tags/rename/?name=a&other=b")
    make_agent(tags=["a"])
    response = client.post("/tags/rename/", form | {"reason": "kept"})
    assert response.status_code == 409
    assert "2 carry it" in text_at(response, ".impact")
    assert soup(response).select("input[name=reason]")[0]["value"] == "kept"
    (fresh,) = soup(response).select("input[name=fingerprint]")
    assert client.post("/tags/rename/", form | {"fingerprint": fresh["value"]}).status_code == 303


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/tags/rename/?name=a&other=b", "/tags/merge/?name=a&other=b"),
        ("/tags/merge/?name=a&other=c", "/tags/rename/?name=a&other=c"),
        ("/tags/rename/?name=a&other=", None),
        ("/tags/rename/?name=a&other=a", None),
        ("/tags/merge/?name=a&other=a", None),
    ],
)
def test_plan_refused_keeps_what_was_typed(path: str, instead: str | None) -> None:
    make_agent(tags=["a", "b"])
    response = signed_in("manager").get(path)
    assert response.status_code in (409, 422)
    page = soup(response)
    assert page.select("#other")[0].get("value", "") == path.rpartition("=")[2]
    assert [link["href"] for link in page.select("#other-error a")] == (
        [instead] if instead else []
    )
    assert page.select("form[method=post][action^='/tags/']") == []


def test_merge_of_a_tag_with_keys_is_an_admins() -> None:
    make_agent(tags=["user_1", "user_2"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    path = "/tags/merge/?name=user_1&other=user_2"
    manager = signed_in("manager")
    assert "Only an admin" in text_at(manager.get(path), ".plan-first")
    before = everything()
    assert manager.post("/tags/merge/", planned(manager, path)).status_code == 403
    assert everything() == before
    admin = signed_in("admin")
    assert admin.post("/tags/merge/", planned(admin, path)).status_code == 303


def test_many_tags_are_merged_renamed_and_deleted_by_a_plan() -> None:
    agent = make_agent(tags=["env-a", "env-b", "old1", "old2"])
    client = signed_in("manager")
    boxes = soup(client.get("/tags/")).select("input[form=many]")
    assert {box["value"] for box in boxes} == {"env-a", "env-b", "old1", "old2"}
    address = "/tags/many/?act=merge&tag=old1&tag=old2&tag=gone"
    assert soup(client.get(address)).select("#plan-h") == []
    page = client.get(f"{address}&other=env-a")
    assert "There is no tag gone." in text_at(page, "table")
    assert text_at(page, "#apply") == "Merge 2 tags on 2 agents"
    client.post("/tags/many/", form_many(page))
    assert tags_of(agent) == ["env-a", "env-b"]
    page = client.get("/tags/many/?act=rename&tag=env-a&tag=env-b&find=env-&put=env:")
    client.post("/tags/many/", form_many(page))
    assert tags_of(agent) == ["env:a", "env:b"]
    page = client.get("/tags/many/?act=delete&tag=env:a&tag=env:b")
    assert client.post("/tags/many/", form_many(page)).status_code == 422
    client.post("/tags/many/", form_many(page) | {"typed": "delete"})
    assert tags_of(agent) == []


def test_texts_for_many_tags_are_no_longer_than_tags() -> None:
    client, name = signed_in("manager"), "a" * 512
    for field in ("find", "put", "tag"):
        form = {"act": "rename", "tag": name, "find": "a", "put": "b"} | {field: "a" * 513}
        refused = client.post("/tags/many/", form)
        assert (refused.status_code, "513 characters" in refused.content.decode()) == (422, True)
    # What comes of it is longer than a tag, and says so for the tag.
    page = client.get("/tags/many/", {"act": "rename", "tag": name, "find": "a", "put": "b" * 512})
    assert page.status_code == 200


def form_many(page: Any) -> dict[str, Any]:
    """What the form of the plan sends."""
    sent: dict[str, Any] = {}
    for field in soup(page).select("form[method=post] [name]"):
        if field["name"] in _MANY:
            sent.setdefault(field["name"], []).append(field.get("value", ""))
    return sent


_MANY = {"act", "other", "find", "put", "tag", "planned", "print"}


@pytest.mark.parametrize(
    ("address", "notices"),
    [
        ("rename/?name=old&other=tier:glod", ["tier:glod New tag: no agent has it. Did you mean"]),
        ("rename/?name=old&other=Tier-Gold", ["Tier-Gold Looks like the tag tier:gold (1 agent)"]),
        ("rename/?name=old&other=new", []),
        ("rename/?name=old&other=Old", []),
        ("rename/?name=old&other=%20x", ["␣x Begins or ends with a space."]),
        ("merge/?name=old&other=user_2", ["user_2 (user) 1 of 1 agent would have two owners."]),
        (
            "merge/?name=old&other=origin:x",
            ["origin:x (protected) (machine tag) Protected: only managers change it."],
        ),
        (
            "many/?act=merge&tag=old&tag=vip&other=user_2",
            ["user_2 (user) 2 of 2 agents would have two owners."],
        ),
        (
            "many/?act=rename&tag=old&find=old&put=tier:glod",
            ["tier:glod New tag: no agent has it."],
        ),
    ],
)
def test_plans_say_what_to_look_at_first(address: str, notices: list[str]) -> None:
    make_agent(tags=["user_1", "old"])
    make_agent(tags=["user_3", "vip"])
    make_agent(tags=["tier:gold", "user_2", "origin:x"])
    response = signed_in("manager").get(f"/tags/{address}")
    shown = [" ".join(one.get_text().split()) for one in soup(response).select(".plan-first li")]
    assert len(shown) == len(notices)
    assert all(map(str.startswith, shown, notices))


def test_a_large_directory_looks_for_look_alikes_in_a_part_of_its_tags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_agent(tags=["vip", "VIP", "zeta", "Zeta", "aaa"])
    client = signed_in()
    assert "2 groups look alike" in text_at(client.get("/tags/"), ".dir-hint")
    monkeypatch.setattr(bounds, "ALIKE", 3)
    assert "1+ groups look alike: VIP / vip" in text_at(client.get("/tags/"), ".dir-hint")
    monkeypatch.setattr(bounds, "ALIKE", 1)
    assert text_at(client.get("/tags/"), ".dir-hint") == "Look for tags that look alike"


def test_a_large_number_of_tags_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    make_agent(tags=[*(f"t{n}" for n in range(4)), "user_1"])
    monkeypatch.setattr("agents.queries.directory.EXACT_COUNT", 3)
    client = signed_in()
    assert text_at(client.get("/tags/"), "h1 + .muted") == "3+ labels · 1 user"
