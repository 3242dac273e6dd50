"""How pages look to a person: theme, density and columns, stored in a cookie of the browser."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from ade.http import see_other

COOKIE = "ade_look"
THEMES = {"system": "System", "light": "Light", "dark": "Dark"}
DENSITIES = {"compact": "Compact", "roomy": "Roomy"}
_SECONDS = 400 * 86_400  # browsers keep no cookie longer
_MOST_COLUMNS = 20
_MOST_LENGTH = 300  # characters of the cookie


@dataclass(frozen=True, slots=True)
class Look:
    """`theme` and `density` are keys of THEMES and DENSITIES. `columns` of None means the default."""

    theme: str = "system"
    density: str = "compact"
    columns: tuple[str, ...] | None = None

    @property
    def color_scheme(self) -> str:
        """The value of the `color-scheme` meta element."""
        return "light dark" if self.theme == "system" else self.theme


def look_of(request: HttpRequest) -> Look:
    """The look that the browser's cookie asks for. Parts that cannot be read have their default."""
    theme, _, rest = request.COOKIES.get(COOKIE, "")[:_MOST_LENGTH].partition(".")
    density, _, columns = rest.partition(".")
    return Look(
        theme if theme in THEMES else "system",
        density if density in DENSITIES else "compact",
        _names(columns.split("-")) if columns else None,
    )


def context(request: HttpRequest) -> dict[str, Any]:
    """Template context: the look of this browser, and the themes for its switch."""
    return {"look": look_of(request), "themes": THEMES, "densities": DENSITIES}


@require_POST
def set_look(request: HttpRequest) -> HttpResponse:
    """Store the parts of the look that the form sends, and lead back to its page.

    `columns` counts only together with `choose=columns`: a form sends no box that is not ticked.
    """
    look, sent = look_of(request), request.POST
    columns = look.columns
    if sent.get("choose") == "columns":
        columns = _names(sent.getlist("columns"))
    parts = (
        sent.get("theme") if sent.get("theme") in THEMES else look.theme,
        sent.get("density") if sent.get("density") in DENSITIES else look.density,
        "" if columns is None else "-".join(columns) or "none",
    )
    response = see_other(_back(sent.get("next", "")))
    response.set_cookie(
        COOKIE,
        ".".join(str(part) for part in parts),
        max_age=_SECONDS,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def _names(values: list[str]) -> tuple[str, ...]:
    names = [value for value in values if value.isascii() and value.isalpha() and len(value) < 16]
    return tuple(dict.fromkeys(names[:_MOST_COLUMNS]))


def _back(path: str) -> str:
    """The path, if it is one of this site; otherwise the first page."""
    safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if safe else "/"
