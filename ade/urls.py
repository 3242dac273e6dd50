"""URLs: the pages, the sign-in, and the API."""

from django.urls import include, path

from ade.ops import probes
from agents.api.core.app import api
from agents.api.core.metrics import metrics

urlpatterns = [
    path("v1/", api.urls),
    path("healthz", probes.alive, name="alive"),
    path("readyz", probes.ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("ade.accounts.account_urls")),
    path("members/", include("ade.accounts.member_urls")),
    path("", include("agents.urls")),
]

handler400 = "ade.ops.failure_pages.malformed"
handler403 = "agents.views.core.errors.forbidden"
handler500 = "ade.ops.failure_pages.failed"
handler404 = "agents.views.core.errors.not_found"
