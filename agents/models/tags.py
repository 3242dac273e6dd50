"""Tags, and the row that says an agent carries one."""

from typing import ClassVar
from urllib.parse import urlencode

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.agents import Agent
from agents.models.fields import ExactTextField


class Tag(models.Model):
    """A tag. It stays when its last agent goes, with `n` 0, to keep its description and rules.

    Only a merge into another and a deletion by name end it.
    """

    name = ExactTextField()
    name_folded = ExactTextField()
    lookalike = ExactTextField()
    n = models.PositiveIntegerField(default=0)
    names_user = models.BooleanField(default=False)
    protected = models.BooleanField(default=False)
    # True if a person said whether it is protected, so that the settings no longer do.
    protected_by_hand = models.BooleanField(default=False)
    description = models.TextField(default="")
    colour = models.CharField(max_length=16, default="")
    last_added_at = models.DateTimeField(null=True)
    last_added_by = ExactTextField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["names_user", "-n", "name"], name="tag_by_use"),
            models.Index(fields=["-n", "name"], name="tag_by_use_all"),
            models.Index(fields=["names_user", "name"], name="tag_by_name"),
            models.Index(fields=["name"], name="tag_in_use", condition=Q(n__gt=0)),
            models.Index(fields=["lookalike"], name="tag_by_lookalike"),
            models.Index(
                fields=["names_user", "lookalike"], name="tag_alike", condition=Q(n__gt=0)
            ),
            models.Index(
                fields=["names_user", "-n", "name"], name="tag_guarded", condition=Q(protected=True)
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name"], name="tag_name_is_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="tag_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.name}"

    def get_absolute_url(self) -> str:
        """The list of the agents that carry it."""
        return f"{reverse('agents')}?{urlencode({'any': self.name})}"


class AgentTag(models.Model):
    """That an agent carries a tag, since when, and by which change-set."""

    pk = models.CompositePrimaryKey("tag_id", "agent_id")
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, db_index=False)
    added_at = models.DateTimeField()
    change_set_id = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["agent", "tag"], name="agent_tag_by_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.agent_id}"
