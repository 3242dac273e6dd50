"""/v1/docs: the OpenAPI document as pages, one for each group. They need no script, network or key."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI

Json = dict[str, Any]
_QUERY = 100  # characters of a search


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
        """The HTML id of the operation."""
        return "".join(c if c.isalnum() else "-" for c in f"{self.method}{self.path}").strip("-")


@dataclass(frozen=True, slots=True)
class Shape:
    """An object in a request or response."""

    name: str
    about: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag of the document, and the objects that they take and return."""

    name: str
    operations: list[Operation]
    shapes: list[Shape]

    @property
    def slug(self) -> str:
        """The last part of the page's address."""
        return self.name.replace(" ", "-").lower()

    @property
    def title(self) -> str:
        return self.name[:1].upper() + self.name[1:]


def add_docs(api: NinjaAPI) -> None:
    """Serve the pages at /docs of the API. Call it after adding all documented routes."""

    document = api.get_openapi_schema

    @cache
    def groups() -> dict[str, Group]:
        return {group.slug: group for group in _groups(document())}

    @api.get("/docs", auth=None, include_in_schema=False, url_name="docs")
    def docs(request: HttpRequest, q: str = "") -> HttpResponse:
        """Return the list of all operations, or of those that contain all words of `q`."""
        words = q[:_QUERY].lower().split()
        found = [
            (group, [operation for operation in group.operations if _has(operation, words)])
            for group in groups().values()
        ]
        context = _context(
            document(), groups(), found=[row for row in found if row[1]], q=q[:_QUERY]
        )
        return render(request, "api/docs.html", context)

    @api.get("/docs/{group}", auth=None, include_in_schema=False, url_name="docs-group")
    def docs_of_group(request: HttpRequest, group: str) -> HttpResponse:
        """Return the operations and objects of one group."""
        if group not in groups():
            raise Http404("There is no such group of operations.")
        context = _context(document(), groups(), group=groups()[group])
        return render(request, "api/group.html", context)


def _context(document: Json, groups: dict[str, Group], **more: object) -> Json:
    return {"info": document["info"], "groups": list(groups.values()), **more}


def _has(operation: Operation, words: list[str]) -> bool:
    names = " ".join(field.name for field in operation.parameters)
    text = f"{operation.method} {operation.path} {operation.about} {names}".lower()
    return all(word in text for word in words)


def _groups(document: Json) -> Iterable[Group]:
    schemas = document["components"]["schemas"]
    shapes = {shape.name: shape for shape in _shapes(schemas)}
    used: dict[str, set[str]] = {}
    for methods in document["paths"].values():
        for found in methods.values():
            used.setdefault(found["tags"][0], set()).update(_refs(found, schemas))
    for name, operations in _sections(document).items():
        yield Group(name, operations, [shapes[shape] for shape in sorted(used[name])])


def _refs(value: object, schemas: Json) -> set[str]:
    """Return the names of all objects that a part of the document refers to, however deep."""
    found: set[str] = set()
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            name = str(one.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                left.append(schemas.get(name, {}))
            left += one.values()
        elif isinstance(one, list):
            left += one
    return found & schemas.keys()


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
                parameter["name"],
                type_of(parameter["schema"]),
                parameter.get("required", False),
                parameter.get("description", parameter["schema"].get("description", "")),
            )
            for parameter in found.get("parameters", [])
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
    """Return a short description of a schema's type."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(kind) for kind in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"array of {type_of(schema.get('items', {}))}"
    return str(schema.get("title" if "properties" in schema else "type", "anything"))
