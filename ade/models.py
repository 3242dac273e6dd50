"""Members who sign in, the events of their accounts, and the cache that processes share."""

import functools
from contextvars import ContextVar
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ade.db.statements import Loader


class Role(models.TextChoices):
    """What a member may do. Each role includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    MANAGER = "manager", "Manager"
    ADMIN = "admin", "Admin"


# The member that was read together with the session, while Django finds the member of the session.
read_already: ContextVar["models.Model | None"] = ContextVar("read_already", default=None)


class MemberManager(UserManager["User"]):
    """Reads one member by its key with a fixed statement: the sign-in does that for every page."""

    use_in_migrations = False

    def get(self, *args: Any, **kwargs: Any) -> "User":
        """Return the one member that matches, as any manager does."""
        if args or kwargs.keys() != {"pk"}:
            return super().get(*args, **kwargs)
        known = read_already.get()
        if isinstance(known, User) and known.pk == kwargs["pk"]:
            return known
        sql, members = _by_key()
        member = members.first(sql, [kwargs["pk"]])
        if member is None:
            raise User.DoesNotExist
        return member


@functools.cache  # the model is not loaded yet
def _by_key() -> tuple[str, Loader["User"]]:
    members = Loader(User)
    return f"SELECT {members.columns('u')} FROM ade_user u WHERE u.id = %s", members  # noqa: S608  # our columns


class User(AbstractUser):
    """A member of staff. Users of the application behind the agents are tags, not rows here.

    `first_name` contains the full name, because not every name has two parts.
    """

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    # Part of the hash of sessions and password links: incrementing it ends them all.
    session_series = models.PositiveIntegerField(default=0)
    # Which agents the member can access, as JSON (agents/core/reach.py). None: all. A member with a value
    # here has no rights of an admin or manager, whatever the role says.
    stored_reach = models.TextField(null=True, editable=False)
    # When the member last wrote, within seconds. A replica must have replayed that before it is read.
    wrote_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[MemberManager] = MemberManager()

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
        """Return up to two letters for the header."""
        words = (self.get_full_name() or self.username).split()
        return "".join(word[0] for word in words[:2]).upper()

    @property
    def display_name(self) -> str:
        """Return the name for history and pages."""
        return self.get_full_name() or self.username

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN and self.stored_reach is None

    @property
    def is_manager(self) -> bool:
        """True for managers and admins who can access all agents: they may change shared things."""
        return self.role in (Role.MANAGER, Role.ADMIN) and self.stored_reach is None

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return the hash that each session of the member contains; Django compares it at every request."""
        return salted_hmac(
            "ade.models.User.session",
            f"{self.password}:{self.session_series}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()


class MemberEvent(models.Model):
    """A change to an account. It is text only and never changed, so it outlives the account."""

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
        REACH = "reach", "changed the agents of"

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
    """A row of Django's database cache, which counts sign-in attempts for all processes.

    A model instead of `createcachetable`, so that `migrate` alone prepares the database.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "ade_cache"

    def __str__(self) -> str:
        return self.cache_key


class LastBackup(models.Model):
    """When the last good backup was made. At most one row."""

    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M} UTC"
