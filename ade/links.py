"""One-time links with which a member sets a password: made by an admin, handed over by hand."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from ade.members import By, What, record
from ade.models import User


class LinkTokens(PasswordResetTokenGenerator):
    """A token dies when the password changes, on sign-in, and after PASSWORD_LINK_HOURS.

    Also when the member's sessions are ended or the account is disabled: an admin who gave a link
    to the wrong person can take it back.
    """

    key_salt = "ade.links.LinkTokens"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_series}{user.is_active}"


tokens = LinkTokens()


@transaction.atomic
def make(member: User, *, by: By) -> str:
    """The path of a new link for this member; nobody can see it a second time."""
    member.refresh_from_db()
    if not member.is_active:
        raise ValidationError("This account is disabled: enable it first.")
    record(What.LINK, member, by=by)
    key = urlsafe_base64_encode(force_bytes(member.pk))
    return reverse("account_set_password", args=[key, tokens.make_token(member)])
