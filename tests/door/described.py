"""The names in the description of a Letta server, as `letta-0.16.8.json` has them.

curl -s http://127.0.0.1:8283/openapi.json | python -m tests.door.described > letta-x.json
"""

import json
import sys
from collections.abc import Iterator
from typing import Any


def described(document: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return the parameters of the query, and the fields of the body at every depth, of each route."""
    schemas = document["components"]["schemas"]
    found: dict[str, dict[str, list[str]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            given = operation.get("parameters", [])
            body: set[str] = set()
            for content in operation.get("requestBody", {}).get("content", {}).values():
                body |= set(_names(content.get("schema", {}), schemas, frozenset()))
            found[f"{method.upper()} {path}"] = {
                "query": sorted(one["name"] for one in given if one["in"] == "query"),
                "body": sorted(body),
            }
    return dict(sorted(found.items()))


def _names(schema: dict[str, Any], schemas: Any, seen: frozenset[str]) -> Iterator[str]:
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name not in seen:
            yield from _names(schemas[name], schemas, seen | {name})
        return
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, []):
            yield from _names(part, schemas, seen)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from _names(schema[word], schemas, seen)
    for name, part in schema.get("properties", {}).items():
        yield name
        yield from _names(part, schemas, seen)


if __name__ == "__main__":
    print(
        json.dumps(described(json.load(sys.stdin)), separators=(",", ":")).replace('},"', '},\n"')
    )
