"""Correct misspelt parameter and field names, or suggest the right name."""

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from pydantic import BaseModel, ValidationInfo, model_validator

from agents.core.errors import Invalid
from agents.core.tag_text import shown

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKETS = re.compile(r"\[\d*\]$")
_CLOSE = 0.75  # similarity by difflib; 1 means equal
_EXCLUDING = ("exclud", "not", "without", "no_")
# Parameters that do not filter a list.
_NO_FILTERS = {
    "limit", "after", "before", "order", "order_by", "include", "include_relationships",
    "match_all_tags", "show_hidden_agents", "show_hidden_blocks",
}  # fmt: skip


def meant(name: str, known: Collection[str]) -> str | None:
    """Return the known name that differs only in case, brackets (`tags[]`) or plural, else None."""
    plain = _plain(name)
    for text in (plain, f"{plain}s", plain.removesuffix("s")):
        if text in known:
            return text
    return None


def close_to(name: str, known: Collection[str]) -> str | None:
    """Return the known name that an unknown name probably means, else None."""
    plain = _plain(name)
    found = difflib.get_close_matches(plain, known, n=1, cutoff=_CLOSE)
    if found:
        return found[0]
    if "tag" not in plain:
        return None
    excluding = any(part in plain for part in _EXCLUDING)
    wanted = "exclude_tags" if excluding else "tags"
    return next((text for text in (wanted, "name") if text in known), None)


def _plain(name: str) -> str:
    """Return a name in snake case without brackets: `exclude_tags` for `excludeTags[]`."""
    return _CAMEL.sub("_", _BRACKETS.sub("", name)).replace("-", "_").casefold()


class FilterQuery(BaseModel):
    """The parameters of a list. A misspelt filter never returns everything.

    A name that clearly means a known parameter is read as that parameter. A name that resembles one is
    refused with a suggestion. Other unknown parameters are ignored next to a filter, as in Letta, and
    refused without a filter.
    """

    # Letta's parameters that ADE ignores.
    letta_only: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def read_misspelt(cls, data: Any, info: ValidationInfo) -> Any:
        """Assign the values of misspelt parameters to the known ones. Raises Invalid."""
        request = (info.context or {}).get("request")
        if not isinstance(request, HttpRequest) or not isinstance(data, dict):
            return data
        if request.method not in ("GET", "HEAD"):
            return data  # the filter of a bulk change forbids unknown names itself
        fields = cls.model_fields
        unknown = [name for name in request.GET if name not in fields]
        unknown = [name for name in unknown if name not in cls.letta_only | _NO_FILTERS]
        read = dict(data)
        for name in list(unknown):
            target = meant(name, fields)
            if target is None:
                continue
            unknown.remove(name)
            values = request.GET.getlist(name)
            if "list" in str(fields[target].annotation):
                read[target] = [*read.get(target, []), *values]
            else:
                read.setdefault(target, values[-1])
        cls._refuse(unknown, read)
        return read

    @classmethod
    def _refuse(cls, unknown: list[str], read: Mapping[str, Any]) -> None:
        filters = [name for name in cls.model_fields if name not in _NO_FILTERS]
        for name in unknown:
            if right := close_to(name, cls.model_fields):
                raise Invalid(
                    f"There is no parameter {shown(name)}. Use `{right}`.", field=place_of(name)
                )
        if unknown and not any(read.get(name) for name in filters):
            known = (
                f" Filters are: {', '.join(filters)}." if filters else " This list has no filters."
            )
            raise Invalid(
                f"There is no parameter {shown(unknown[0])}. Without a filter this would match "
                f"everything.{known}",
                field=place_of(unknown[0]),
            )


def place_of(name: str) -> str | None:
    """Return a name that a client sent as the place of an error, or None if it is unfit for one."""
    return name if name.isprintable() and len(name) <= 64 and "." not in name else None


def _names_tags(name: str) -> bool:
    """True for `tagz`, `tag_names` or `addTags`: to drop tags in silence would lose an agent's owner."""
    words = _plain(name).split("_")
    return any(word in ("tag", "tags") for word in words) or bool(
        difflib.get_close_matches(_plain(name), ("tags",), cutoff=_CLOSE)
    )


def require_known(unknown: Collection[str], known: Collection[str]) -> None:
    """Raise Invalid for an unknown body field that clearly means a known field, or the tags."""
    for name in unknown:
        right = meant(name, known)
        if right is None and "tags" in known and _names_tags(name):
            right = "tags"
        if right:
            raise Invalid(f"There is no field {shown(name)}. Use `{right}`.", field=place_of(name))
