"""Access to pages: which roles may open one, and the way to sign in or to confirm the password."""

import time
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ade.http import parts_of
from ade.models import User

View = Callable[..., HttpResponse]


def signed_in(request: HttpRequest) -> User:
    """Return the signed-in member. For pages behind the sign-in middleware."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Nobody is signed in.")
    return request.user


def admins_only(view: View) -> View:
    """Answer 403 to everyone but admins."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not signed_in(request).is_admin:
            raise PermissionDenied("Only admins may do this.")
        return view(request, *args, **kwargs)

    return wrapped


def managers_only(view: View) -> View:
    """Answer 403 to everyone but managers and admins."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not signed_in(request).is_manager:
            raise PermissionDenied("Only managers and admins may do this.")
        return view(request, *args, **kwargs)

    return wrapped


def reauthenticated(view: View) -> View:
    """Before a change, ask for the password or another proof, unless one was given in the last hours.

    For members, keys, webhooks and sources, so that a session left open is not enough. Looking at them needs no
    proof. A refused change is not carried out after the proof; the member sends it again.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method in ("GET", "HEAD") or _proved_lately(request):
            return view(request, *args, **kwargs)
        return send_to(request, _proof_url(request))

    return wrapped


def send_to(request: HttpRequest, url: str, *, ended: bool = False) -> HttpResponse:
    """Send the whole page to `url`, with the way back in `next`, and whether a session `ended`.

    htmx would follow a redirect and put the sign-in page into a part of the page, so it gets 401 and
    HX-Redirect.
    """
    join = "&" if "?" in url else "?"
    query = {"next": _page_of(request)} | ({"ended": "1"} if ended else {})
    url = f"{url}{join}{urlencode(query)}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url, status=302 if request.method in ("GET", "HEAD") else 303)


def _page_of(request: HttpRequest) -> str:
    """Return the path of the page that the person sees: the address of a form may have no page."""
    if request.headers.get("HX-Request"):
        shown = request.headers.get("HX-Current-URL", "")
    elif request.method in ("GET", "HEAD"):
        return request.get_full_path()
    else:
        shown = request.headers.get("Referer", "")
    parts = parts_of(shown)
    if (parts.scheme, parts.netloc) != (request.scheme, request.get_host()):
        return settings.LOGIN_REDIRECT_URL
    return parts._replace(scheme="", netloc="").geturl()


def _proved_lately(request: HttpRequest) -> bool:
    # A sign-in counts as well as a confirmation: allauth records both.
    records = get_authentication_records(request, request.user)
    newest = max((float(record["at"]) for record in records), default=0.0)
    return time.time() - newest < settings.PROOF_SECONDS


def _proof_url(request: HttpRequest) -> str:
    methods = get_adapter().get_reauthentication_methods(request.user)
    if methods:
        return str(methods[0]["url"])
    if settings.OIDC:
        # No password here: the identity provider asks again, and a new session begins.
        query = urlencode({"process": "login", "auth_params": "prompt=login"})
        return f"{reverse('openid_connect_login', args=[settings.OIDC_ID])}?{query}"
    raise PermissionDenied("You have no password here. Ask an admin for a link to set one.")
