"""/v1/models/: the model handles in use and in the settings. ADE runs no models."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents.bodies import ModelsQuery
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.schemas import READ, EmbeddingState, ModelState, answers
from agents.core.limits import PAGE_MOST
from agents.domain.agents.model_handles import embedding_config, llm_config
from agents.queries.agents.model_names import embeddings_in_use, models_in_use
from agents.queries.core.replica_reads import may_lag

router = Router(tags=["models"])


@router.get("/", operation_id="list_models", response=answers(list[ModelState], READ))
@may_lag(actor_of)
def list_models(request: HttpRequest, query: Query[ModelsQuery]) -> Answer:
    """List the models that agents use or MODEL_HANDLES lists, sorted by handle."""
    in_use = models_in_use(actor=actor_of(request), most=PAGE_MOST)
    handles = sorted({*in_use, *settings.MODEL_HANDLES})
    models = [_model(handle) for handle in handles]
    return json_answer([model for model in models if _is_wanted(model, query)])


@router.get(
    "/embedding", operation_id="list_embedding_models", response=answers(list[EmbeddingState], READ)
)
@may_lag(actor_of)
def list_embeddings(request: HttpRequest) -> Answer:
    """List the embeddings that agents use or EMBEDDING_HANDLES lists, sorted by handle."""
    in_use = embeddings_in_use(actor=actor_of(request), most=PAGE_MOST)
    handles = sorted({*in_use, *settings.EMBEDDING_HANDLES})
    return json_answer([_embedding(handle) for handle in handles])


def _model(handle: str) -> dict[str, Any]:
    config = llm_config(handle, None, {})
    return {
        **_named(handle, "llm"),
        "model_settings": None,
        "frequency_penalty": None,
        "compatibility_type": None,
        "effort": None,
        "verbosity": None,
        "tier": None,
        "parallel_tool_calls": False,
        "response_format": None,
        "strict": False,
        "return_logprobs": False,
        "top_logprobs": None,
        "return_token_ids": False,
        "tool_call_parser": None,
        **config,
        "max_context_window": config["context_window"],
    }


def _embedding(handle: str) -> dict[str, Any]:
    config = embedding_config(handle, {}) or {}
    azure = {"azure_endpoint": None, "azure_version": None, "azure_deployment": None}
    return {**_named(handle, "embedding"), **azure, **config}


def _named(handle: str, kind: str) -> dict[str, Any]:
    provider, _, name = handle.partition("/")
    return {
        "handle": handle,
        "name": name,
        "display_name": name,
        "provider_type": provider,
        "provider_name": provider,
        "model_type": kind,
    }


def _is_wanted(model: dict[str, Any], query: ModelsQuery) -> bool:
    """Return True if the model matches the query. All models have the category "base"."""
    wanted = {"provider_name": query.provider_name, "provider_type": query.provider_type}
    is_named = all(value in (None, model[name]) for name, value in wanted.items())
    return is_named and (not query.provider_category or "base" in query.provider_category)
