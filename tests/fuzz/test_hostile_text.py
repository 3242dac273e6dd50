"""Hostile text in every field, every page and fragment opened in a browser: nothing in it becomes an
element, breaks the policy or runs. That the same eyes do see it is shown on a server that is broken.
"""

import re
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect

from tests.access.asking import FORMS, World, browser_of, routes
from tests.access.table import OIDC, PAGES, rows
from tests.api.calls import make_token
from tests.fuzz.looking import Looker, looker
from tests.fuzz.payloads import ALL, OTHERS, SHORT
from tests.fuzz.planting import Planter
from tests.helpers import make_agent, make_user

Serve = Callable[..., str]
PAGE_ROWS = rows(PAGES)
# Answers that are no page: what they are sent as is tested below.
FILES = {
    "/agents/export.csv", "/agents/export.zip", "/tags/export.csv", "/agents/<str:agent_id>/file/",
    "/history/<int:change_set_id>/receipt.csv", "/bulk/<uuid:plan_id>/results/",
    "/bulk/<uuid:plan_id>/refused.csv", "/users/receipts/<uuid:offboarding_id>/receipt.json",
    "/agents/<str:agent_id>/access.csv", "/access/tag.csv",
}  # fmt: skip
NOT_SHOWN = {"/healthz", "/readyz", "/metrics"}
# What is under way.
BUSY = ".htmx-request, [aria-busy=true], .is-leaving"
# Whose form would end the walk.
LEAVES = {"/accounts/logout/", "/accounts/logout/everywhere/"}
TAG, USER, HANDLE = f"§tag§{SHORT}", f"user_§user§{SHORT}", f"a/§handle§{SHORT}"
# What an address may carry that a page shows again, by route.
NAMED = {"name": TAG, "other": USER, "how": "tag", "typed": SHORT, "fingerprint": SHORT}
ASKED: dict[str, list[dict[str, str]]] = {
    "/agents/": [
        {"any": TAG, "none": USER, "q": "'\"><x-owned>"},
        {"q": SHORT, "model": HANDLE, "sort": SHORT, "size": SHORT, "after": SHORT},
        {"tag": SHORT + "\0", "how": SHORT, "untagged": SHORT},
        {"all": f"{SHORT} no such tag"},
        {"view": SHORT},
    ],
    "/agents/new/": [{"tag": SHORT, "copy": "AGENT"}, {"tag": USER}, {"tag": SHORT + "\0"}],
    "/agents/upload/": [{"tag": ALL}],
    "/agents/<str:agent_id>/": [{"edit": "about"}, {"edit": SHORT}],
    "/agents/<str:agent_id>/settings/": [{"edit": "model"}, {"edit": "system"}],
    "/agents/<str:agent_id>/memory/": [{"edit": "BLOCK"}, {"edit": SHORT}],
    "/agents/<str:agent_id>/tags/news/": [{"seen": SHORT, "prefix": SHORT, "place": "row"}],
    "/agents/<str:agent_id>/tags/editor/": [{"prefix": SHORT}],
    "/tags/suggest/": [
        {"q": SHORT, "list": SHORT, "agent": SHORT},
        {"q": "<", "agent": "AGENT"},
        {"q": "owned"},
    ],
    "/go/suggest/": [{"q": SHORT}, {"q": "<x-owned"}, {"q": USER[:9]}, {"q": "agent-"}],
    "/go/": [{"q": SHORT}],
    "/tags/": [{"q": "<x"}, {"kind": "users", "q": SHORT}, {"only": SHORT, "sort": SHORT}],
    "/tags/lookalikes/": [{"kind": "users"}, {"after": SHORT}],
    "/tags/one/": [{"name": TAG}, {"name": USER}, {"name": f"{SHORT} no such tag"}],
    "/tags/rename/": [NAMED],
    "/tags/merge/": [NAMED, {"name": USER}],
    "/tags/delete/": [NAMED],
    "/users/": [{"q": "user_'"}, {"after": SHORT, "sort": "use"}],
    "/users/one/": [{"name": USER}, {"name": f"{USER} no such user"}],
    "/users/offboard/": [{"name": USER, "how": "agents"}, {"name": USER, "how": "tag"}],
    "/history/": [{"by": SHORT, "tag": TAG, "agent": SHORT}, {"tag": USER, "since": SHORT}],
    "/bulk/new/": [{"op": "add", "any": SHORT}, {"op": SHORT}],
    "/views/new/": [{"any": SHORT, "q": SHORT}],
    "/accounts/login/": [{"next": f"/{SHORT}"}],
    "/keys/": [{"after": SHORT}],
    "/webhooks/<str:webhook_id>/": [{"only": SHORT}],
}


