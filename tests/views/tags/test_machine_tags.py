"""Tags that programs write for themselves come after people's, and are named as such."""

import pytest
from bs4 import BeautifulSoup

from agents.queries.tags.machine import is_machine
from tests.accounts.people import sign_in
from tests.helpers import make_agent, make_user

pytestmark = pytest.mark.django_db
MACHINE = ["favorite:user:1", "git-memory-enabled", "origin:letta-code", "role:subagent", "view:x"]


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        *((name, True) for name in MACHINE),
        ("origin", False),
        ("Origin:x", False),
        ("role:admin", False),
    ],
)
def test_which_tags_are_machine_tags(name: str, machine: bool) -> None:
    assert is_machine(name) == machine


@pytest.mark.parametrize("place", ["", "settings/", "list"])
def test_they_come_last_muted_and_named(place: str) -> None:
    make_user("anna", role="manager")
    agent = make_agent(tags=["zeta", *MACHINE[:2], "user_1"])
    url = "/agents/" if place == "list" else f"/agents/{agent.public_id}/{place}"
    page = BeautifulSoup(sign_in("anna").get(url).content, "lxml")
    where = "table" if place == "list" else "section[aria-labelledby=tags-h]"
    chips = page.select(f"{where} a.chip")
    names = [chip.find("bdi").get_text() for chip in chips]
    assert names == ["user_1", "zeta", *MACHINE[:2]]
    assert ["chip-machine" in chip["class"] for chip in chips] == [False, False, True, True]
    assert ["(machine tag)" in chip.get_text() for chip in chips] == [False, False, True, True]


def test_suggestions_show_them_last_and_name_them() -> None:
    make_user("anna", role="manager")
    for _ in range(3):
        make_agent(tags=["origin:mail"])
    make_agent(tags=["original"])
    page = BeautifulSoup(sign_in("anna").get("/tags/suggest/?q=origin").content, "lxml")
    options = page.select("[data-value]")
    assert [option["data-value"] for option in options] == ["original", "origin:mail"]
    assert ["machine tag" in option.get_text() for option in options] == [False, True]
