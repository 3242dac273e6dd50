"""GET /tags/suggest/: the options of the add field."""

import pytest

from tests.helpers import make_agent
from tests.views.browsing import signed_in, soup

pytestmark = pytest.mark.django_db


def options(response: object) -> list[str]:
    return [" ".join(row.get_text().split()) for row in soup(response).select("[role=option]")]


def test_it_works() -> None:
    make_agent(tags=["team:support"])
    make_agent(tags=["team:support", "latency", "user_te"])
    response = signed_in("viewer").get("/tags/suggest/?q=te")
    assert response.status_code == 200
    assert options(response) == [
        "Add “te”",
        "team:support 2 agents",
        "user_te user · 1 agent",
        "latency 1 agent",
    ]


def test_suggest_does_not_offer_to_add_what_exists() -> None:
    make_agent(tags=["vip"])
    assert options(signed_in().get("/tags/suggest/?q=vip")) == ["vip 1 agent"]


def test_suggest_leaves_out_what_the_agent_carries() -> None:
    agent = make_agent(tags=["vip"])
    response = signed_in().get(f"/tags/suggest/?q=v&agent={agent.public_id}")
    assert options(response) == ["Add “v”"]


def test_suggest_without_a_text_gives_the_most_used_and_those_of_users_last() -> None:
    make_agent(tags=["user_1", "b"])
    make_agent(tags=["user_1", "b", "a"])
    assert options(signed_in().get("/tags/suggest/")) == [
        "b 2 agents",
        "a 1 agent",
        "user_1 user · 2 agents",
    ]


def test_suggest_says_how_many_more_there_are() -> None:
    make_agent(tags=[f"t{number:02}" for number in range(14)])
    response = signed_in().get("/tags/suggest/?q=t")
    (more,) = soup(response).select(".options-more")
    assert " ".join(more.get_text().split()) == "4 more — keep typing"


@pytest.mark.parametrize("q", ["%00", "%ud800", "%FF", "<script>", "%25_", '"'])
def test_suggest_takes_any_text(q: str) -> None:
    assert signed_in().get(f"/tags/suggest/?q={q}").status_code == 200


@pytest.mark.parametrize("agent_id", ["agent-0", "%00"])
def test_suggest_for_an_agent_that_is_gone_marks_nothing(agent_id: str) -> None:
    make_agent(tags=["vip"])
    response = signed_in().get(f"/tags/suggest/?q=v&agent={agent_id}")
    assert response.status_code == 200
    assert options(response) == ["Add “v”", "vip 1 agent"]


def test_suggest_by_post_is_405() -> None:
    assert signed_in().post("/tags/suggest/").status_code == 405


def test_suggest_marks_what_fits_and_escapes_the_rest() -> None:
    make_agent(tags=["<b>Émil"])
    response = signed_in().get("/tags/suggest/?q=emi")
    assert [mark.get_text() for mark in soup(response).select("mark")] == ["Émi"]
    assert soup(response).select("b") == []
