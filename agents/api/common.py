"""What all requests have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents.errors import Invalid
from agents.limits import PAGE_DEFAULT, PAGE_MOST

UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

Json = dict[str, Any]


class Body(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Limited(BaseModel):
    """How much of a list."""

    limit: int = Field(PAGE_DEFAULT, ge=0, le=PAGE_MOST, description="0 means the most, 1,000.")

    @property
    def size(self) -> int:
        return self.limit or PAGE_MOST


class Span(Limited):
    """Which part of a list."""

    after: str | None = Field(None, description="Go on after this one.")
    before: str | None = Field(None, description="The ones next before this one.")


@contextmanager
def named_here(**fields: str) -> Iterator[None]:
    """Where the domain calls a field otherwise than the request did, say it as the request did."""
    try:
        yield
    except Invalid as error:
        if error.field not in fields:
            raise
        raise Invalid(error.message, field=fields[error.field]) from error
