"""The OpenAPI document against the API: whatever is made from it, no answer is 5xx or unforeseen.

`make prove` does the same with many times as many requests.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from ade.wsgi import application
from agents.api.app import api
from tests.access.asking import World, make_world
from tests.api.calls import make_token

# A document from memory: it is the one at /v1/openapi.json.
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(api.get_openapi_schema())),
    # Parameters that are in no schema are ignored, as by Letta, and so are no fault.
    config=SchemathesisConfig.from_dict({"generation": {"allow-extra-parameters": False}}),
)
SCHEMA.app = application
OPERATIONS = {
    operation.ok().label: operation.ok()
    for operation in SCHEMA.get_all_operations()
    if operation.ok()
}
# Rules that no schema can say: a handle has a slash, a tag no control character, a cursor is an
# agent that was, two lists have nothing in common. So 4xx may answer what fits its schema.
SKIPPED = [positive_data_acceptance]
# In a query string everything is text: `true` is a list of one text as well. What is no number or
# no choice is tested route by route.
SKIPPED_OF_QUERIES = [*SKIPPED, negative_data_rejection]
FILE = {"agents": [{"id": "agent-0", "name": "Max", "model": "a/b", "tags": ["x"]}]}


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """The whole application is called, which would close the connection after each request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.parametrize("label", OPERATIONS)
def test_operation(label: str) -> None:
    hold_against_schema(OPERATIONS[label], examples=8)


@pytest.mark.prove
@pytest.mark.django_db
@pytest.mark.parametrize("label", OPERATIONS)
def test_operation_thoroughly(label: str) -> None:
    hold_against_schema(OPERATIONS[label], examples=150)


def hold_against_schema(operation: APIOperation, *, examples: int) -> None:
    world, token = make_world(), make_token(scope="manage")
    headers = {"Authorization": f"Bearer {token}"}
    known = known_case(operation, world)
    skipped = SKIPPED_OF_QUERIES if operation.method == "get" else SKIPPED
    place = transaction.savepoint()
    assert known.call_and_validate(headers=headers, excluded_checks=skipped).status_code == 200
    transaction.savepoint_rollback(place)

    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(operation, known.path_parameters))
    def ask(case: Any) -> None:
        place = transaction.savepoint()
        try:
            case.call_and_validate(headers=headers, excluded_checks=skipped)
        finally:
            transaction.savepoint_rollback(place)

    ask()


def cases(operation: APIOperation, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Requests that fit the schema and that do not, about things that are there and that are not."""
    fitting = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known or None)
    strange = operation.as_strategy(GenerationMode.POSITIVE)
    if not operation.query and not operation.body and not operation.path_parameters:
        return fitting
    return fitting | strange | operation.as_strategy(GenerationMode.NEGATIVE)


def known_case(operation: APIOperation, world: World) -> Any:
    """A request about what is there, with a body that is right."""
    route = re.sub(r"{(\w+)}", r"<\1>", operation.path)
    names = re.findall(r"{(\w+)}", operation.path)
    values = world.at(route) | {"agent_id": world.own.public_id}
    body = world.body(operation.method.upper(), route.replace("<label>", "<path:label>"))
    more: dict[str, Any] = {}
    if body is not None:
        more = {"body": body, "media_type": "application/json"}
    if operation.path.endswith("/import"):
        more = {"body": {"file": json.dumps(FILE)}, "media_type": "multipart/form-data"}
    return operation.Case(path_parameters={name: values[name] for name in names}, **more)
