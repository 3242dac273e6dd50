"""Base classes of request bodies and queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import core_schema

from agents.api.core.field_names import require_known
from agents.core.errors import Invalid
from agents.core.limits import PAGE_DEFAULT, PAGE_MOST

UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# An agent's id; that of an App Server's agent has `local-`.
AGENT_ID = f"agent-(local-)?{UUID4}"

Json = dict[str, Any]


def _stop_at_first(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "list":
            schema["fail_fast"] = True
        for part in schema.values():
            _stop_at_first(part)
    elif isinstance(schema, list):
        for part in schema:
            _stop_at_first(part)


class Body(BaseModel):
    """A JSON object. Only the first wrong item of each list is reported, not up to 250,000."""

    model_config = ConfigDict(strict=True, extra="ignore")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = handler(source)
        _stop_at_first(schema)
        return schema


class OpenBody(Body):
    """A body that accepts unknown fields. The response names them (agents.api.core.not_kept)."""

    model_config = ConfigDict(strict=True, extra="allow")
    # Declared fields whose values are not stored.
    not_stored: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def refuse_misspelt(self) -> Self:
        """Refuse `tag` for `tags`. Raises Invalid."""
        given = [name for name, value in (self.model_extra or {}).items() if value is not None]
        require_known(given, type(self).model_fields)
        return self


class Limited(BaseModel):
    """The size of a page."""

    limit: int = Field(
        PAGE_DEFAULT, ge=0, le=PAGE_MOST, description="Items per page. 0 means 1,000, the maximum."
    )

    @property
    def size(self) -> int:
        return self.limit or PAGE_MOST


class Span(Limited):
    """Which page of a list."""

    after: str | None = Field(None, description="Start after this item: an ID, or a tag's name.")
    before: str | None = Field(
        None, description="Return the items just before this one: an ID, or a tag's name."
    )


@contextmanager
def named_here(**fields: str) -> Iterator[None]:
    """Report the domain's Invalid errors under the request's field names."""
    try:
        yield
    except Invalid as error:
        if error.field not in fields:
            raise
        raise type(error)(error.message, field=fields[error.field]) from error
