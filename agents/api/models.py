"""/v1/models/: the handles in use. ADE runs no models, so it lists those that its agents name."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import ModelsQuery
from agents.api.schemas import READ, EmbeddingState, ModelState, answers
from agents.domain.handles import embedding_config, llm_config
from agents.lagging import may_lag
from agents.limits import PAGE_MOST
from agents.listing.models import embeddings_in_use, models_in_use

router = Router(tags=["models"])


@router.get("/", response=answers(list[ModelState], READ))
@may_lag(actor_of)
def list_models(request: HttpRequest, query: Query[ModelsQuery]) -> Answer:
    """The models that agents name, sorted by their handles."""
    handles = models_in_use(actor=actor_of(request), most=PAGE_MOST)
    models = [_model(handle) for handle in handles]
    return json_answer([one for one in models if _is_wanted(one, query)])


@router.get("/embedding", response=answers(list[EmbeddingState], READ))
@may_lag(actor_of)
def list_embeddings(request: HttpRequest) -> Answer:
    """The embeddings that agents name, sorted by their handles."""
    handles = embeddings_in_use(actor=actor_of(request), most=PAGE_MOST)
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
    """All models here are of the base category: nobody brings keys of their own."""
    wanted = {"provider_name": query.provider_name, "provider_type": query.provider_type}
    is_named = all(value in (None, model[name]) for name, value in wanted.items())
    return is_named and (not query.provider_category or "base" in query.provider_category)
