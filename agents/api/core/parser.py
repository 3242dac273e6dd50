"""Parse JSON bodies and query strings strictly."""

from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from agents.core.errors import Invalid, LimitExceeded, UnsupportedType
from agents.core.json_text import size_problem
from agents.core.limits import QUERY_LENGTH, TEXT_LENGTH
from agents.core.tag_text import shown, text_problem

# For JSON, Letta reports a missing file (422), not a wrong content type.
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded", "application/json")
_NAME = 64  # characters; longer than all parameter names


class StrictParser(Parser):
    """Reads bodies with msgspec. Refuses NaN, lone surrogates and very deep nesting."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the value of a JSON body. Raises Invalid, UnsupportedType."""
        if request.body and not _is_json(request):
            raise UnsupportedType("Send the body as JSON, with Content-Type: application/json.")
        if problem := size_problem(request.body):
            raise LimitExceeded(f"The body {problem}.")
        try:
            return msgspec.json.decode(request.body)
        except RecursionError as error:
            raise LimitExceeded("The body is nested too deep.") from error
        # ValueError: a number with thousands of digits, or bytes that are not UTF-8.
        except (msgspec.MsgspecError, ValueError) as error:
            raise Invalid(f"The body is not valid JSON: {error}") from error

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """Return the parameters. Repeated parameters become lists where the type is a list.

        Raises Invalid; UnsupportedType for a form with another content type.
        """
        is_sent = data is not request.GET and request.META.get("CONTENT_LENGTH") not in (
            None,
            "",
            "0",
        )
        if is_sent and request.content_type not in _FORMS:
            raise UnsupportedType(
                "Send the file as a form, with Content-Type: multipart/form-data."
            )
        most = QUERY_LENGTH if data is request.GET else TEXT_LENGTH
        for name, values in data.lists():
            for value in values:
                if isinstance(value, str) and (bad := _problem(value, most)):
                    field = name if name.isprintable() and len(name) <= _NAME else None
                    raise Invalid(f"{shown(name)} {bad}.", field=field)
        return super().parse_querydict(data, list_fields, request)


def _is_json(request: HttpRequest) -> bool:
    """Return True for JSON in UTF-8, and for a body without a content type."""
    kind = request.content_type or ""
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    named = kind in ("", "application/json") or kind.endswith("+json")
    return named and charset in ("utf-8", "utf8", "us-ascii")


def _problem(text: str, most: int) -> str | None:
    """Return why a value is invalid, as the end of a sentence, or None."""
    if len(text) > most:
        return f"is {len(text):,} characters; the limit is {most:,}"
    return text_problem(text)
