"""Every change to an account. Each is recorded in its own transaction.

A refused change raises ValidationError with a message to show. Setting a value that is set already
succeeds, and changes and records nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from ade.models import MemberEvent, Role, User
from ade.ops import logs

What = MemberEvent.What
LAST_ADMIN = "This is the last active admin. Make another member an admin first."


@dataclass(frozen=True, slots=True)
class By:
    """Who makes a change, as the events store it."""

    id: str
    name: str

    @classmethod
    def member(cls, user: User) -> "By":
        return cls(f"person:{user.pk}", user.display_name)


@transaction.atomic
def add(*, username: str, full_name: str, role: Role, by: By) -> User:
    """Add an account without a password."""
    member = User(username=username, first_name=full_name, role=role)
    member.set_unusable_password()
    if not full_name.isprintable():
        raise ValidationError(
            {"full_name": "A name cannot contain line breaks or control characters."}
        )
    member.full_clean()
    try:
        with transaction.atomic():
            member.save()
    except IntegrityError:  # another process took the name since it was checked
        raise ValidationError({"username": "There is a member of that name already."}) from None
    record(What.ADDED, member, by=by, detail=f"as {role.label}")
    return member


@transaction.atomic
def change_role(member: User, *, role: Role, by: By) -> User:
    """Give the member this role. It takes effect with their next request."""
    member, admins = _locked(member)
    if member.role == role:
        return member
    if role != Role.ADMIN:
        _keep_an_admin(member, admins)
    elif member.stored_reach is not None:
        raise ValidationError("An admin can access all agents. Remove this member's limit first.")
    before, member.role = Role(member.role), role
    member.save(update_fields=["role"])
    record(What.ROLE, member, by=by, detail=f"{before.label} → {role.label}")
    return member


@transaction.atomic
def disable(member: User, *, by: By) -> User:
    """Disable the account: its sessions end with their next request, and its password links die."""
    member, admins = _locked(member)
    if not member.is_active:
        return member
    _keep_an_admin(member, admins)
    member.is_active = False
    member.session_series = F("session_series") + 1
    member.save(update_fields=["is_active", "session_series"])
    record(What.DISABLED, member, by=by)
    return member


@transaction.atomic
def set_reach(member: User, *, stored: str | None, detail: str, by: By) -> User:
    """Set which agents the member can access: as JSON, and in words for the event.

    It takes effect at once. Raises ValidationError for an admin, who can access all agents.
    """
    member, _ = _locked(member)
    if stored is not None and member.role == Role.ADMIN:
        raise ValidationError("An admin can access all agents. Choose another role first.")
    if member.stored_reach != stored:
        member.stored_reach = stored
        member.save(update_fields=["stored_reach"])
        record(What.REACH, member, by=by, detail=detail[:300])
    return member


def end_reach(member: User, *, stored: str, why: str, by: By) -> None:
    """Disable a member who can access no agent any more. The caller has locked the row."""
    member.stored_reach, member.is_active = stored, False
    member.session_series += 1
    member.save(update_fields=["stored_reach", "is_active", "session_series"])
    record(What.DISABLED, member, by=by, detail=why[:300])


@transaction.atomic
def enable(member: User, *, by: By) -> User:
    """Enable a disabled account, with its old password and role."""
    member, _ = _locked(member)
    if not member.is_active:
        member.is_active = True
        member.save(update_fields=["is_active"])
        record(What.ENABLED, member, by=by)
    return member


@transaction.atomic
def end_sessions(member: User, *, by: By) -> User:
    """End all sessions and unused password links of the member."""
    member, _ = _locked(member)
    member.session_series = F("session_series") + 1
    member.save(update_fields=["session_series"])
    record(What.SESSIONS, member, by=by)
    return member


@transaction.atomic
def remove_factors(member: User, *, by: By) -> User:
    """Remove the member's authenticator app, passkeys and recovery codes."""
    member, _ = _locked(member)
    if Authenticator.objects.filter(user=member).delete()[0]:
        record(What.FACTORS, member, by=by)
    return member


@transaction.atomic
def set_password(member: User, password: str, *, by: By) -> None:
    """Set a password that a form has validated. Sessions and links from before it end."""
    member.set_password(password)
    member.save(update_fields=["password"])
    record(What.PASSWORD, member, by=by)


_watchers: list[Callable[[User], None]] = []


def on_change(watch: Callable[[User], None]) -> None:
    """Call `watch` with a member after each recorded change, in its transaction.

    ADE's accounts know nothing of agents, so the app of agents gives it at its start.
    """
    _watchers.append(watch)


def record(what: MemberEvent.What, member: User, *, by: By, detail: str = "") -> None:
    """Add an event in the transaction of the change, and a line to the log after the commit."""
    transaction.on_commit(
        lambda: logs.security(
            f"member: {what.label}",
            who=by.id,
            name=by.name,
            member=f"person:{member.pk}",
            member_name=member.username,
            detail=detail,
        )
    )
    for watch in _watchers:
        watch(member)
    MemberEvent.objects.create(
        actor_id=by.id,
        actor_name=by.name,
        member_id=f"person:{member.pk}",
        member_name=member.display_name,
        what=what,
        detail=detail,
    )


def _locked(member: User) -> tuple[User, list[User]]:
    """Lock and return the member's current row and all active admins."""
    rows = list(
        User.objects.select_for_update()
        .filter(Q(pk=member.pk) | Q(role=Role.ADMIN, is_active=True))
        .order_by("pk")
    )
    current = next((row for row in rows if row.pk == member.pk), None)
    if current is None:
        raise ValidationError("This member no longer exists.")
    return current, [row for row in rows if row.is_admin and row.is_active]


def _keep_an_admin(member: User, admins: list[User]) -> None:
    if [admin.pk for admin in admins] == [member.pk]:
        raise ValidationError(LAST_ADMIN)
