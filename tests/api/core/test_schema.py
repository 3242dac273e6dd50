"""The OpenAPI document against the API: whatever is made from it, no answer is 5xx or unforeseen.

`make prove` does the same with many times as many requests.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.access.asking import make_world
from tests.api.calls import make_token
from tests.api.described import OPERATIONS, cases, known_case

# Rules that no schema can say: a handle has a slash, a tag no control character, a cursor is an
# agent that was, two lists have nothing in common. So 4xx may answer what fits its schema.
SKIPPED = [positive_data_acceptance]
# In a query string everything is text: `true` is a list of one text as well. What is no number or
# no choice is tested route by route.
# These ask a server that is not there.
ASKS_A_SERVER = {
    "POST /v1/sources/", "POST /v1/sources/test", "POST /v1/sources/{source_id}/test",
}  # fmt: skip
SKIPPED_OF_QUERIES = [*SKIPPED, negative_data_rejection]


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
    # The test transport does not unpack answers.
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    known = known_case(operation, world)
    skipped = SKIPPED_OF_QUERIES if operation.method == "get" else SKIPPED
    place = transaction.savepoint()
    answered = known.call_and_validate(headers=headers, excluded_checks=skipped)
    assert answered.status_code == (422 if operation.label in ASKS_A_SERVER else 200)
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
