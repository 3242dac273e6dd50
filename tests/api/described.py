"""The API as its OpenAPI document has it: its operations, and requests made from them."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation

from agents.api.core.app import api
from tests.access.asking import QUERIES, World

FILE = {"agents": [{"id": "agent-0", "name": "Max", "model": "a/b", "tags": ["x"]}]}


# Not the one that is served, which lends connections: the test's own is the one to use.
APPLICATION = get_wsgi_application()


def _from_here(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """ADE, asked by a program on its own machine."""
    return APPLICATION({"REMOTE_ADDR": "127.0.0.1"} | environ, start)


# A document from memory: it is the one at /v1/openapi.json.
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(api.get_openapi_schema())),
    # Parameters that are in no schema are ignored, as by Letta, and so are no fault.
    config=SchemathesisConfig.from_dict({"generation": {"allow-extra-parameters": False}}),
)
SCHEMA.app = _from_here
OPERATIONS: dict[str, APIOperation] = {
    operation.ok().label: operation.ok()
    for operation in SCHEMA.get_all_operations()
    if operation.ok()
}


def route_of(operation: APIOperation) -> str:
    """The route as the tables of who may do what have it."""
    route = re.sub(r"{(\w+)}", r"<\1>", operation.path)
    return route.replace("<label>", "<path:label>")


def cases(operation: APIOperation, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Requests that fit the schema and that do not, about things that are there and that are not."""
    fitting = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known or None)
    strange = operation.as_strategy(GenerationMode.POSITIVE)
    if not operation.query and not operation.body and not operation.path_parameters:
        return fitting
    return fitting | strange | operation.as_strategy(GenerationMode.NEGATIVE)


def known_case(operation: APIOperation, world: World, **others: Any) -> Any:
    """A request about what is there, or about `others`, with a query and a body that are right."""
    route = re.sub(r"{(\w+)}", r"<\1>", operation.path)
    names = re.findall(r"{(\w+)}", operation.path)
    values = world.at(route) | {"agent_id": world.own.public_id} | others
    body = world.body(operation.method.upper(), route_of(operation))
    more: dict[str, Any] = {}
    if route in QUERIES:
        more["query"] = dict(parse_qsl(QUERIES[route].removeprefix("?")))
    if body is not None:
        more |= {"body": body, "media_type": "application/json"}
    if operation.path.endswith("/import"):
        more |= {"body": {"file": json.dumps(FILE)}, "media_type": "multipart/form-data"}
    return operation.Case(path_parameters={name: values[name] for name in names}, **more)
