"""The pages of a member's own account: sign in, change the password, sign out everywhere."""

from typing import Any, ClassVar

from allauth.account.views import LoginView
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.accounts import members, password_links
from ade.accounts.access import signed_in
from ade.accounts.forms import ChangePasswordForm, NewPasswordForm
from ade.http import see_other


class SignInView(LoginView):  # type: ignore[misc]  # allauth ships no types
    """allauth's view, but an invalid form answers 422."""

    extra_context: ClassVar[dict[str, Any]] = {
        "oidc_name": settings.OIDC_NAME if settings.OIDC else "",
        "oidc_id": settings.OIDC_ID,
    }

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        was_in = "ended" in self.request.GET
        context: dict[str, Any] = super().get_context_data(**more)
        return context | {"was_signed_in": was_in}

    def form_invalid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_invalid(form)
        answer.status_code = 422
        return answer


class SetPasswordView(PasswordResetConfirmView):
    """Set a password through a one-time link from an admin."""

    template_name = "account/set_password.html"
    form_class = NewPasswordForm
    token_generator = password_links.tokens
    success_url = reverse_lazy("account_login")

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            members.record(members.What.PASSWORD, form.user, by=members.By.member(form.user))
        messages.success(self.request, "Your password is set. Sign in with it.")
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if not context["validlink"]:
            kwargs["status"] = 410
        return super().render_to_response(context, **kwargs)


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show what members can change about their own account."""
    factors = bool(settings.MFA_SUPPORTED_TYPES)
    return render(request, "account/account.html", {"factors": factors})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@rate_limit(action="change_password")  # type: ignore[untyped-decorator]  # allauth ships no types
def change_password(request: HttpRequest) -> HttpResponse:
    """Change the password of the signed-in member, and end the other sessions."""
    user = signed_in(request)
    form = ChangePasswordForm(user, request.POST or None)
    if not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "account/password_change.html", {"form": form}, status=status)
    members.set_password(user, form.cleaned_data["new_password1"], by=members.By.member(user))
    update_session_auth_hash(request, user)
    messages.success(request, "Your password is changed, and your other sessions have ended.")
    return see_other(reverse("account"))


@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End all sessions of the signed-in member, including this one."""
    user = signed_in(request)
    members.end_sessions(user, by=members.By.member(user))
    logout(request)
    messages.success(request, "You are signed out everywhere.")
    return see_other(reverse("account_login"))
