"""What comes in: one strict reading of JSON bodies and of query strings."""

from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from agents.errors import Invalid
from agents.tagnames import text_problem


class StrictParser(Parser):
    """Reads bodies with msgspec: no NaN, no half surrogate, no bomb of brackets gets through."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The value of a JSON body. Raises Invalid."""
        try:
            return msgspec.json.decode(request.body)
        except RecursionError as error:
            raise Invalid("The body is nested too deep.") from error
        # A number of thousands of digits is a ValueError, as bytes that are no UTF-8 are.
        except (msgspec.MsgspecError, ValueError) as error:
            raise Invalid(f"The body is not valid JSON: {error}") from error

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """The parameters; a repeated one is a list where a list is wanted. Raises Invalid."""
        for name, values in data.lists():
            for value in values:
                bad = text_problem(value) if isinstance(value, str) else None
                if bad:
                    raise Invalid(f"{name} {bad}.", field=name if name.isprintable() else None)
        return super().parse_querydict(data, list_fields, request)
