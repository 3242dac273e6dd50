"""manage.py erase_user: a name goes out of history, the facts stay."""

import csv
import io
from collections.abc import Collection
from urllib.parse import quote, quote_plus, urlencode

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils.text import slugify

from ade.accounts import members
from ade.models import MemberEvent, Role
from agents.core.actors import MANAGE
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.bulk.from_csv import plan_rows
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.core import key_tokens
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.erase import ERASED, LIVING
from agents.domain.keys import create_key
from agents.domain.saved_views import save_view
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.recount import differences
from agents.domain.users import OffboardMode, offboard
from agents.models import (
    Act,
    Agent,
    BulkOp,
    BulkPlan,
    BulkState,
    Change,
    ChangeSet,
    ImportedAgent,
    ImportSource,
    Op,
    SavedView,
    Tag,
)
from agents.tasks import bulk
from tests.helpers import (
    ROOT,
    drift,
    everything,
    make_agent,
    make_editor,
    make_manager,
    make_user,
    tags_of,
)

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


def erase(name: str) -> str:
    out = io.StringIO()
    call_command("erase_user", name, stdout=out)
    return out.getvalue().splitlines()[0]


def test_a_name_that_is_nowhere_is_a_failure() -> None:
    make_agent(tags=["user_1"])
    before = everything()
    with pytest.raises(CommandError, match="The name user_2 occurs nowhere"):
        erase("user_2")
    assert everything() == before


def test_a_user_is_erased_and_what_was_done_stays() -> None:
    agent = make_agent(name="Agent of user_1", tags=["old", "user_12"])
    rename_tag(old="old", new="user_1", actor=MANAGER, reason="user_1 asked, not user_12")
    gone = make_agent(tags=["user_1"])
    delete_agent(agent_id=gone.public_id, actor=ROOT)
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    offboard(name="user_1", how=OffboardMode.TAG, actor=MANAGER)
    before = Change.objects.count()
    assert erase("user_1").startswith("Replaced the name with erased-1 in ")
    rows = everything()
    live = [row for row in rows["Agent"] if "user_1" in repr(row).replace("user_12", "")]
    del rows["Agent"], rows["agents_agent_search"]
    assert "user_1" not in repr(rows).replace("user_12", "")
    assert len(live) == 1  # an agent's own name is no history
    newest = ChangeSet.objects.latest("id")
    assert (newest.act, newest.actor_name, Change.objects.count()) == (
        Act.ERASE,
        "erase_user",
        before + 1,
    )
    assert Change.objects.get(op=Op.RENAME).new == "erased-1"
    assert ChangeSet.objects.get(act=Act.RENAME).reason == "erased-1 asked, not user_12"
    assert tags_of(agent) == ["user_12"]
    assert (drift(), differences()) == ([], [])


NEUTRAL = {
    # Ids, keys, digests, times of clients, words of a fixed set, what someone else's system says.
    "agents.ChangeSet": {"act", "actor_kind", "actor_id", "source"},
    "agents.Change": {"op", "agent_id", "field"},
    "agents.Tombstone": {"public_id", "restored_as"},
    "agents.Crossing": {"kind", "public_id"},
    "agents.Offboarding": {"how", "actor_id", "digest"},
    "agents.OffboardingItem": {"kind", "public_id", "place", "action", "seen"},
    "agents.TrashedAgent": {"public_id", "source_name"},
    "agents.TrashedFile": {"public_id", "made_id"},
    "agents.SourcedBlock": {"block_id"},
    "agents.BlockMove": {"agent_id", "old", "new"},
    "agents.IdempotentRequest": {"caller", "key_digest", "request_digest", "made"},
    "agents.Tag": {"name", "name_folded", "lookalike", "sort_key", "colour"},  # the row goes
    "agents.ApiKey": {"key_id", "scope", "rights"},
    "agents.AccessToken": {"token_id", "hostname", "policy"},
    "agents.KeyRefusal": {"reason"},
    "agents.DayTally": {"kind", "source"},
    "agents.SavedView": {"slug", "owner_id"},  # the slug has a rule of its own
    "agents.BulkPlan": {
        "owners",
        "op",
        "excluded",
        "actor_id",
        "state",
        "planned_to",
        "planned",
        "difference",
    },
    "agents.ImportedAgent": {"public_id", "digest", "blocks"},
    "agents.ImportedBlock": {"source_block_id", "public_id", "digest"},
    "agents.ImportSource": {"url"},
    "agents.AccessSpan": {"subject", "rights", "only", "from_key", "agent_id"},
    "agents.Webhook": {"public_id", "events", "salt", "old_salt", "problem", "owner"},
    "agents.Delivery": {"public_id", "event", "agent_id", "subject", "state"},
    "agents.TagWatch": {"owner_id"},
    "agents.LogHead": {"writers"},
    "agents.AgentSource": {"kind", "url", "server_words", "feed_mark", "held_by"},
    "agents.SourcedAgent": {"public_id", "seen_digest", "moved"},
    "agents.InboxItem": {"kind", "agent_id", "decision"},
    "agents.Agent": {"public_id", "name_folded", "model", "embedding"},
    "agents.AgentDetail": {"imported_from"},
    "agents.Block": {"public_id"},
    "agents.Identity": {"public_id", "identity_type", "project_id"},
    "ade.User": {"password", "role"},
    "ade.MemberEvent": {"actor_id", "member_id", "what"},
    "ade.CacheEntry": {"cache_key", "value"},
}


