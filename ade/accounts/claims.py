"""The role and the limit of a member, as claims of the identity provider set them at each sign-in.

A missing or unreadable claim refuses the sign-in. Otherwise a mistake in the provider's settings would
give everybody access to all agents.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from ade.accounts.members import By
from ade.models import Role, User

# In a list of claims, such as groups, the highest role counts.
_ROLES = [Role.ADMIN, Role.MANAGER, Role.EDITOR, Role.VIEWER]
# The value of the claim for a member who can access all agents.
EVERYTHING = "*"

Apply = Callable[[User, Role | None, list[str] | None, By], User]
_apply: list[Apply] = []


def on_claims(apply: Apply) -> None:
    """Set the function that stores a role and a limit (tags; none: all agents; None: unchanged).

    ADE's accounts know nothing of agents and tags, so the app of agents gives it at its start. It raises
    ValidationError.
    """
    _apply[:] = [apply]


def follow_claims(member: User, claims: dict[str, Any]) -> User:
    """Give the member the role and the limit of the claims. Raises ValidationError."""
    if not (settings.OIDC_ROLE_CLAIM or settings.OIDC_LIMIT_CLAIM):
        return member
    role = _role(claims) if settings.OIDC_ROLE_CLAIM else None
    limit = None
    if (role or member.role) == Role.ADMIN:
        limit = []  # an admin can access all agents
    elif settings.OIDC_LIMIT_CLAIM:
        limit = _limit(claims)
    by = By("identity-provider", settings.OIDC_NAME)
    return _apply[0](member, role, limit, by)


def _role(claims: dict[str, Any]) -> Role:
    values = _values(claims, settings.OIDC_ROLE_CLAIM)
    known = [role for role in _ROLES if role.value in values]
    if not known:
        raise ValidationError(f"{settings.OIDC_NAME} sends no role for you that ADE knows.")
    return known[0]


def _limit(claims: dict[str, Any]) -> list[str]:
    values = _values(claims, settings.OIDC_LIMIT_CLAIM)
    # All of it must be clear: a part that is left out could be the one that limits.
    tags = [text for text in values if isinstance(text, str) and text]
    if not tags or len(tags) < len(values) or (EVERYTHING in tags and set(tags) != {EVERYTHING}):
        raise ValidationError(f"{settings.OIDC_NAME} does not say which agents you can access.")
    return [] if EVERYTHING in tags else tags


def _values(claims: dict[str, Any], name: str) -> list[Any]:
    """Return the values of a claim, which is a list or one value."""
    value = claims.get(name)
    return value if isinstance(value, list) else [value]
