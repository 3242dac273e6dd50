"""What a page of history, tags and users costs does not grow with what there is."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection

from agents.core.actors import command_actor
from agents.models import ChangeSet, Tag
from agents.queries import directory, users
from agents.queries.directory import Wanted
from agents.queries.history import change_sets
from agents.queries.history.change_sets import HistoryFilter
from tests.queries.test_plans import Cost, measured

ROOT = command_actor("test")
H = HistoryFilter

_NUMBERS = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < %s)"
# Three of four sets come by API; one person did every thousandth; a hundred of them in a row touch
# the same agent, and each puts on one of ten tags. One set in the middle is a merge with very many changes.
_SETS = (
    "INSERT INTO agents_changeset (id, act, actor_kind, actor_id, actor_name, source, reason,"
    f" created_at) {_NUMBERS} SELECT n, 'tags', 'key',"
    " CASE WHEN n %% 1000 = 0 THEN 'person:1' ELSE 'key:1' END,"
    " CASE WHEN n %% 1000 = 0 THEN 'Rare' ELSE 'Often' END,"
    " CASE WHEN n %% 4 = 0 THEN 'page' ELSE 'api' END, '', {moment} FROM i"
)
_CHANGES = (
    "INSERT INTO agents_change (change_set_id, op, agent_id, agent_name, tag, field)"
    f" {_NUMBERS} SELECT n, 'add', {{agent}}, 'A', {{tag}}, '' FROM i"
)
_MERGE = (
    "INSERT INTO agents_change (change_set_id, op, agent_id, agent_name, tag, field)"
    f" {_NUMBERS} SELECT %s, 'remove', 'm' || n, 'A', 'tag3', '' FROM i"
)
_TAGS = (
    "INSERT INTO agents_tag (name, name_folded, lookalike, sort_key, n, names_user, protected,"
    " protected_by_hand, description, colour, created_at)"
    f" {_NUMBERS} SELECT 'user_' || n, 'user_' || n, 'user' || n,"
    f" 'user_0' || length('' || n) || n, 10, {{yes}}, {{no}}, {{no}}, '',"
    " '', {moment} FROM i"
)


def fill(sets: int) -> None:
    """So many change-sets with three changes each, and a merge and users in proportion."""
    postgres = connection.vendor == "postgresql"
    moment = "'2026-01-01 00:00:00+00'::timestamptz + n * interval '1 second'"
    words = {
        "moment": moment if postgres else "datetime('2026-01-01', n || ' seconds')",
        "yes": "TRUE" if postgres else "1",
        "no": "FALSE" if postgres else "0",
    }
    with connection.cursor() as cursor:
        cursor.execute(_SETS.format(**words), [sets])
        for tag in ("'tag' || (n %% 10)", "'own' || n", "'rare' || (n / 100)"):
            agent = "'agent-' || (n / 100)"
            cursor.execute(_CHANGES.format(agent=agent, tag=tag), [sets])
        cursor.execute(_MERGE, [sets, sets // 2])
        cursor.execute(_TAGS.format(**words), [max(200, sets // 10)])
        for table, column in (("userchange", "changed_at"), ("taguse", "used_at")):
            cursor.execute(
                f"INSERT INTO agents_{table} (tag_id, {column}) SELECT id, created_at FROM agents_tag"
            )
        cursor.execute("ANALYZE")


def costs() -> dict[str, Cost]:
    """The cost of every kind of page."""
    sets = ChangeSet.objects.count()
    middle = sets // 2
    moment = ChangeSet.objects.get(id=middle).created_at
    tag = Tag.objects.order_by("-sort_key")[100]
    last = f'"{tag.sort_key}",{tag.id}'
    pages: dict[str, Callable[[], object]] = {
        name: lambda wanted=wanted, before=before: change_sets.history_page(
            wanted, actor=ROOT, before=before
        )
        for kind, wanted in {
            "all": H(),
            "a person": H(person="Rare"),
            "a person who did nearly all": H(person="Often"),
            "nobody": H(person="Nobody"),
            "a source": H(source="page"),
            "a source of none": H(source="bulk"),
            "a tag": H(tag="tag3"),
            "a rare tag": H(tag="rare1"),
            "a tag once": H(tag="own5"),
            "an agent": H(agent=f"agent-{sets // 100 - 1}"),
            "an agent of a merge": H(agent="m7"),
            "old times": H(until=moment),
            "a tag in old times": H(tag="tag3", until=moment),
            "a tag by a source": H(tag="tag2", source="page"),
        }.items()
        for name, before in {kind: None, f"{kind}, half-way": middle}.items()
    }
    pages |= {
        "tags by use": lambda: directory.tag_page(Wanted(users=True), actor=ROOT, size=50),
        "tags by use, last": lambda: directory.tag_page(
            Wanted(users=True), actor=ROOT, size=50, after=f"[10,{last}]"
        ),
        "tags by use, back": lambda: directory.tag_page(
            Wanted(users=True), actor=ROOT, size=50, before=f"[10,{last}]"
        ),
        "tags by name, last": lambda: directory.tag_page(
            Wanted(users=True, sort="name"), actor=ROOT, size=50, after=f"[{last}]"
        ),
        "unused tags": lambda: directory.tag_page(Wanted(True, "", "unused"), actor=ROOT, size=50),
        "protected tags": lambda: directory.tag_page(
            Wanted(True, "", "protected"), actor=ROOT, size=50
        ),
        "users": lambda: users.user_page(actor=ROOT, size=50),
        "users by change": lambda: users.user_page(actor=ROOT, sort="changed", size=50),
        "users by use, last": lambda: users.user_page(
            actor=ROOT, sort="used", size=50, after=f'["{tag.created_at.isoformat()}",{tag.id}]'
        ),
        "users by the beginning": lambda: users.user_page(actor=ROOT, q="1", size=50),
        "users by the beginning, last": lambda: users.user_page(
            actor=ROOT, q="1", size=50, after=f"[{last}]"
        ),
    }
    found = {}
    for name, page in pages.items():
        with measured() as found[name]:
            page()
    return found


def cleared(sets: int) -> dict[str, Cost]:
    fill(sets)
    try:
        return costs()
    finally:
        call_command("flush", interactive=False, verbosity=0)


def check(few: int, many: int) -> None:
    of_few, of_many = cleared(few), cleared(many)
    # Some more levels of an index, and 50 change-sets that lie further apart.
    slack = 250 if connection.vendor == "postgresql" else 40
    grown = {
        name: (of_few[name].work, cost.work)
        for name, cost in of_many.items()
        if cost.work > 1.6 * of_few[name].work + slack
    }
    assert grown == {}
    # There is no agent, member or key here: to read all of none is as good as any other way. And
    # change-sets and API keys lie in the order of their id on SQLite, so that the first of that order
    # are a scan as well. The change-sets of one agent are sorted.
    none = ("Seq Scan of agents_agent", "Seq Scan of ade_user", "Seq Scan of agents_apikey")
    # So few users that PostgreSQL reads their times as a whole; the work above does not grow.
    few_users = ("Seq Scan of agents_userchange", "Seq Scan of agents_taguse")
    fine = (*none, "SCAN agents_changeset: ", "SCAN agents_apikey: ")
    found = [one for cost in of_many.values() for one in cost.bad_plans]
    bad = [one for one in found if "FROM own" not in one]
    none_left = [
        one
        for one in bad
        if not one.startswith(few_users) and (not one.startswith(fine) or " LIMIT " not in one)
    ]
    assert none_left == []


@pytest.mark.django_db(transaction=True)
def test_pages_cost_the_same_at_30000_changes() -> None:
    check(4_000, 10_000)


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)
def test_pages_cost_the_same_at_5_million_changes() -> None:
    check(50_000, 1_500_000)
