"""The console in a real browser: overview, list at its density, palette, theme, and the pages of admins."""

import gzip
from collections.abc import Callable

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Page, Response, expect

from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.keys import create_key
from agents.domain.saved_views import save_view
from agents.domain.webhooks.write import create_webhook
from agents.models import Webhook
from tests.browser.editing import NewPage
from tests.helpers import ROOT, make_agent, make_editor, make_user

pytestmark = pytest.mark.browser

Axe = Callable[[Page], list[str]]


def make_many(count: int = 50) -> None:
    """Agents with an owner and two more tags each."""
    create_agents(
        [
            NewAgent(
                name=f"Helper {n:03}", model="m/1", tags=[f"user_{n}", "env:prod", f"t{n % 7}"]
            )
            for n in range(count)
        ],
        actor=ROOT,
    )


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_pages_of_admins_are_accessible(
    new_page: NewPage, axe: Axe, theme: str, width: int
) -> None:
    make_agent(tags=["user_1", "user_2"])
    make_agent(tags=["tier:gold"])
    key = create_key(name="app", actor=ROOT, limit_tag="user_1").key
    hook = create_webhook(url="https://hooks.example.com/x", actor=ROOT).webhook
    Webhook.objects.filter(id=hook.id).update(failing_since=timezone.now(), cursor=F("cursor"))
    save_view(
        name="Gold", pairs=[("any", "tier:gold")], shared=True, pinned=True, actor=make_editor()
    )
    anna = make_user("anna", role="admin")
    page = new_page(anna, theme=theme, width=width)
    addresses = ["/", "/agents/", "/keys/?form=1", "/keys/?only=unused", "/members/?form=1"]
    addresses += ["/webhooks/?form=1", hook.get_absolute_url(), "/go/", "/views/", "/sources/"]
    addresses += ["/sources/inbox/", f"/keys/{key.key_id}/", f"/members/{anna.pk}/"]
    for address in addresses:
        page.goto(address)
        assert axe(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address


def test_the_list_is_dense_and_a_row_is_one_tab_stop(new_page: NewPage) -> None:
    make_many()
    page = new_page(make_user("anna", role="manager"), width=1440, height=900)
    page.goto("/agents/?all=env:prod")
    rows = page.locator(".rows tbody tr")
    expect(rows).to_have_count(50)
    tops = rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect())")
    assert tops[0]["top"] <= 220
    assert all(36 <= row["height"] <= 40 for row in tops)
    assert len([row for row in tops if row["bottom"] <= 900]) >= 14
    expect(page.locator(".rows tbody [tabindex='0']")).to_have_count(50)
    first = rows.nth(0)
    first.locator(".row-agent > a").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 2
    # The bar covers the heads, so no row moves when it appears.
    rows.nth(0).locator(".pick").check()
    expect(page.locator(".bulk-said")).to_have_text("1 selected.")
    assert rows.nth(0).bounding_box()["y"] == tops[0]["top"]


def test_both_owners_can_be_read_and_a_long_tag_takes_three_lines(new_page: NewPage) -> None:
    agent = make_agent(tags=["user_1", "user_2", "note:" + "long-words-" * 40])
    page = new_page(make_user("anna", role="manager"), width=1440, height=900)
    page.goto("/agents/")
    owners = page.locator(".row-owner .chip")
    expect(owners).to_have_count(2)
    assert owners.evaluate_all("chips => chips.every(chip => chip.scrollWidth <= chip.clientWidth)")
    page.goto(f"/agents/{agent.public_id}/settings/")
    height = page.locator("#recent .feed > li").first.bounding_box()["height"]
    assert height <= 8 * 16 * 1.5  # eight lines, with the other tags


def test_a_filter_changes_the_title_and_closes_its_suggestions(new_page: NewPage) -> None:
    make_agent(tags=["user_1"])
    page = new_page(make_user("anna", role="manager"))
    page.goto("/agents/")
    page.locator("#filter-tag").press_sequentially("user_1")
    expect(page.locator("#filter-suggest")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Agents with user_1 · ADE")
    expect(page.locator("#filter-suggest")).to_be_hidden()


def test_what_a_move_said_goes_with_its_undo(new_page: NewPage) -> None:
    agent = make_agent(tags=["user_1"])
    page = new_page(make_user("anna", role="manager"))
    page.goto(f"/agents/{agent.public_id}/owner/")
    page.get_by_label("User", exact=True).fill("user_2")
    page.get_by_role("button", name="Move agent").click()
    expect(page.locator("#messages")).to_contain_text("now belongs to user_2")
    page.locator("#tag-undo-button").click()
    expect(page.locator("#messages")).to_be_empty()


def test_the_palette_finds_pages_and_actions(new_page: NewPage) -> None:
    make_agent(name="Nova")
    page = new_page(make_user("anna", role="admin"))
    page.goto("/agents/")
    page.locator("#filter-q").focus()
    page.keyboard.press("Control+k")
    expect(page.locator("#go-q")).to_be_focused()
    expect(page.get_by_role("option", name="Overview")).to_be_visible()
    page.keyboard.insert_text("create key")
    expect(page.get_by_role("option", name="Create an API key")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/keys/?form=1")
    expect(page.get_by_label("Name", exact=True)).to_be_visible()


def test_the_theme_is_kept(new_page: NewPage) -> None:
    page = new_page(make_user("anna"), theme="light")
    page.goto("/agents/")
    page.locator("header details.menu > summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert page.url.endswith("/agents/")


def test_a_mark_of_a_chart_leads_to_its_changes(new_page: NewPage) -> None:
    make_agent(tags=["user_1"])
    page = new_page(make_user("anna"))
    page.goto("/")
    page.locator("section[aria-labelledby=tag-changes] svg a").first.click()
    page.wait_for_url("**/history/?since=*")
    expect(page.locator(".sets li")).to_have_count(1)


@pytest.mark.parametrize("where", ["/agents/", "/", "settings/"])
def test_a_page_weighs_little(new_page: NewPage, where: str) -> None:
    make_many()
    agent = make_agent(tags=["user_1"])
    page = new_page(make_user("anna", role="manager"))
    seen: list[Response] = []
    page.on("response", lambda response: seen.append(response))
    path = agent.get_absolute_url() + where if where == "settings/" else where
    page.goto(path, wait_until="networkidle")
    weight = dict.fromkeys(("script", "stylesheet", "document"), 0)
    for response in seen:
        kind = response.request.resource_type
        if kind in weight:
            weight[kind] += len(gzip.compress(response.body(), 6))
    assert 0 < weight["script"] <= 40_000, weight
    assert 0 < weight["stylesheet"] <= 25_000, weight
    assert 0 < weight["document"] <= 25_000, weight
