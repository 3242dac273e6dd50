"""Sign-in by an identity provider: which member an identity is."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from ade.members import By, What, record
from ade.models import Role, User


class IdentityAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Signs in members only; the first time by their user name, from then on by the subject."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        # E-mail addresses have no part in this: what they could match or collide with is left out.
        sociallogin.email_addresses = []
        if sociallogin.is_existing:
            self._refuse_unless(request, sociallogin.user.is_active)
            return
        name = _claimed_name(sociallogin)
        member = User.objects.filter(username=name, is_active=True).first() if name else None
        if member is None:
            self._refuse_unless(request, bool(settings.OIDC_AUTO_CREATE_ROLE) and _is_free(name))
            return
        # A member whose identity is known already is not somebody else of the same name.
        self._refuse_unless(request, not SocialAccount.objects.filter(user=member).exists())
        sociallogin.connect(request, member)
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
        sociallogin.save(request)
        record(What.ADDED, user, by=By("identity-provider", settings.OIDC_NAME), detail=role.label)
        return user

    def _refuse_unless(self, request: HttpRequest, welcome: bool) -> None:
        if not welcome:
            messages.error(
                request,
                f"{settings.OIDC_NAME} knows you, but there is no active account for you here: "
                "ask an admin.",
            )
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))


def _is_free(name: str) -> bool:
    """Whether a new member could have this name."""
    try:
        User(username=name, password="!").full_clean()  # noqa: S106  # an unusable one
    except ValidationError:
        return False
    return True


def _claimed_name(sociallogin: SocialLogin) -> str:
    """The claim that names the member; an address only where the provider has verified it."""
    claims = sociallogin.account.get_provider_account().get_user_data() or {}
    claim = settings.OIDC_USERNAME_CLAIM
    if claim == "email" and claims.get("email_verified") is not True:
        return ""
    return str(claims.get(claim) or "")
