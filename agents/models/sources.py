"""Sources: the connected servers where agents run, and what is known of each of their agents."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.agents import Agent
from agents.models.fields import ExactTextField, JsonTextField


class SourceKind(models.TextChoices):
    """The kind of server."""

    LETTA = "letta", "Letta"
    APP_SERVER = "app-server", "Letta App Server"


class AgentSource(models.Model):
    """A connected server: its address, its sealed token, and how its last sync went."""

    name = ExactTextField()
    kind = models.CharField(max_length=16, choices=SourceKind.choices)
    url = ExactTextField()
    # The token, encrypted and bound to the id and the address. None: the server wants none.
    sealed_token = models.BinaryField(null=True)
    # Only agents with this tag are taken in. None: all agents.
    only_tag = ExactTextField(null=True)
    # User tags and protected tags set at the server are put back as they are in ADE.
    owners_given_here = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    created_by = ExactTextField()
    # A paused source is neither read nor written. `pause_reason` is a sentence for people.
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.TextField(default="")
    # The last answer to "what are you", such as "App Server 0.34.12, local backend".
    server_words = models.TextField(default="")
    # Where the feed of changes was read up to, as the server writes it.
    feed_mark = ExactTextField(null=True)
    # The last whole listing that was read to its end, and the last successful request.
    listed_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    # The last attempt, the error that stands, how many attempts failed in a row, when to try again.
    tried_at = models.DateTimeField(null=True)
    problem = models.TextField(default="")
    failures = models.PositiveIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(null=True)
    # Counts the pushes to this source; see SourcedAgent.push_number.
    push_clock = models.PositiveBigIntegerField(default=0, db_default=0)
    # A person said that it is the same server, however much the next listing changes.
    mass_change_allowed = models.BooleanField(default=False, db_default=False)
    # A person asked for a whole listing now.
    sync_asked_at = models.DateTimeField(null=True)
    # Tags that other programs wrote over, as far as ADE noticed.
    lost_updates = models.PositiveBigIntegerField(default=0, db_default=0)
    # The worker that syncs it, until when.
    held_by = ExactTextField(null=True)
    held_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name"], name="source_name_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.url})"

    def get_absolute_url(self) -> str:
        return reverse("source", args=[self.pk])


class SourcedAgent(models.Model):
    """An agent of a source: what the source said last, and what waits to be sent there.

    `seen_tags` is text and never follows a rename. It is the base of the three-way merge.
    """

    agent = models.OneToOneField(
        Agent, on_delete=models.CASCADE, primary_key=True, related_name="sourced"
    )
    source = models.ForeignKey(AgentSource, on_delete=models.CASCADE, related_name="agents")
    public_id = ExactTextField()
    # A JSON array of the tags last seen that ADE can hold, sorted.
    seen_tags = JsonTextField(default="[]")
    # A JSON array of the tags that ADE cannot store, as the server wrote them (lone surrogates escaped).
    set_aside = JsonTextField(default="[]")
    # A digest of the fields last seen, and the agent's place in the feed.
    seen_digest = ExactTextField(default="")
    moved = ExactTextField(null=True)
    seen_at = models.DateTimeField()
    # Set in the transaction of a tag edit: since when the source has not got the tags of ADE.
    behind_since = models.DateTimeField(null=True)
    # 0 for edits of one agent, higher for changes of many, which go later, and the change-set of those.
    behind_rank = models.PositiveSmallIntegerField(default=0, db_default=0)
    behind_by = models.BigIntegerField(null=True)
    # What waits was edited before ADE was restored from a backup: a person says which side counts.
    before_restore = models.BooleanField(default=False, db_default=False)
    # The source's push_clock when a push of this agent last began or was confirmed. An answer to a
    # request that was sent when the clock showed less does not count.
    push_number = models.PositiveBigIntegerField(default=0, db_default=0)
    # The set that a push has sent, committed before the request. None: none is under way.
    sent_tags = JsonTextField(null=True)
    push_failures = models.PositiveIntegerField(default=0, db_default=0)
    push_after = models.DateTimeField(null=True)
    problem = models.TextField(default="")
    # The source does not list it, but has it.
    hidden_there = models.BooleanField(default=False, db_default=False)
    # How often, since when, tags changed there were put back by themselves.
    put_back_count = models.PositiveSmallIntegerField(default=0, db_default=0)
    put_back_since = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["source", "behind_rank", "behind_since"],
                name="sourced_behind",
                condition=Q(behind_since__isnull=False),
            ),
            # Readings find the agents that were pushed since the last one.
            models.Index(
                fields=["source", "push_number"],
                name="sourced_pushed",
                condition=Q(push_number__gt=0),
            ),
            # Lists of the agents of a source walk along it.
            models.Index(fields=["source", "agent"], name="sourced_by_agent"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "public_id"], name="sourced_agent_is_once_per_source"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} at source {self.source_id}"


class SourcedBlock(models.Model):
    """A memory block that an agent has at its source, as the source said last. Its text is not kept."""

    # Without constraints: a version from before this table may delete the agent.
    agent = models.ForeignKey(
        Agent, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="+"
    )
    source = models.ForeignKey(
        AgentSource, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="+"
    )
    block_id = ExactTextField()
    label = ExactTextField()
    # Crossings were looked for since it came.
    looked = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["source", "block_id", "agent"], name="sourced_block_by_block"),
            models.Index(fields=["id"], name="sourced_block_new", condition=Q(looked=False)),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["agent", "block_id"], name="sourced_block_is_once"),
        ]

    def __str__(self) -> str:
        return f"{self.block_id} of {self.agent_id}"


class SourceMarking(models.Model):
    """A change of many agents on its way to a source, for its progress there.

    Most changes mark their agents as behind themselves. After a rename the worker marks the agents that
    carry the tag, in batches.
    """

    source = models.ForeignKey(AgentSource, on_delete=models.CASCADE, related_name="markings")
    change_set_id = models.BigIntegerField()
    # The id of the tag whose agents are to be marked; None: they are marked.
    tag_id = models.BigIntegerField(null=True)
    # The seq below which agents are still to be marked; None: none was marked yet.
    done_down_to = models.BigIntegerField(null=True)
    # The agents that were marked.
    agents = models.PositiveBigIntegerField(default=0)
    paused_at = models.DateTimeField(null=True)
    before_restore = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "change_set_id"], name="source_marking_is_once"
            ),
        ]

    def __str__(self) -> str:
        return f"change-set {self.change_set_id} at source {self.source_id}"


class InboxKind(models.TextChoices):
    """What a person must decide."""

    GONE = "gone", "Gone at the source"
    KNOWN_ID = "known-id", "An ID that is known already"
    LIMIT = "limit", "A limit of ADE is broken"
    OWNER = "owner", "An owner or protected tag was changed there"
    OFFBOARDED = "offboarded", "The tag of an off-boarded user came back"
    OLD_NAME = "old-name", "An old name is still being written"
    ADOPTED = "adopted", "Adopted with conflicts"
    TWO_OWNERS = "two-owners", "Came in with two owners"


class InboxItem(models.Model):
    """A question about a source that a person decides: accept what is there, or put it back."""

    source = models.ForeignKey(AgentSource, on_delete=models.CASCADE, related_name="inbox")
    kind = models.CharField(max_length=16, choices=InboxKind.choices)
    # Empty where the item is about the source as a whole.
    agent_id = ExactTextField(default="")
    tag = ExactTextField(default="")
    # What the page shows and what a decision needs: a JSON object.
    details = JsonTextField(default="{}")
    change_set_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = ExactTextField(default="")
    decision = models.CharField(max_length=16, default="")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["source", "-id"],
                name="inbox_open",
                condition=Q(decided_at__isnull=True),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "kind", "agent_id", "tag"],
                condition=Q(decided_at__isnull=True),
                name="inbox_question_is_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at source {self.source_id}: {self.agent_id or self.tag}"
