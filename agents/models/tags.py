"""Tags, and the rows that assign them to agents."""

from typing import ClassVar
from urllib.parse import urlencode

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.agents import Agent
from agents.models.fields import ExactTextField


class Tag(models.Model):
    """A tag. `n` is the number of agents that carry it.

    A tag with no agents stays, with its description and settings, until it is merged or deleted.
    """

    name = ExactTextField()
    name_folded = ExactTextField()
    lookalike = ExactTextField()
    # Of the rule and the Unicode data that `lookalike` was made by; 1 is before there was a version.
    lookalike_version = models.PositiveSmallIntegerField(default=1, db_default=1)
    # Its place in natural order (agents/core/natural_order.py). Empty where the version before wrote it.
    sort_key = ExactTextField(default="", db_default="")
    n = models.PositiveIntegerField(default=0)
    names_user = models.BooleanField(default=False)
    protected = models.BooleanField(default=False)
    # True if a person decided whether the tag is protected. Then the settings no longer decide.
    protected_by_hand = models.BooleanField(default=False)
    # True if a person marked the tag as a user tag although its text is not one.
    user_by_hand = models.BooleanField(null=True)
    description = models.TextField(default="")
    # The name of the user that the tag stands for. None: nobody gave one.
    display_name = ExactTextField(null=True)
    colour = models.CharField(max_length=16, default="")
    # The bulk change that removes it from all agents. Until that ends or is undone, it cannot be added.
    ends_in = models.UUIDField(null=True)
    # Set where agents get the tag of a user who was off-boarded. Until then, nobody limited can access them.
    closed_until = models.DateTimeField(null=True)
    last_added_at = models.DateTimeField(null=True)
    last_added_by = ExactTextField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["names_user", "-n", "sort_key", "id"], name="tag_in_order_of_use"),
            models.Index(fields=["names_user", "sort_key", "id"], name="tag_in_order"),
            models.Index(fields=["-n", "name"], name="tag_by_use_all"),
            models.Index(fields=["names_user", "name"], name="tag_by_name"),
            models.Index(fields=["name"], name="tag_in_use", condition=Q(n__gt=0)),
            models.Index(fields=["ends_in"], name="tag_ends", condition=Q(ends_in__isnull=False)),
            models.Index(
                fields=["closed_until"],
                name="tag_closed",
                condition=Q(closed_until__isnull=False),
            ),
            models.Index(fields=["lookalike"], name="tag_by_lookalike"),
            models.Index(
                fields=["names_user", "lookalike"], name="tag_alike", condition=Q(n__gt=0)
            ),
            models.Index(fields=["lookalike"], name="tag_alike_used", condition=Q(n__gt=0)),
            models.Index(
                fields=["names_user", "-n", "sort_key", "id"],
                name="tag_guarded",
                condition=Q(protected=True),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name"], name="tag_name_is_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="tag_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.name}"

    def get_absolute_url(self) -> str:
        """The list of agents with this tag."""
        return f"{reverse('agents')}?{urlencode({'any': self.name})}"


class AgentTag(models.Model):
    """A tag on an agent, when it was added, and by which change-set."""

    pk = models.CompositePrimaryKey("tag_id", "agent_id")
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, db_index=False)
    added_at = models.DateTimeField()
    change_set_id = models.BigIntegerField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            # Finds the agents that carry a tag since before a past moment, whatever was tagged later.
            models.Index(fields=["tag", "added_at", "agent"], name="agent_tag_by_time"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["agent", "tag"], name="agent_tag_by_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.agent_id}"
