"""Saved views: a named filter and order of the agents list."""

from typing import ClassVar
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField


class SavedView(models.Model):
    """A named filter and order of the agents list. Its owner sees it; a shared one everybody.

    `pairs` are the parameters of its address, a JSON list of [name, value]. They contain tags as text,
    which a rename of the tag updates.
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


class TagWatch(models.Model):
    """A tag that a member watches: the overview shows its changes. `owner_id` is the member as an actor."""

    owner_id = ExactTextField()
    name = ExactTextField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["name"], name="watch_by_name"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner_id", "name"], name="watch_is_once"),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} watches {self.name}"
