"""Addresses: the pages, the sign-in, and the API."""

from django.urls import include, path

from agents.api.app import api

urlpatterns = [
    path("v1/", api.urls),
    path("accounts/", include("ade.account_urls")),
    path("members/", include("ade.member_urls")),
    path("", include("agents.urls")),
]

handler403 = "agents.views.errors.forbidden"
handler404 = "agents.views.errors.not_found"