def pages(world: World, short: str) -> list[str]:
    """Every address that shows something: each route that there is, and what it may be asked."""
    known = {"AGENT": world.own.public_id, "BLOCK": str(world.values["block_id"])}
    shown = []
    for route in sorted(routes() - OIDC - FILES - NOT_SHOWN):
        if route.startswith("/v1/") and route != "/v1/docs":
            continue
        if ("GET", route) in PAGE_ROWS or route not in {one for _, one in PAGE_ROWS}:
            shown.append(world.url(route))
        for query in ASKED.get(route, []):
            asked = {name: known.get(t, t.replace(SHORT, short)) for name, t in query.items()}
            shown.append(f"{world.url(route).partition('?')[0]}?{urlencode(asked)}")
    shown.append(f"/agents/{world.values['gone']}/")
    shown += [f"/bulk/{world.values[one]}/" for one in ("done_plan_id", "rows_plan_id")]
    names = [quote(short, safe=""), "%3Cx-owned%3E"]
    return [*shown, *(f"/{one}" for one in names), *(f"/agents/{one}/" for one in names)]


def forms(world: World, short: str) -> list[tuple[str, dict[str, str]]]:
    """Every form that can be sent, with hostile text in each field: mostly what refuses it."""
    sent = []
    for method, route in sorted(PAGE_ROWS):
        if method != "POST" or route == "/" or route in LEAVES:
            continue
        proper = world.form(route)
        hostile = {name: f"{short}{n}" for n, name in enumerate(FORMS.get(route, {}))}
        sent.append((world.url(route), proper | hostile | {"reason": short, "prefix": short}))
    # Those that delete what others are about come last.
    return sorted(sent, key=lambda one: "delete" in one[0] or "remove" in one[0])


def walk(eyes: Looker, world: World, short: str) -> None:
    """Open every page, then every fragment, then send every form."""
    shown = pages(world, short)
    for path in shown:
        eyes.open(path)
    eyes.base = f"/agents/{world.own.public_id}/settings/"
    eyes.open(eyes.base)
    for path in shown:
        eyes.swap("GET", path)
    eyes.open(eyes.base)
    for path, values in forms(world, short):
        eyes.swap("POST", path, values)


# What is typed where tags are suggested.
TYPED = ("<x-owned>", "<x-owned\u0007>", '"><x-owned>', "owned")


def type_everywhere(eyes: Looker, world: World) -> None:
    """What our own scripts make of hostile text: typed, suggested, refused, edited, chosen."""
    page = eyes.page
    eyes.open(f"/agents/{world.own.public_id}/settings/")
    for text in TYPED:
        page.locator("#tag-input").fill(text)
        page.locator("#tag-input").press("ArrowDown")
        page.locator("#tag-suggest").wait_for()
        eyes.look(f"suggestions of {text}")
        page.keyboard.press("Escape")
        page.locator("#tag-input").press("Enter")
        expect(page.locator(BUSY)).to_have_count(0)
        eyes.look(f"added {text}")
    for button in ("[data-edit]", "[data-discard]"):
        if page.locator(button).count():
            page.locator(button).first.click()
            eyes.look(f"pressed {button}")
    page.locator("#tag-list .chip-remove").first.click()
    expect(page.locator(BUSY)).to_have_count(0)
    eyes.look("removed")
    eyes.open("/agents/upload/")
    file = {"name": "'\"><x-owned>.af", "mimeType": "application/json", "buffer": b"<x-owned>"}
    page.locator("#upload-file").set_input_files(file)
    page.get_by_role("button", name="Import").first.click()
    page.locator("#upload-said .message").wait_for()
    eyes.look("a file that is none, with a hostile name")


