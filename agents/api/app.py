"""The API as one object: its routes, how it reads, who may call it, how it says what went wrong."""

from ade.version import VERSION
from agents.api import (
    agent_blocks,
    agent_identities,
    agent_tags,
    agents,
    blocks,
    bulk,
    directory,
    files,
    health,
    history,
    identities,
    keys,
    models,
    tags,
    unkept,
    users,
    webhooks,
)
from agents.api.auth import KeyAuth
from agents.api.description import DescribedApi
from agents.api.docs import add_docs
from agents.api.errors import add_handlers
from agents.api.parser import StrictParser

api = DescribedApi(
    title="ADE",
    version=VERSION,
    description="Agents, their tags and their memory blocks, as Letta's clients know them.",
    urls_namespace="v1",
    auth=KeyAuth(),
    parser=StrictParser(),
    docs_url=None,
)
add_handlers(api)
api.add_router("/health", health.router)
api.add_router("/tags", tags.router)
api.add_router("/tags", directory.router)
api.add_router("/users", users.router)
api.add_router("/history", history.router)
api.add_router("/bulk", bulk.router)
api.add_router("/keys", keys.router)
api.add_router("/webhooks", webhooks.router)
api.add_router("/blocks", blocks.router)
api.add_router("/identities", identities.router)
api.add_router("/models", models.router)
api.add_router("/agents", files.router)
api.add_router("/agents", agents.router)
api.add_router("/agents", agent_tags.router)
api.add_router("/agents", agent_blocks.router)
api.add_router("/agents", agent_identities.router)
add_docs(api)
# Last, because its names stand for whole families of paths.
api.add_router("", unkept.router)
