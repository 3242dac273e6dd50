"""Handles of models and embeddings: `provider/name`. ADE runs no models and accepts any handle.

Letta clients send a handle or a config. Each is derived from the other.
"""

from typing import Any

from agents.core.errors import BadRequest, Invalid, LimitExceeded
from agents.core.limits import HANDLE_LENGTH
from agents.core.tag_text import text_problem

DEFAULT_CONTEXT_WINDOW = 128_000  # tokens
# Tokens of an answer, as Letta sets them for most models of these providers.
_OUTPUT_TOKENS = {"openai": 16_384, "anthropic": 16_384}
_DIMENSIONS = {
    "text-embedding-ada-002": 1536,
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
}


def split_handle(handle: str) -> tuple[str, str] | None:
    """Return provider and name, or None if this is not a handle. The name can contain slashes."""
    provider, slash, name = handle.partition("/")
    return (provider, name) if slash and provider and name else None


def require_model(handle: object) -> str:
    """Return the handle if it is legal. Raises BadRequest: Letta answers 400 here."""
    if not isinstance(handle, str) or not split_handle(handle):
        raise BadRequest(
            "INVALID_ARGUMENT: The model handle should be in the format provider/model-name",
            field="model",
        )
    return _checked(handle, "model")


def require_embedding(handle: object) -> str | None:
    """Return the handle if it is legal or None. Raises Invalid: Letta answers 422 here."""
    if handle is None:
        return None
    if not isinstance(handle, str) or not split_handle(handle):
        raise Invalid(
            "Value error, The embedding handle should be in the format provider/model-name",
            field="embedding",
        )
    return _checked(handle, "embedding")


def _checked(handle: str, field: str) -> str:
    if len(handle) > HANDLE_LENGTH:
        raise LimitExceeded(
            f"The {field} handle is {len(handle):,} characters; the limit is {HANDLE_LENGTH}.",
            field=field,
        )
    bad = text_problem(handle)
    if bad:
        raise Invalid(f"The {field} handle {bad}.", field=field)
    return handle


def handle_of(config: dict[str, Any], *, name_key: str, kind_key: str) -> str | None:
    """Return the handle of a Letta config, or build it from its provider and name."""
    if isinstance(config.get("handle"), str) and split_handle(config["handle"]):
        return str(config["handle"])
    name = config.get(name_key)
    if not isinstance(name, str) or not name:
        return None
    provider = config.get("provider_name") or config.get(kind_key)
    return f"{provider}/{name}" if isinstance(provider, str) and provider else None


def model_handle(config: dict[str, Any]) -> str | None:
    """Return the handle in an llm_config, if any."""
    return handle_of(config, name_key="model", kind_key="model_endpoint_type")


def embedding_handle(config: dict[str, Any]) -> str | None:
    """Return the handle in an embedding_config, if any."""
    return handle_of(config, name_key="embedding_model", kind_key="embedding_endpoint_type")


def own_window(config: dict[str, Any]) -> Any:
    """Return the context window of an llm_config, or None if it is missing or the default."""
    window = config.get("context_window")
    return None if window == DEFAULT_CONTEXT_WINDOW else window


def llm_config(handle: str, context_window: int | None, base: dict[str, Any]) -> dict[str, Any]:
    """Return a Letta llm_config for the handle, with the other values of `base`."""
    provider, _, name = handle.partition("/")
    if model_handle(base) not in (None, handle):
        base = {}  # it is for another model
    return {
        "model_endpoint_type": provider,
        "model_endpoint": None,
        "provider_name": provider,
        "provider_category": "base",
        "model_wrapper": None,
        "put_inner_thoughts_in_kwargs": False,
        "temperature": 1.0,
        "max_tokens": None if base else _OUTPUT_TOKENS.get(provider),
        "enable_reasoner": False,
        "reasoning_effort": None,
        "max_reasoning_tokens": 0,
        **base,
        "model": base.get("model") or name,
        "context_window": context_window or base.get("context_window") or DEFAULT_CONTEXT_WINDOW,
        "handle": handle,
    }


def embedding_config(handle: str | None, base: dict[str, Any]) -> dict[str, Any] | None:
    """Return a Letta embedding_config for the handle, or None without a handle."""
    if handle is None:
        return None
    provider, _, name = handle.partition("/")
    if embedding_handle(base) not in (None, handle):
        base = {}  # it is for another embedding
    return {
        "embedding_endpoint_type": provider,
        "embedding_endpoint": None,
        "embedding_dim": _DIMENSIONS.get(name, 1536),
        "embedding_chunk_size": 300,
        "batch_size": 32,
        **base,
        "embedding_model": base.get("embedding_model") or name,
        "handle": handle,
    }
