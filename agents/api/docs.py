"""/v1/docs: the OpenAPI document for reading, made on the server. No script, no network, no key."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of an object."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    about: str
    parameters: list[Field]
    takes: str
    answers: str
    refusals: list[str]

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return "".join(c if c.isalnum() else "-" for c in f"{self.method}{self.path}").strip("-")


@dataclass(frozen=True, slots=True)
class Shape:
    """An object that is sent or answered."""

    name: str
    about: str
    fields: list[Field]


def add_docs(api: NinjaAPI) -> None:
    """Serve the page at /docs of the API. Call it last: it shows what is there."""

    @cache  # the document never changes while the server runs
    def context() -> Json:
        document: Json = api.get_openapi_schema()
        return {
            "info": document["info"],
            "sections": _sections(document),
            "shapes": _shapes(document["components"]["schemas"]),
        }

    @api.get("/docs", auth=None, include_in_schema=False)
    def docs(request: HttpRequest) -> HttpResponse:
        """The description of the API as a page."""
        return render(request, "api/docs.html", context())


def _sections(document: Json) -> dict[str, list[Operation]]:
    sections: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            operation = _operation(method.upper(), path, found)
            sections.setdefault(found["tags"][0], []).append(operation)
    return dict(sorted(sections.items()))


def _operation(method: str, path: str, found: Json) -> Operation:
    body = next(iter(found.get("requestBody", {}).get("content", {}).items()), None)
    answers = {str(code): answer for code, answer in found["responses"].items()}
    content = answers["200"].get("content", {}).get("application/json", {})
    return Operation(
        method=method,
        path=path,
        about=found.get("description", ""),
        parameters=[
            Field(
                one["name"],
                type_of(one["schema"]),
                one.get("required", False),
                one.get("description", one["schema"].get("description", "")),
            )
            for one in found.get("parameters", [])
        ],
        takes=f"{type_of(body[1]['schema'])} as {body[0]}" if body else "",
        answers=type_of(content["schema"]) if content else "null",
        refusals=[code for code in answers if code >= "400"],
    )


def _shapes(schemas: Json) -> list[Shape]:
    return [
        Shape(name, schema.get("description", ""), list(_fields(schema)))
        for name, schema in sorted(schemas.items())
    ]


def _fields(schema: Json) -> Iterable[Field]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        yield Field(name, type_of(field), name in required, field.get("description", ""))


def type_of(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"array of {type_of(schema.get('items', {}))}"
    return str(schema.get("title" if "properties" in schema else "type", "anything"))
