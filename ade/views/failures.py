"""Pages for what no view answered: a fault of ours, or a database that is away.

Rendered without context processors and without the database: whatever failed may be either.
"""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.template.loader import render_to_string

from ade import outage


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the error is being handled."""
    error = sys.exc_info()[1]
    if error is not None and (message := outage.told(error)):
        outage.note(error)
        response = plain_page(request, 503, outage.headline(error), message)
        response.headers["Retry-After"] = str(outage.RETRY_SECONDS)
        return response
    if isinstance(error, UnreadablePostError):
        return plain_page(request, 400, "Not possible", "The body could not be read.")
    return plain_page(
        request,
        500,
        "Something went wrong",
        "ADE could not answer this. What you did may not have been saved.",
    )


def refusal(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """A refusal before anything is looked at, in the form of the API or of a page."""
    if request.path_info.startswith("/v1/"):
        return JsonResponse({"detail": message}, status=status)
    return plain_page(request, status, "Not possible", message)


def plain_page(request: HttpRequest, status: int, heading: str, message: str) -> HttpResponse:
    """A page, or for htmx a message above all that was typed, which needs nothing to work."""
    context = {
        "heading": heading,
        "message": message,
        "request_id": getattr(request, "request_id", ""),
        # What a form sent is not repeated by itself: the way on leads to the start then.
        "again": request.get_full_path() if request.method == "GET" else "/agents/",
    }
    if "HX-Request" not in request.headers:
        return HttpResponse(render_to_string("failure.html", context), status=status)
    response = HttpResponse(render_to_string("failure.html#problem", context), status=status)
    response.headers["HX-Retarget"] = "#messages"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
