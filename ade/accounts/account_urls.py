"""URLs of accounts: the pages of allauth that work without sign-up and e-mail."""

from allauth.account import views as allauth_views
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from ade.accounts import account_views, looks

urlpatterns: list[URLPattern | URLResolver] = [
    path("", account_views.account, name="account"),
    path("login/", account_views.SignInView.as_view(), name="account_login"),
    path("logout/", allauth_views.logout, name="account_logout"),
    path("logout/everywhere/", account_views.sign_out_everywhere, name="account_logout_everywhere"),
    path("reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("look/", looks.set_look, name="account_look"),
    path("password/", account_views.change_password, name="account_change_password"),
    path(
        "password/set/<str:uidb64>/<str:token>/",
        account_views.SetPasswordView.as_view(),
        name="account_set_password",
    ),
]
if settings.MFA_SUPPORTED_TYPES:
    urlpatterns.append(path("2fa/", include("allauth.mfa.urls")))
if settings.OIDC:
    from allauth.socialaccount import views as identity_views

    urlpatterns += [
        path("", include("allauth.socialaccount.providers.openid_connect.urls")),
        path(
            "oidc/cancelled/",
            identity_views.login_cancelled,
            name="socialaccount_login_cancelled",
        ),
        path("oidc/error/", identity_views.login_error, name="socialaccount_login_error"),
    ]
