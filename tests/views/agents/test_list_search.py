"""Searching forgives, and an agent's page keeps the list that it was opened from."""

import pytest

from agents.core.reach import Reach
from agents.queries.agents.address import search_words
from agents.queries.agents.typos import did_you_mean, is_near
from tests.helpers import ROOT, make_agent, make_limited_key
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db

LIST = "/agents/?all=t&sort=name"


def found(query: str) -> list[str]:
    page = soup(signed_in("viewer").get(f"/agents/?{query}"))
    return [link.get_text() for link in page.select(".row-agent > a")]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("sale+winter", ["Winter sale helper"]),
        ("winter+sale", ["Winter sale helper"]),
        ("help+SALE+wint", ["Winter sale helper"]),
        ("%22sale+winter%22", []),
        ("%22winter+sale%22", ["Winter sale helper"]),
        ("winter+summer", []),
        ("sale", ["Summer sale", "Winter sale helper"]),
        ("%22", []),
    ],
)
def test_words_come_in_any_order(q: str, names: list[str]) -> None:
    make_agent(name="Winter sale helper")
    make_agent(name="Summer sale")
    assert found(f"q={q}") == names


def test_the_longest_word_comes_first() -> None:
    assert search_words('ab "cd ef" ghi') == ["cd ef", "ghi", "ab"]
    assert search_words("") == [""]


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("winter", "wintre", True),
        ("winter", "wnter", True),
        ("winter", "wintter", True),
        ("winter", "vinter", True),
        ("winter", "winter", False),
        ("winter", "wintr3", False),
        ("", "a", True),
    ],
)
def test_one_letter(one: str, other: str, near: bool) -> None:
    assert is_near(one, other) is near
    assert is_near(other, one) is near


def test_a_typo_is_offered_a_correction() -> None:
    make_agent(name="Winter sale helper")
    page = signed_in().get("/agents/?q=sale+wintre&sort=name")
    (link,) = soup(page).select(".list-empty a[href*='winter']")
    assert (link.get_text(), link["href"]) == ("sale winter", "?q=sale+winter&sort=name")


def test_a_correction_names_only_what_the_actor_may_see() -> None:
    make_agent(name="Secretive", tags=["user_2"])
    make_agent(name="Public", tags=["user_1"])
    own = make_limited_key(Reach.of_tags(["user_1"]))
    assert did_you_mean("Secretivo", actor=own) is None
    assert did_you_mean("Publik", actor=own) == "public"
    assert did_you_mean("Secretivo", actor=ROOT) == "secretive"


def test_an_agent_keeps_its_list() -> None:
    names = ["a", "b", "c"]
    agents = [make_agent(name=name, tags=["t"]) for name in names]
    make_agent(name="bb")
    client = signed_in()
    page = client.get(agents[1].get_absolute_url(), headers={"Referer": f"http://testserver{LIST}"})
    crumb = soup(page).select(".crumbs a")[0]
    assert crumb["href"] == LIST.replace("&", "&")
    after, before = soup(page).select("a[rel=next]")[0], soup(page).select("a[rel=prev]")[0]
    ahead = client.get(str(after["href"]))
    assert ahead["Location"].startswith(f"{agents[2].get_absolute_url()}?list=")
    assert client.get(str(before["href"]))["Location"].startswith(agents[0].get_absolute_url())
    page = client.get(ahead["Location"])
    assert soup(page).select(".crumbs a")[0]["href"] == LIST
    settings = soup(page).select(".tab")[1]["href"]
    assert soup(client.get(str(settings))).select(".crumbs a")[0]["href"] == LIST
    end = client.get(str(soup(page).select("a[rel=next]")[0]["href"]), follow=True)
    assert end.redirect_chain == [(LIST, 302)]
    assert text_at(end, ".message") == "This was the last agent of the list."


@pytest.mark.parametrize("url", ["https://evil.example/", "javascript:alert(1)", "/keys/", "\0"])
def test_a_forged_list_is_all_agents(url: str) -> None:
    agent = make_agent()
    page = signed_in().get(agent.get_absolute_url(), {"list": url})
    assert soup(page).select(".crumbs a")[0]["href"] == "/agents/"
