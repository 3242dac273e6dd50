"""Saved views: a filter and an order of the agents list, with a name."""

from typing import ClassVar
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField


class SavedView(models.Model):
    """A named state of the agents list, seen by its owner, or by all where it is shared.

    `pairs` are the parameters of its address, a JSON list of [name, value]: tags stand in them as
    text, so that a rename can follow.
    """

    slug = ExactTextField()
    name = ExactTextField()
    owner_id = ExactTextField()
    owner_name = ExactTextField()
    shared = models.BooleanField(default=False)
    pinned = models.BooleanField(default=False)
    pairs = JsonTextField(default="[]")
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner_id", "name"], name="saved_view_by_owner"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["slug"], name="saved_view_slug_is_unique"),
        ]

    def __str__(self) -> str:
        return str(self.name)

    def get_absolute_url(self) -> str:
        return f"{reverse('agents')}?{urlencode({'view': self.slug})}"
