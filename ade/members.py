"""Every change to an account: who may sign in, and as what. Each is recorded as it is made.

A refusal is a ValidationError whose message is fit to show. Setting what is set already is a
success that changes and records nothing.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from ade import logs
from ade.models import MemberEvent, Role, User

What = MemberEvent.What
LAST_ADMIN = "This is the last active admin: make another member admin first."


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, as history keeps it."""

    id: str
    name: str

    @classmethod
    def member(cls, user: User) -> "By":
        return cls(f"person:{user.pk}", user.display_name)


@transaction.atomic
def add(*, username: str, full_name: str, role: Role, by: By) -> User:
    """Make an account that has no password yet."""
    member = User(username=username, first_name=full_name, role=role)
    member.set_unusable_password()
    if not full_name.isprintable():
        raise ValidationError({"full_name": "A name has no line breaks or control characters."})
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
    """Give the member this role; it holds from their next request on."""
    member, admins = _locked(member)
    if member.role == role:
        return member
    if role != Role.ADMIN:
        _keep_an_admin(member, admins)
    before, member.role = Role(member.role), role
    member.save(update_fields=["role"])
    record(What.ROLE, member, by=by, detail=f"{before.label} → {role.label}")
    return member


@transaction.atomic
def disable(member: User, *, by: By) -> User:
    """Shut the member out, at their next request, of every session and password link."""
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
def enable(member: User, *, by: By) -> User:
    """Let a disabled member sign in again, with the password and the role they had."""
    member, _ = _locked(member)
    if not member.is_active:
        member.is_active = True
        member.save(update_fields=["is_active"])
        record(What.ENABLED, member, by=by)
    return member


@transaction.atomic
def end_sessions(member: User, *, by: By) -> User:
    """Sign the member out everywhere; password links not yet used die with the sessions."""
    member, _ = _locked(member)
    member.session_series = F("session_series") + 1
    member.save(update_fields=["session_series"])
    record(What.SESSIONS, member, by=by)
    return member


@transaction.atomic
def remove_factors(member: User, *, by: By) -> User:
    """Take off the member's authenticator app, passkeys and recovery codes, say for a lost phone."""
    member, _ = _locked(member)
    if Authenticator.objects.filter(user=member).delete()[0]:
        record(What.FACTORS, member, by=by)
    return member


@transaction.atomic
def set_password(member: User, password: str, *, by: By) -> None:
    """Set a password, checked before by a form; every session and link of before dies."""
    member.set_password(password)
    member.save(update_fields=["password"])
    record(What.PASSWORD, member, by=by)


def record(what: MemberEvent.What, member: User, *, by: By, detail: str = "") -> None:
    """Add to the history, in the transaction of what it tells of, and to the log once it holds."""
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
    MemberEvent.objects.create(
        actor_id=by.id,
        actor_name=by.name,
        member_id=f"person:{member.pk}",
        member_name=member.display_name,
        what=what,
        detail=detail,
    )


def _locked(member: User) -> tuple[User, list[User]]:
    """The member as it is now and all active admins, locked so that no two changes cross."""
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
