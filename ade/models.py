"""The people who sign in, what was done to their accounts, and the cache that processes share."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac


class Role(models.TextChoices):
    """What a member of staff may do; each role may do all that the ones before it may."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    MANAGER = "manager", "Manager"
    ADMIN = "admin", "Admin"


class User(AbstractUser):
    """A member of staff. Users of the application behind the agents are tags, not rows here.

    The full name stands in `first_name`: names do not come in two parts everywhere.
    """

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    # Part of what a session and a password link are checked against: counting it up ends them all.
    session_series = models.PositiveIntegerField(default=0)
    # When they last wrote, within seconds; kept where replicas are read, which must have got so far.
    wrote_at = models.DateTimeField(null=True, editable=False)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]),
                name="user_role_is_known",
            ),
            models.UniqueConstraint(
                Lower("username"),
                name="username_is_unique_in_any_case",
                violation_error_message="There is a member of that name already.",
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

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_manager(self) -> bool:
        """True for managers, and for admins, who may do all that managers may."""
        return self.role in (Role.MANAGER, Role.ADMIN)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What each session of this member must carry; Django compares it at every request."""
        return salted_hmac(
            "ade.models.User.session",
            f"{self.password}:{self.session_series}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()


class MemberEvent(models.Model):
    """One thing done to an account. Text only and never changed: it outlives the account."""

    class What(models.TextChoices):
        ADDED = "added", "added"
        ROLE = "role", "changed the role of"
        DISABLED = "disabled", "disabled"
        ENABLED = "enabled", "enabled"
        LINK = "link", "made a password link for"
        PASSWORD = "password", "set the password of"
        SESSIONS = "sessions", "ended all sessions of"
        FACTORS = "factors", "removed the second factors of"
        IDENTITY = "identity", "linked an identity to"

    at = models.DateTimeField(default=timezone.now)
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=300)
    member_id = models.CharField(max_length=64)
    member_name = models.CharField(max_length=300)
    what = models.CharField(max_length=16, choices=What.choices)
    detail = models.CharField(max_length=300, default="")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["member_id", "-id"], name="member_event_by_member"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.get_what_display()} {self.member_name}"


class CacheEntry(models.Model):
    """A row of Django's database cache, which counts sign-in attempts across processes.

    A model, and not `createcachetable`, so that `migrate` alone makes a database that works.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "ade_cache"

    def __str__(self) -> str:
        return self.cache_key
