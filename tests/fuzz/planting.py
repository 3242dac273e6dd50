"""A world with hostile text in every field that there is.

Each text begins with a mark of its field, so that whoever looks can tell which fields were shown.
"""

from dataclasses import dataclass, field, replace

from ade.models import User
from agents.core.actors import ADMIN, Actor, ActorKind, Source
from agents.core.filters import AgentFilter
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent, delete_agent, update_agent
from agents.domain.bulk.from_csv import plan_rows
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.bulk.run import begin
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.keys import create_key
from agents.domain.memory.new import NewBlock
from agents.domain.saved_views import save_view
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.write import create_webhook, ping
from agents.models import Act, Agent, BulkOp, BulkPlan, Delivery, Webhook
from agents.views.core.csv_text import csv_text
from tests.access.asking import World, make_world
from tests.fuzz.payloads import ALL, PAYLOADS

MARK = "§"


@dataclass
class Planter:
    """Makes the world; `short` is what stands in fields that are too short for all payloads."""

    short: str
    fields: set[str] = field(default_factory=set)

    def short_of(self, name: str) -> str:
        """The text of a short field."""
        self.fields.add(name)
        return f"{MARK}{name}{MARK}{self.short}"

    def long_of(self, name: str, most: int = 100_000) -> str:
        """The text of a long one."""
        self.fields.add(name)
        return f"{MARK}{name}{MARK}{self.short}\n{ALL}"[:most]

    @property
    def actor(self) -> Actor:
        """Whoever did it is called so, too: history, keys, webhooks and views show who did."""
        name = self.short_of("actor")
        return Actor(ActorKind.COMMAND, f"command:{name}", name, Source.IMPORT, ADMIN)

    @property
    def handle(self) -> str:
        """A model's or an embedding's name."""
        return f"a/{self.short_of('handle')}"

    @property
    def user(self) -> str:
        """A tag that names a user."""
        return f"user_{self.short_of('user')}"

    def plant(self) -> World:
        """Each kind of thing that stands in an address is a hostile one."""
        world, tag = make_world(), self.short_of("tag")
        for number, payload in enumerate(PAYLOADS):
            self._agent(payload, [payload] if number % 2 else [payload, self.user])
        main = self._agent(self.short_of("name"), [*PAYLOADS[:60], f"team:{self.short}"])
        for name in (tag, self.user, *PAYLOADS[:5]):
            change_tags(agent_id=main.public_id, add=[name], actor=self.actor)
            about = self.long_of("tag_description", 500)
            describe_tag(name=name, description=about, actor=self.actor)
        new = dict.fromkeys(("name", "description", "system"), f"{self.short} 2")
        update_agent(agent_id=main.public_id, edit=AgentEdit(**new), actor=self.actor)
        gone = self._agent(self.short_of("name_of_deleted"), [tag])
        why = self.long_of("reason_of_deletion", 900)
        delete_agent(agent_id=gone.public_id, actor=self.actor, reason=why)
        values = world.values | self._things(main) | {"gone": gone.public_id}
        return replace(world, own=main, values=values)

    def _agent(self, text: str, tags: list[str]) -> Agent:
        block = NewBlock(
            label=self.short_of("block_label"),
            value=self.long_of("block_value"),
            description=self.short_of("block_description"),
            metadata={"x": self.short_of("block_metadata")},
        )
        spec = NewAgent(
            name=text[:500],
            model=self.handle,
            embedding=f"b/{self.short_of('embedding')}",
            description=self.long_of("description"),
            system=self.long_of("system"),
            metadata={self.short_of("metadata_key"): [self.long_of("metadata")]},
            extra={"timezone": self.short_of("timezone")},
            tags=tags,
            blocks=[block],
        )
        why = self.long_of("import", 900)
        return create_agent(spec, actor=self.actor, act=Act.IMPORT, reason=why)

    def _things(self, main: Agent) -> dict[str, object]:
        pairs = [("any", self.short_of("tag")), ("none", self.user), ("model", self.handle)]
        view = save_view(
            name=self.short_of("view"), pairs=pairs, shared=True, pinned=True, actor=self.actor
        )
        identity = NewIdentity(
            self.short_of("identity_key"),
            self.short_of("identity_name"),
            "user",
            agent_ids=[main.public_id],
        )
        key = create_key(
            name=self.short_of("key"),
            limit_tag=self.user,
            may_tag=[self.short_of("may_tag")],
            actor=self.actor,
        ).key
        return self._hook() | {
            "slug": view.slug,
            "identity_id": create_identity(identity, actor=self.actor).public_id,
            "key_id": key.key_id,
            "plan_id": self._plan(main).id,
            "rows_plan_id": self._rows(main).id,
            "done_plan_id": begin(plan_id=self._rows(main).id, actor=self.actor).id,
            "change_set_id": self._renamed(),
            "pk": self._member(),
        }

    def _hook(self) -> dict[str, object]:
        hook = create_webhook(
            url=f"https://app.example/{MARK}hook{MARK}/<x-owned>?'data-owned",
            name=self.short_of("webhook"),
            tags=[self.short_of("webhook_tag")],
            actor=self.actor,
        ).webhook
        sent = ping(webhook_id=hook.public_id, actor=self.actor)
        error, problem = self.long_of("delivery", 500), self.long_of("webhook_problem", 500)
        Delivery.objects.filter(id=sent.id).update(error=error, state="failed")
        Webhook.objects.filter(id=hook.id).update(problem=problem, enabled=False)
        return {"webhook_id": hook.public_id, "delivery_id": sent.public_id}

    def _renamed(self) -> int:
        old = f"{self.short} old"
        self._agent("plain", [old])
        new, why = self.short_of("renamed"), self.long_of("reason", 900)
        done = rename_tag(old=old, new=new, actor=self.actor, reason=why)
        assert done.change_set is not None
        return int(done.change_set.id)

    def _member(self) -> int:
        person = User.objects.create_user(
            self.short_of("username"),
            password="correct horse",
            role="viewer",
            first_name=self.short_of("first_name"),
            last_name=self.short_of("last_name"),
        )
        return int(person.pk)

    def _plan(self, main: Agent) -> BulkPlan:
        selection = Selection(AgentFilter(ids=(main.public_id,)))
        add, why = [self.short_of("planned")], self.long_of("bulk_reason", 900)
        change = BulkChange(BulkOp.ADD, add=add, reason=why)
        return make_plan(selection=selection, change=change, actor=self.actor)

    def _rows(self, main: Agent) -> BulkPlan:
        """With lines that are refused."""
        rows = [[main.public_id, f"{self.short} row"], [self.short_of("row"), self.short]]
        text = csv_text([*rows, *([one] for one in PAYLOADS)])
        return plan_rows(text=text, actor=self.actor, reason=self.short_of("rows_reason"))
