"""The operation ids of the OpenAPI document: generated clients name their functions after them."""

import re

from agents.api.core.app import api

# A verb, then its object. A new verb is added here on purpose.
READABLE = re.compile(
    "(accept|apply|assign|attach|change|check|count|create|delete|detach|disable|edit|export|get|import|list|merge"
    "|move|offboard|pause|ping|plan|put_back|redeliver|rename|reopen|remove|resume|rotate|set|stop|sync|test|undo|update|upsert)(_[a-z]+)+"
)


def test_each_operation_has_a_readable_id_of_its_own() -> None:
    document = api.get_openapi_schema()
    ids = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    assert len(ids) > 60
    assert [name for name in ids if not READABLE.fullmatch(name)] == []
    assert len(set(ids)) == len(ids)


def test_an_operation_id_does_not_depend_on_where_the_code_lies() -> None:
    written_down = [
        operation.operation_id is not None
        for router in (router for _, router in api._routers)
        for view in router.path_operations.values()
        for operation in view.operations
        if operation.include_in_schema
    ]
    assert all(written_down)
    assert len(written_down) > 60
