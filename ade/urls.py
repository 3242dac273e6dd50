"""Addresses: the pages, the sign-in, and the API."""

from django.urls import include, path

from ade.views import probes
from agents.api.app import api
from agents.api.metrics import metrics

urlpatterns = [
    path("healthz", probes.alive, name="alive"),
    path("readyz", probes.ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("v1/", api.urls),
    path("accounts/", include("ade.account_urls")),
    path("members/", include("ade.member_urls")),
    path("", include("agents.urls")),
]

handler403 = "agents.views.errors.forbidden"
handler500 = "ade.views.failures.failed"
handler404 = "agents.views.errors.not_found"
