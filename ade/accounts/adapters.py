"""How allauth works in ADE: admins create accounts, and nobody signs up."""

import base64
import hashlib
import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from ade.http import client_address
from ade.models import User
from ade.ops import logs, metrics


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Closes the public sign-up page, and answers every failed sign-in with the same message."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": (
            "The username or the password is not right, or the account is disabled."
        ),
        "too_many_login_attempts": (
            "Too many failed attempts. Wait a few minutes, then try again."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return the member with this password. A disabled member fails like a wrong password."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None and not user.is_active:
            self.authentication_failed(request, **credentials)
            return None
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        metrics.SIGN_INS.labels("failed").inc()
        logs.security(
            "sign-in failed",
            level=logging.WARNING,
            username=credentials.get("username", "")[:150],
            address=client_address(request),
        )

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return the key under which attempts at an account are counted, however its name is spelled.

        allauth's own key contains the Host header. Any port is allowed there, so an attacker could
        avoid the limit by changing it with each attempt.
        """
        name = credentials.get("username", "")
        member = User.objects.filter(username__iexact=name).values_list("pk", flat=True).first()
        return f"name:{name.casefold()}" if member is None else f"member:{member}"

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        request.session.clear_expired()  # nothing else deletes the rows of expired sessions
        metrics.SIGN_INS.labels("done").inc()
        logs.security(
            "signed in",
            who=f"person:{user.pk}",
            name=user.username,
            address=client_address(request),
        )

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Refuse a disabled member who signs in with a passkey or an identity provider."""
        messages.error(request, "This account is disabled. Ask an admin.")
        return HttpResponseRedirect(reverse("account_login"))

    def is_safe_url(self, url: str | None) -> bool:
        """True for this host only: to a browser, other names in ALLOWED_HOSTS are other sites."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )


class FactorsAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Asks only for factors that the settings enable, and encrypts their secrets with SECRET_KEY.

    A copy of the database is therefore not enough to produce codes.
    """

    def encrypt(self, text: str) -> str:
        return _vault().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _vault().decrypt(encrypted_text.encode()).decode()

    def is_mfa_enabled(self, user: User, types: list[str] | None = None) -> bool:
        wanted = settings.MFA_SUPPORTED_TYPES if types is None else types
        known = [kind for kind in wanted if kind in settings.MFA_SUPPORTED_TYPES]
        return bool(known) and bool(super().is_mfa_enabled(user, known))


def _vault() -> MultiFernet:
    """Return a cipher that encrypts with SECRET_KEY and also decrypts with SECRET_KEY_FALLBACKS."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(f"ade.accounts.factors:{key}".encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
