"""Suggestions while a tag is typed."""

from datetime import UTC, datetime

import pytest

from agents.core.actors import Actor
from agents.domain.tags.edit import change_tags
from agents.queries.core import bounds
from agents.queries.tags import suggestions
from agents.queries.tags.suggestions import suggest
from tests.helpers import ROOT, make_agent, make_editor, make_key_actor

pytestmark = pytest.mark.django_db


def names(q: str, **how: object) -> list[str]:
    return [row.name for row in suggest(q, actor=ROOT, **how).rows]


def test_equal_comes_before_beginning_before_word_before_part() -> None:
    make_agent(tags=["vip", "xvip", "big vip", "vip:gold", "other"])
    make_agent(tags=["xvip", "VIP"])
    assert names("vip") == ["VIP", "vip", "vip:gold", "big vip", "xvip"]


def test_within_each_the_most_used_come_first() -> None:
    make_agent(tags=["team a", "team b"])
    make_agent(tags=["team b"])
    found = suggest("team", actor=ROOT)
    assert [(row.name, row.n) for row in found.rows] == [("team b", 2), ("team a", 1)]
    assert (found.total, found.more) == (2, False)


def test_nothing_typed_offers_the_most_used_and_users_last() -> None:
    make_agent(tags=["user_1", "vip"])
    make_agent(tags=["user_1", "beta"])
    assert names("") == ["beta", "vip", "user_1"]


def test_nothing_typed_offers_first_what_the_person_added_last() -> None:
    mara, otto = make_editor("Mara"), make_editor("Otto")
    agent = make_agent(tags=["vip", "beta", "user_1"])
    make_agent(tags=["vip"])
    for added, who in (("one", mara), ("his", otto), ("user_7", mara), ("gone", mara)):
        change_tags(agent_id=agent.public_id, add=[added], remove=[], actor=who)
    change_tags(agent_id=agent.public_id, add=[], remove=["gone"], actor=otto)

    def offered(actor: Actor) -> list[str]:
        return [row.name for row in suggest("", actor=actor, added_last=True).rows]

    assert offered(mara) == ["user_7", "one", "vip", "beta", "his", "user_1"]
    assert offered(otto) == ["his", "vip", "beta", "one", "user_1", "user_7"]
    assert offered(ROOT) == ["vip", "beta", "his", "one", "user_1", "user_7"]
    assert [row.name for row in suggest("user", actor=mara, added_last=True).rows] == [
        "user_1",
        "user_7",
    ]


@pytest.mark.parametrize("q", ["é", "%", "_", '"', "'", "\\", "e:", "\0", "*"])
def test_every_text_may_be_typed(q: str) -> None:
    make_agent(tags=["Éa", "100%", "a_b", 'say "x"', "it's", "back\\slash", "e:1", "*"])
    expected = {
        "é": ["e:1", "Éa"], "%": ["100%"], "_": ["a_b"], '"': ['say "x"'], "'": ["it's"],
        "\\": ["back\\slash"], "e:": ["e:1"], "\0": [], "*": ["*"],
    }  # fmt: skip
    assert names(q) == expected[q]


def test_limit_and_exclude_shorten_it() -> None:
    make_agent(tags=["aaa1", "aaa2", "aaa3"])
    assert names("aaa", limit=1) == ["aaa1"]
    assert names("aaa", exclude=["aaa1", "aaa2"]) == ["aaa3"]
    assert suggest("aaa", actor=ROOT, limit=1).total == 3


def test_a_text_in_many_tags_still_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "_FEW", 2)
    monkeypatch.setattr(suggestions, "_MOST_USED", 2)
    make_agent(tags=["xuser1", "xuser2", "xuser3", "user"])
    make_agent(tags=["xuser1", "xuser2"])
    found = suggest("user", actor=ROOT)
    assert [row.name for row in found.rows][:3] == ["user", "xuser1", "xuser2"]
    assert found.more


def test_a_limited_actor_is_offered_the_tags_of_its_own_agents() -> None:
    make_agent(tags=["user_1", "vip"])
    make_agent(tags=["user_2", "vip", "secret"])
    found = suggest("", actor=make_key_actor("user_1"))
    assert [(row.name, row.n) for row in found.rows] == [("vip", 1), ("user_1", 1)]
    assert suggest("secret", actor=make_key_actor("user_1")).total == 0


def test_limited_actor_is_offered_the_tags_of_its_newest_agents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "OWN", 2)
    for n in range(3):
        make_agent(tags=["user_1", f"t{n}"], created_at=datetime(2026, 1, 1 + n, tzinfo=UTC))
    actor = make_key_actor(limit="user_1")
    found = suggest("", actor=actor)
    assert ([(row.name, row.n) for row in found.rows], found.more) == (
        [("t1", 1), ("t2", 1), ("user_1", 2)],
        True,
    )
    assert suggest("t0", actor=actor).rows == []
