"""An agent's life in a real browser: made, duplicated, given memory, exported, imported, deleted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agents.domain.memory.new import NewBlock
from agents.models import Agent
from tests.helpers import make_agent, make_user, tags_of

pytestmark = pytest.mark.browser

NewPage = Callable[..., Page]


def make_nova() -> Agent:
    blocks = [NewBlock("human", "Tea"), NewBlock("persona", "Kind")]
    return make_agent(name="Nova", tags=["user_1", "tier:gold"], system="Be kind.", blocks=blocks)


def path_of(page: Page) -> str:
    return page.url.split("/", 3)[3]


def focused(page: Page) -> str:
    """The text of what has the focus, so that no test passes with it lost."""
    return " ".join(str(page.evaluate("document.activeElement.innerText")).split())


@pytest.mark.parametrize("javascript", [True, False])
def test_an_agent_from_its_beginning_to_its_end(new_page: NewPage, javascript: bool) -> None:
    page = new_page(make_user(), javascript=javascript)
    page.goto("/agents/")
    page.get_by_role("link", name="New agent").click()
    page.get_by_label("Name", exact=True).fill("Triage")
    page.get_by_label("Model", exact=True).fill("gpt-4o")
    page.locator("#id_tags").fill('user_1, "a, b"')
    page.get_by_role("button", name="Create agent").click()
    expect(page.locator("#id_model_error")).to_have_text("A model has the form provider/name.")
    expect(page.locator("#id_tags")).to_have_value('user_1, "a, b"')
    page.get_by_label("Model", exact=True).fill("openai/gpt-4o")
    page.get_by_label("Model", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Triage")
    first = Agent.objects.get()
    assert tags_of(first) == ["a, b", "user_1"]
    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Copy of Triage")
    expect(page.get_by_role("checkbox", name="user_1")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="a, b")).to_be_checked()
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy of Triage")
    assert tags_of(Agent.objects.exclude(pk=first.pk).get()) == ["a, b"]
    page.get_by_role("link", name="Delete…").click()
    page.get_by_label("Type its name").fill("Triage")
    page.get_by_role("button", name="Delete agent").click()
    expect(page.locator("#id_name_error")).to_contain_text("Nothing was deleted.")
    page.get_by_label("Type its name").fill("Copy of Triage")
    page.get_by_label("Type its name").press("Enter")
    expect(page.locator(".message")).to_contain_text("This agent was deleted by mara")
    assert Agent.objects.get() == first


def test_memory_is_edited_by_keyboard_and_the_focus_is_never_lost(new_page: NewPage) -> None:
    agent = make_nova()
    page = new_page(make_user())
    page.goto(f"/agents/{agent.public_id}/memory/")
    page.get_by_role("link", name="Add a block").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_label")).to_be_focused()
    page.keyboard.type("persona")
    page.keyboard.press("Enter")
    expect(page.locator("#id_label_error")).to_be_visible()
    expect(page.locator("#id_label")).to_be_focused()
    page.locator("#id_label").fill("goals")
    page.keyboard.press("Enter")
    expect(page.locator("#blocks [role=status]")).to_have_text("Block goals added.")
    assert focused(page) == "Edit goals"
    page.keyboard.press("Enter")
    expect(page.locator("#id_value")).to_be_focused()
    page.keyboard.type("Sell tents.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#blocks [role=status]")).to_have_text("Block goals saved.")
    assert focused(page) == "Edit goals"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This cannot be undone.")
    assert focused(page) == "Delete block"
    page.keyboard.press("Enter")
    expect(page.locator("#blocks [role=status]")).to_have_text("Block goals deleted.")
    assert focused(page) == "Add a block"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_file_goes_out_and_comes_in_again(
    new_page: NewPage, tmp_path: Path, javascript: bool
) -> None:
    agent = make_nova()
    page = new_page(make_user(), javascript=javascript)
    page.goto(f"/agents/{agent.public_id}/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export .af").click()
    assert download.value.suggested_filename == "Nova.af"
    path = tmp_path / "Nova.af"
    download.value.save_as(path)
    assert json.loads(path.read_text())["agents"][0]["name"] == "Nova"
    page.goto("/agents/upload/")
    for again in (False, True):
        page.get_by_label("Agent files").set_input_files(path)
        page.get_by_role("button", name="Import", exact=True).click()
        expected = "was imported before" if again else "imported 1 agent"
        expect(page.locator("#upload-said")).to_contain_text(expected)
    assert Agent.objects.count() == 2
    if javascript:
        page.get_by_role("button", name="Import again").click()
    else:
        page.get_by_label("Import them again").check()
        page.get_by_label("Agent files").set_input_files(path)
        page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#upload-said .message-success")).to_contain_text("imported 1 agent")
    assert Agent.objects.count() == 3
    (tmp_path / "broken.af").write_text("{")
    page.get_by_label("Agent files").set_input_files(tmp_path / "broken.af")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("“broken.af” is not valid JSON")


def test_the_list_is_downloaded(new_page: NewPage) -> None:
    make_nova()
    make_agent(name="Other", tags=["user_2"])
    page = new_page(make_user(role="viewer"))
    page.goto("/agents/?any=user_1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["name", "Nova"]


def test_tabs_have_addresses_of_their_own(new_page: NewPage) -> None:
    agent = make_nova()
    page = new_page(make_user())
    page.goto(f"/agents/{agent.public_id}/")
    names = ["Advanced Settings", "Memory", "History", "JSON"]
    for name in names:
        page.get_by_label("Agent", exact=True).get_by_role("link", name=name).click()
        expect(page.locator(".tab[aria-current=page]")).to_have_text(name)
    for name in reversed(names[:-1]):
        page.go_back()
        expect(page.locator(".tab[aria-current=page]")).to_have_text(name)
    page.go_forward()
    page.reload()
    expect(page.locator(".tab[aria-current=page]")).to_have_text("Memory")


def test_a_link_gives_another_browser_the_same_list(new_page: NewPage) -> None:
    for name in ("Billing", "Triage", "Onboarding"):
        make_agent(name=name, tags=["user_1", "a/b?c#d%"])
    make_agent(name="Other", tags=["user_2"])
    page = new_page(make_user())
    page.goto("/agents/?all=a%2Fb%3Fc%23d%25&sort=name")
    page.locator("#filter-q").fill("i")
    page.wait_for_url("**q=i**")
    expect(page.locator(".row-agent > a")).to_have_text(["Billing", "Onboarding", "Triage"])
    other = new_page(make_user("ben", role="viewer"), width=360)
    other.goto(f"/{path_of(page)}")
    expect(other.locator(".row-agent > a")).to_have_text(["Billing", "Onboarding", "Triage"])
    assert path_of(other) == path_of(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_are_accessible_and_never_scroll_sideways(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    odd = ["x" * 512, "<script>", "שלום עולם", "🦊" * 40, "git-memory-enabled", "user_1"]
    agent = make_agent(name="W" * 300, tags=odd, blocks=[NewBlock("b" * 200, "v" * 500)])
    gone = make_agent(name="Gone", tags=odd)
    page = new_page(make_user(), theme=theme, width=width)
    base = f"/agents/{agent.public_id}/"
    block = agent.agentblock_set.get().block.public_id
    page.goto(f"/agents/{gone.public_id}/delete/")
    page.get_by_label("Type its name").fill("Gone")
    page.get_by_label("Type its name").press("Enter")
    expect(page.get_by_role("heading", name="Deleted")).to_be_visible()
    addresses = [
        f"/agents/{gone.public_id}/",
        "/agents/new/",
        f"/agents/new/?copy={agent.public_id}",
        "/agents/upload/",
        f"{base}delete/",
        base,
        f"{base}memory/",
        f"{base}memory/?add=1",
        f"{base}memory/?edit={block}",
        f"{base}memory/?remove={block}",
        f"{base}json/",
    ]
    for address in addresses:
        page.goto(address)
        assert (address, axe(page)) == (address, [])
        assert (address, page.evaluate("document.documentElement.scrollWidth")) == (address, width)
