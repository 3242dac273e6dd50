"""Check the length of every query parameter before a page reads it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from agents.core.limits import QUERY_LENGTH
from agents.core.tag_text import shown
from agents.views.core.errors import error_page

# A whole address of this site, to come back to. Django reads none that is longer than 2,048 bytes.
_ADDRESSES = {"next"}


class QueryTextMiddleware:
    """Answer 422 if a parameter is longer than any page accepts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        for name, values in request.GET.lists():
            longest = max(map(len, values), default=0)
            if longest > QUERY_LENGTH and name not in _ADDRESSES:
                told = f"{shown(name)} is {longest:,} characters; the limit is {QUERY_LENGTH:,}."
                return error_page(request, 422, told)
        return None
