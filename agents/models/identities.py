"""Identities: people or organisations of the application, by the application's own key."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agents.models.agents import Agent
from agents.models.fields import ExactTextField, JsonTextField


class Identity(models.Model):
    """A Letta identity: a person or organisation that agents belong to."""

    public_id = ExactTextField()
    identifier_key = ExactTextField()
    name = ExactTextField()
    identity_type = models.CharField(max_length=8)
    project_id = ExactTextField(null=True)
    properties = JsonTextField(default="[]")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["name", "id"], name="identity_by_name"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="identity_public_id_is_unique"),
            models.UniqueConstraint(fields=["identifier_key"], name="identity_key_is_unique"),
            models.CheckConstraint(
                condition=Q(identity_type__in=["org", "user", "other"]),
                name="identity_type_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.identifier_key})"


class AgentIdentity(models.Model):
    """An agent of an identity. The primary key sorts by agent, as in AgentTag."""

    pk = models.CompositePrimaryKey("identity_id", "agent_id")
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, db_index=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["agent", "identity"], name="agent_identity_by_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.identity_id} of {self.agent_id}"
