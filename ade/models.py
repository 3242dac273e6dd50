"""The people who sign in."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What a member of staff may do; each role may do all that the ones before it may."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    MANAGER = "manager", "Manager"
    ADMIN = "admin", "Admin"


class User(AbstractUser):
    """A member of staff. Users of the application behind the agents are tags, not rows here."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]),
                name="user_role_is_known",
            ),
        ]

    @property
    def initials(self) -> str:
        """Two letters for the picture in the header."""
        words = (self.get_full_name() or self.username).split()
        return "".join(word[0] for word in words[:2]).upper()

    @property
    def display_name(self) -> str:
        """The name that history and pages show."""
        return self.get_full_name() or self.username
