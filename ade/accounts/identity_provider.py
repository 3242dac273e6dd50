"""Sign-in by an identity provider: find the member of an identity."""

from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from ade.accounts.claims import follow_claims
from ade.accounts.members import By, What, record
from ade.models import Role, User


class IdentityAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Signs in members only: the first time by their username, later by the identity's subject."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        # Without e-mail addresses an identity cannot match or collide with a member by address.
        sociallogin.email_addresses = []
        if sociallogin.is_existing:
            self._refuse_unless(request, sociallogin.user.is_active)
            self._follow_claims(request, sociallogin, sociallogin.user)
            return
        name = _claimed_name(sociallogin)
        member = User.objects.filter(username=name, is_active=True).first() if name else None
        if member is None:
            self._refuse_unless(request, bool(settings.OIDC_AUTO_CREATE_ROLE) and _is_free(name))
            return
        # A member with an identity does not get a second one of the same name.
        self._refuse_unless(request, not SocialAccount.objects.filter(user=member).exists())
        with transaction.atomic():
            sociallogin.connect(request, member)
            self._follow_claims(request, sociallogin, member)
        record(What.IDENTITY, member, by=By.member(member), detail=f"at {settings.OIDC_NAME}")

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.OIDC_AUTO_CREATE_ROLE)

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        user: User = sociallogin.user
        full = data.get("name") or f"{data.get('first_name') or ''} {data.get('last_name') or ''}"
        user.first_name = "".join(char for char in full if char.isprintable()).strip()[:150]
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        role = Role(settings.OIDC_AUTO_CREATE_ROLE)
        user: User = sociallogin.user
        user.username, user.role = _claimed_name(sociallogin), role
        user.set_unusable_password()
        user.full_clean()
        with transaction.atomic():
            sociallogin.save(request)
            by = By("identity-provider", settings.OIDC_NAME)
            record(What.ADDED, user, by=by, detail=role.label)
            self._follow_claims(request, sociallogin, user)
        return user

    def _follow_claims(self, request: HttpRequest, sociallogin: SocialLogin, member: User) -> None:
        """Set the member's role and limit as the claims say, or refuse the sign-in."""
        try:
            follow_claims(member, _claims(sociallogin))
            member.refresh_from_db()  # allauth may save it again
        except ValidationError as error:
            self._refuse(request, " ".join([*error.messages, "Ask an admin."]))

    def _refuse_unless(self, request: HttpRequest, allowed: bool) -> None:
        if not allowed:
            self._refuse(
                request,
                f"{settings.OIDC_NAME} knows you, but you have no active account here. "
                "Ask an admin.",
            )

    def _refuse(self, request: HttpRequest, message: str) -> NoReturn:
        messages.error(request, message)
        raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))


def _is_free(name: str) -> bool:
    """True if a new member could have this name."""
    try:
        User(username=name, password="!").full_clean()  # noqa: S106  # an unusable one
    except ValidationError:
        return False
    return True


def _claims(sociallogin: SocialLogin) -> dict[str, Any]:
    """Return what the provider says about the person."""
    return sociallogin.account.get_provider_account().get_user_data() or {}


def _claimed_name(sociallogin: SocialLogin) -> str:
    """Return the claim that names the member. An e-mail address counts only if it is verified."""
    claims = _claims(sociallogin)
    claim = settings.OIDC_USERNAME_CLAIM
    if claim == "email" and claims.get("email_verified") is not True:
        return ""
    return str(claims.get(claim) or "")