def test_every_text_column_is_looked_into_or_is_known_to_hold_no_name() -> None:
    undecided = []
    for model in (
        one for app in ("agents", "ade") for one in apps.get_app_config(app).get_models()
    ):
        known = NEUTRAL.get(model._meta.label, set())
        known = known | set(ERASED.get(model, {})) | set(LIVING.get(model, ()))
        texts = [
            column.name
            for column in model._meta.concrete_fields
            if isinstance(column, models.TextField | models.CharField)
        ]
        undecided += [f"{model._meta.label}.{name}" for name in texts if name not in known]
    assert undecided == []


def every_text(names: Collection[str]) -> list[str]:
    """The columns of all tables of the database that hold one of these texts."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = connection.introspection.get_table_description(cursor, table)
            for column in columns:
                text = f'CAST("{column.name}" AS text)'
                for name in names:
                    place = (
                        "strpos(%s, %%s)" if connection.vendor == "postgresql" else "instr(%s, %%s)"
                    )
                    cursor.execute(
                        f'SELECT count(*) FROM "{table}" WHERE {place % text} > 0', [name]
                    )
                    if cursor.fetchone()[0]:
                        found.append(f"{table}.{column.name}")
    return found


@pytest.mark.parametrize("user", ["user_1", 'user:"Zoë, 1" \\ %26'])
def test_no_table_holds_the_name_afterwards(user: str) -> None:
    manager = make_manager("Mo")
    agent = make_agent(name=f"of {user}", tags=[user, "t"])
    make_agent(name=f"of {user}", tags=["Old", "t"])
    rename_tag(old="Old", new="user_old", actor=manager, reason=f"{user} asked")
    merge_tags(source="user_old", target=user, actor=manager)
    describe_tag(name=user, description=f"{user} is big", actor=manager)
    describe_tag(name="t", description=f"what {user} pays", actor=manager)
    key = create_key(name=f"for {user}", limit_tag="t", may_tag=[user, "x"], actor=ROOT).key
    create_key(name="k", limit_tag=user, actor=ROOT)
    change_tags(agent_id=agent.public_id, add=["x"], actor=key_tokens.actor_of(key))
    for name in (f"View of {user}", "Other"):
        pairs = [("any", user), ("q", f"x {user}")]
        save_view(name=name, pairs=pairs, shared=True, pinned=False, actor=manager)
    selection = Selection(AgentFilter(any=(user,)), (), urlencode([("any", user), ("q", user)]))
    for op, tags in (("add", {"add": ["z"]}), ("remove", {"remove": [user]})):
        make_plan(selection=selection, change=BulkChange(BulkOp(op), **tags), actor=manager)
    done = make_plan(
        selection=selection, change=BulkChange(BulkOp.REMOVE, remove=["t"]), actor=manager
    )
    bulk.begin(plan_id=done.id, actor=manager)
    row = io.StringIO()
    csv.writer(row).writerows([(agent.public_id, user), (agent.public_id, user), ("no", user)])
    plan_rows(text=row.getvalue() + f"{agent.public_id},fresh\n", actor=manager)
    source = ImportSource.objects.create(url="https://letta.example")
    ImportedAgent.objects.create(source=source, public_id="a", digest="", tags=dumps([user, "u"]))
    gone = make_agent(name=f"of {user}", tags=[user])
    delete_agent(agent_id=gone.public_id, actor=manager)
    offboard(name=user, how=OffboardMode.AGENTS, actor=manager)
    for living in Agent.objects.all():
        update_agent(agent_id=living.public_id, edit=AgentEdit(name="new name"), actor=manager)
    assert len(every_text([user])) > 10
    erase(user)
    forms = {user, dumps(user)[1:-1], quote(user), quote_plus(user), slugify(user)}
    assert every_text(forms) == []
    assert [view.slug for view in SavedView.objects.order_by("id")] == ["view-of-erased-1", "other"]
    assert (drift(), differences()) == ([], [])


def test_plans_that_would_bring_it_back_are_ended() -> None:
    make_agent(tags=["t"])
    manager = make_manager("Mo")
    selection = Selection(AgentFilter(any=("t",)))

    def planned(**tags: list[str]) -> BulkPlan:
        change = BulkChange(BulkOp.ADD, **tags)
        return make_plan(selection=selection, change=change, actor=manager)

    waiting, running, other = planned(add=["user_1"]), planned(add=["user_1"]), planned(add=["z"])
    BulkPlan.objects.filter(id=running.id).update(state=BulkState.RUNNING)
    before = everything()
    with pytest.raises(CommandError, match="is running"):
        erase("user_1")
    assert everything() == before
    BulkPlan.objects.filter(id=running.id).update(state=BulkState.STOPPED)
    erase("user_1")
    states = dict(BulkPlan.objects.values_list("id", "state"))
    assert states == {running.id: BulkState.DONE, other.id: BulkState.PLANNED}
    assert waiting.id not in states


def test_other_tags_stay_in_history_views_and_lists() -> None:
    make_agent(tags=["user_1-b", "x"])
    rename_tag(old="x", new="user_1:c", actor=MANAGER)
    view = save_view(
        name="v", pairs=[("any", "user_1-b")], shared=True, pinned=False, actor=MANAGER
    )
    key = create_key(name="k", limit_tag="user_1-b", may_tag=["user_1:c"], actor=ROOT).key
    before = everything()
    erase("user_1")
    after = everything()
    assert (after["SavedView"], after["ApiKey"]) == (before["SavedView"], before["ApiKey"])
    assert Change.objects.get(op=Op.RENAME).new == "user_1:c"
    assert (view.slug, key.limit_tag) == ("v", "user_1-b")


def test_what_lives_is_told() -> None:
    agent = make_agent(name="of user_1", system="serve user_1 well")
    out = io.StringIO()
    call_command("erase_user", "user_1", stdout=out)
    told = [line for line in out.getvalue().splitlines() if line.startswith("Current data")]
    assert told == [
        "Current data still contains it: agent, 1 rows.",
        "Current data still contains it: agent detail, 1 rows.",
    ]
    agent.refresh_from_db()
    assert agent.name == "of user_1"


def test_members_history_is_erased_and_the_account_told() -> None:
    mara = make_user("mara", first_name="Mara Kühn")
    members.change_role(mara, role=Role.VIEWER, by=members.By("person:1", "Mara Kühn"))
    out = io.StringIO()
    call_command("erase_user", "Mara Kühn", stdout=out)
    event = MemberEvent.objects.get()
    assert (event.actor_name, event.member_name) == ("erased-1", "erased-1")
    assert "Current data still contains it: user, 1 rows." in out.getvalue()


def test_a_person_is_erased() -> None:
    agent = make_agent(tags=["x"])
    change_tags(agent_id=agent.public_id, add=["a"], actor=make_editor("Mara Kühn"))
    change_tags(agent_id=agent.public_id, add=["b"], actor=make_editor("someone else"))
    erase("someone else")
    assert erase("Mara Kühn") == "Replaced the name with erased-2 in 2 rows."
    assert "Mara" not in repr(list(ChangeSet.objects.values_list("actor_name", "reason")))
    assert Tag.objects.get(name="a").last_added_by == "erased-2"
    assert (
        ChangeSet.objects.filter(act=Act.TAGS).earliest("id").actor_id == "user:Mara Kühn"
    )  # a key, not a name


@pytest.mark.parametrize(
    ("name", "why"), [("user_1", "Off-board"), ("", "2 char"), ("x", "2 char")]
)
def test_refused_changes_nothing(name: str, why: str) -> None:
    make_agent(tags=["user_1"])
    before = everything()
    with pytest.raises(CommandError, match=why):
        erase(name)
    assert everything() == before
