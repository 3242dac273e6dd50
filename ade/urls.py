"""Addresses: the pages, the sign-in, and the API."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
]