def hold(live: str, browser: Browser, short: str) -> None:
    planter = Planter(short)
    world = planter.plant()
    # Tags to suggest that the agent does not have, also once what was typed is added to it.
    make_agent(tags=[f"{text} of another" for text in TYPED if text.isprintable()])
    make_user("anna", role="admin")
    with looker(browser, live, username="anna") as eyes:
        type_everywhere(eyes, world)
        walk(eyes, world, short)
    assert eyes.problems == {}
    # It was worth something: every field was shown, most pages were, and the rest refused.
    assert planter.fields - eyes.shown == set()
    opened = {where: status for where, status in eyes.statuses.items() if where.startswith("GET /")}
    assert sum(status == 200 for status in opened.values()) > 0.8 * len(opened)
    assert {200, 404, 422} <= set(eyes.statuses.values())


@pytest.mark.browser
def test_nothing_becomes_an_element_or_runs(live: str, browser: Browser) -> None:
    hold(live, browser, SHORT)


@pytest.mark.prove
@pytest.mark.parametrize("short", OTHERS)
def test_nothing_else_becomes_an_element_or_runs(live: str, browser: Browser, short: str) -> None:
    hold(live, browser, short)


@pytest.mark.prove  # tests the test
@pytest.mark.only_sqlite
@pytest.mark.browser
def test_the_same_eyes_see_it_where_nothing_is_escaped(
    serve: Serve, live: str, browser: Browser
) -> None:
    make_agent(name=SHORT, tags=[SHORT])
    make_user("anna", role="admin")
    broken = serve(DJANGO_SETTINGS_MODULE="tests.fuzz.planted_settings")
    with looker(browser, broken, username="anna") as eyes:
        eyes.open(f"/tags/one/?{urlencode({'name': SHORT})}")
        eyes.swap("GET", f"/tags/suggest/?{urlencode({'q': 'owned'})}")
    assert len(eyes.problems) == 2
    kinds = {what.split()[0] for found in eyes.problems.values() for what in found}
    assert kinds >= {"element", "attribute"}


@pytest.mark.prove  # tests the test
@pytest.mark.only_sqlite
@pytest.mark.browser
def test_the_same_eyes_see_what_the_policy_stops(serve: Serve, live: str, browser: Browser) -> None:
    agent = make_agent(name=SHORT, description=ALL)
    make_user("anna", role="admin")
    broken = serve(DJANGO_SETTINGS_MODULE="tests.fuzz.planted_settings")
    with looker(browser, broken, username="anna") as eyes:
        eyes.open(f"/agents/{agent.public_id}/json/")
    (found,) = eyes.problems.values()
    assert {what.split()[0] for what in found} >= {"element", "attribute", "policy", "console"}
    assert "a script ran" not in found


@pytest.mark.prove  # tests the test
@pytest.mark.only_sqlite
@pytest.mark.browser
def test_the_same_eyes_see_a_script_run_and_a_dialog(
    serve: Serve, live: str, browser: Browser
) -> None:
    agent = make_agent(name="Max", description="<script>owned(); alert('owned')</script>")
    make_user("anna", role="admin")
    broken = serve(DJANGO_SETTINGS_MODULE="tests.fuzz.planted_without_policy")
    with looker(browser, broken, username="anna") as eyes:
        eyes.open(f"/agents/{agent.public_id}/json/")
    (found,) = eyes.problems.values()
    assert {"a script ran", "dialog owned", "element script"} <= set(found)


# --- Without a browser ----------------------------------------------------------------------


def files(world: World) -> dict[str, str]:
    """The addresses of what is no page."""
    return {route: world.url(route) for route in sorted(FILES)}


@pytest.mark.django_db
def test_files_are_saved_and_not_shown() -> None:
    world = Planter(SHORT).plant()
    admin = browser_of("admin")
    for route, path in files(world).items():
        answer = admin.get(path)
        answer.getvalue()
        kind = answer.headers["Content-Type"]
        assert (route, kind) in {
            (route, "text/csv; charset=utf-8"),
            (route, "application/json"),
            (route, "application/zip"),
        }
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert re.search(r"[\r\n<>]", answer.headers["Content-Disposition"]) is None


@pytest.mark.django_db
def test_the_api_answers_json_and_nothing_that_a_browser_shows() -> None:
    Planter(SHORT).plant()
    token = make_token(scope="manage")
    for path in ("/v1/agents/", f"/v1/{quote(SHORT)}", f"/v1/agents/{quote(SHORT)}", "/v1/blocks/"):
        answer = Client(headers={"Authorization": f"Bearer {token}"}).get(path)
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
