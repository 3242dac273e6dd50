"""The address of the list: what is read from it, what is left out with a notice, what is written."""

import random

import pytest
from django.http import QueryDict

from agents.core.filters import AgentFilter, Sort
from agents.queries import agents
from agents.queries.agents.address import ListState, parse, to_query
from agents.queries.agents.paging import encode

ODD_TAGS = [
    "user_1",
    "x" * 512,
    "🦊",
    "<script>alert(1)</script>",
    "a/b?c#d%",
    "a/",
    "..",
    "שלום",
    "a,b",
    'say "hi"',
    "a&all=b",
    "a+b c",
    " led and trailed ",
    "line\nbreak",
    "\u202eevil",
]


def state_of(query: str) -> ListState:
    """The state of a query in which nothing is wrong."""
    state, notices = parse(QueryDict(query))
    assert notices == []
    return state


def notices_of(query: str) -> list[str]:
    return parse(QueryDict(query))[1]


def test_parse_reads_every_part() -> None:
    query = "any=a&any=b&all=c&none=d&untagged=1&userless=1&two_users=1&kept_here=1&q=bill&model=m%2F1&model=m%2F2&source=east&sort=name&size=25"
    assert state_of(query) == ListState(
        any=("a", "b"),
        all=("c",),
        none=("d",),
        untagged=True,
        userless=True,
        two_users=True,
        kept_here=True,
        q="bill",
        models=("m/1", "m/2"),
        sources=("east",),
        sort=Sort.NAME,
        size=25,
    )


def test_parse_takes_nothing_as_all_agents() -> None:
    assert state_of("").filter == AgentFilter(visible=True)


def test_parse_takes_what_an_empty_form_sends_as_nothing() -> None:
    assert state_of("tag=&how=all&q=&model=&sort=-created") == ListState()


@pytest.mark.parametrize("tag", ODD_TAGS)
@pytest.mark.parametrize("part", ["any", "all", "none"])
def test_every_legal_tag_comes_back_from_its_address(tag: str, part: str) -> None:
    state = ListState(**{part: (tag, "other")})
    assert state_of(to_query(state)) == state


def test_any_state_comes_back_from_its_address() -> None:
    rng = random.Random(1)
    for _ in range(300):
        sort = rng.choice(list(Sort))
        value = {"seq": None, "name": "Åsa, 1", "updated_at": "2026-01-02 03:04:05.000006+00:00"}
        cursor = encode(agents.Position(7, value[sort.column]))
        state = ListState(
            any=tuple(rng.sample(ODD_TAGS, 2)),
            all=tuple(rng.sample(ODD_TAGS, 1)),
            none=tuple(rng.sample(ODD_TAGS, rng.randrange(3))),
            untagged=rng.random() < 0.5,
            two_users=rng.random() < 0.5,
            q=rng.choice(["", "bill & co", "%", "agent-"]),
            models=tuple(rng.sample(["m/1", "m/2"], rng.randrange(3))),
            sources=tuple(rng.sample(["east", "west & co"], rng.randrange(3))),
            sort=sort,
            size=rng.choice([25, 50, 100]),
            **rng.choice([{}, {"after": cursor}, {"before": cursor}]),
        )
        assert state_of(to_query(state)) == state


@pytest.mark.parametrize(
    ("query", "part"),
    [("tags=a&tags=b", "any"), ("tags=a&tags=b&match_all_tags=true", "all")],
)
def test_the_form_of_letta_is_read_as_any_or_all(query: str, part: str) -> None:
    assert state_of(query) == ListState(**{part: ("a", "b")})


@pytest.mark.parametrize("how", ["any", "all", "none"])
def test_a_typed_tag_joins_its_part(how: str) -> None:
    assert state_of(f"{how}=a&tag=b&how={how}") == ListState(**{how: ("a", "b")})


def test_a_tag_given_twice_counts_once() -> None:
    assert state_of("all=a&all=b&all=a") == ListState(all=("a", "b"))


def test_a_line_break_sent_by_a_form_is_the_one_of_the_tag() -> None:
    assert state_of("all=a%0D%0Ab") == ListState(all=("a\nb",))


def test_a_whole_id_is_searched_as_an_id() -> None:
    public_id = "agent-12345678-1234-4234-8234-123456789abc"
    state = state_of(f"q=%20{public_id}%20")
    assert state.filter == AgentFilter(ids=(public_id,))
    assert to_query(state) == f"q={public_id}"


def test_a_part_of_an_id_is_searched_in_names() -> None:
    assert state_of("q=agent-1234").filter == AgentFilter(q="agent-1234", visible=True)


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("any=a%00b", "The tag “a⟨U+0000⟩b” contains a NUL character, so it is ignored."),
        (
            "all=" + "x" * 513,
            f"The tag “{'x' * 59}…” is 513 characters; the limit is 512, so it is ignored.",
        ),
        ("none=a%07", "The tag “a⟨U+0007⟩” contains a control character, so it is ignored."),
        ("untagged=maybe", "untagged=maybe is neither yes (1) nor no (0), so it is ignored."),
        ("sort=size", "sort=size is unknown, so it is ignored."),
        ("size=3", "size=3 is unknown, so it is ignored."),
        ("q=a%00", "The search contains a NUL character, so it is ignored."),
        (
            "q=" + "x" * 257,
            "The search is 257 characters; the limit is 256. It is ignored.",
        ),
        ("model=%00", "The model “⟨U+0000⟩” contains a NUL character, so it is ignored."),
        ("how=some&tag=a", "how=some is unknown, so it is ignored."),
        (
            "after=nonsense",
            "This link's position in the list cannot be read. This is the first page.",
        ),
    ],
)
def test_a_bad_value_is_left_out_with_a_notice_and_the_rest_applies(
    query: str, notice: str
) -> None:
    state, notices = parse(QueryDict(f"{query}&any=good"))
    assert notices == [notice]
    assert "good" in state.any


def test_a_cursor_of_another_order_is_left_out() -> None:
    cursor = encode(agents.Position(7))
    assert notices_of(f"sort=name&after={cursor}") == [
        "This link's position in the list cannot be read. This is the first page."
    ]


def test_two_cursors_at_once_leave_the_first() -> None:
    cursor = encode(agents.Position(7))
    state, notices = parse(QueryDict(f"after={cursor}&before={cursor}"))
    assert notices == [
        "A page has a start (after) or an end (before), not both. before is ignored."
    ]
    assert (state.after, state.before) == (cursor, None)


def test_more_tags_than_a_filter_may_have_are_left_out() -> None:
    state, notices = parse(QueryDict("&".join(f"any={n}" for n in range(60))))
    assert notices == ["A filter can have at most 50 tags. The others are ignored."]
    assert state.any == tuple(str(n) for n in range(50))


def test_another_filter_begins_at_its_first_page() -> None:
    state = state_of(f"all=a&after={encode(agents.Position(7))}")
    assert to_query(state.changed(q="x")) == "all=a&q=x"
    assert to_query(state.without("all", "a")) == ""
