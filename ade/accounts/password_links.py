"""One-time links with which a member sets a password. An admin makes one and hands it over."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from ade.accounts.members import By, What, record
from ade.models import User


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens that end with a new password, a sign-in, PASSWORD_LINK_HOURS, or the member's sessions.

    Ending the sessions or disabling the account lets an admin revoke a link.
    """

    key_salt = "ade.links.LinkTokens"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_series}{user.is_active}"


tokens = LinkTokens()


@transaction.atomic
def make(member: User, *, by: By) -> str:
    """Return the path of a new link for the member. It cannot be shown again."""
    member.refresh_from_db()
    if not member.is_active:
        raise ValidationError("This account is disabled. Enable it first.")
    record(What.LINK, member, by=by)
    key = urlsafe_base64_encode(force_bytes(member.pk))
    return reverse("account_set_password", args=[key, tokens.make_token(member)])
