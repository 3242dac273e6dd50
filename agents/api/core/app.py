"""The API object: routes, parser, authentication and error handlers."""

from ade.version import VERSION
from agents.api import crossings, history, keys, members, sources, transfer, users, webhooks
from agents.api import tags as agent_tags
from agents.api.access import routes as access_report
from agents.api.agents import routes, shared
from agents.api.bulk import routes as bulk
from agents.api.core import health
from agents.api.core.auth import KeyAuth
from agents.api.core.description import DescribedApi
from agents.api.core.docs import add_docs
from agents.api.core.errors import add_handlers
from agents.api.core.parser import StrictParser
from agents.api.directory import changes, names
from agents.api.door import access, tokens
from agents.api.identities import agent as agent_identities
from agents.api.identities import routes as identities
from agents.api.letta import letta_code, models, not_kept
from agents.api.memory import agent
from agents.api.memory import routes as blocks

api = DescribedApi(
    title="ADE",
    version=VERSION,
    description="Agents, their tags and their memory blocks, for Letta's clients.",
    urls_namespace="v1",
    auth=KeyAuth(),
    parser=StrictParser(),
    docs_url=None,
)
add_handlers(api)
api.add_router("/health", health.router)
# Most requests are for agents, and patterns are tried in this order. `transfer` has fixed names in the
# place of an agent's id, so it comes first.
api.add_router("/agents", transfer.router)
api.add_router("/agents", routes.router)
api.add_router("/agents", agent_tags.router)
api.add_router("/agents", shared.router)
api.add_router("/agents", agent.router)
api.add_router("/agents", agent_identities.router)
api.add_router("/tags", names.router)
api.add_router("/tags", changes.router)
api.add_router("/users", users.router)
api.add_router("/history", history.router)
api.add_router("/crossings", crossings.router)
api.add_router("/bulk", bulk.router)
api.add_router("/keys", keys.router)
api.add_router("/access", access.router)
api.add_router("/access", access_report.router)
api.add_router("/client-side-access-tokens", tokens.router)
api.add_router("/members", members.router)
api.add_router("/webhooks", webhooks.router)
api.add_router("/sources", sources.router)
api.add_router("/blocks", blocks.router)
api.add_router("/identities", identities.router)
api.add_router("/models", models.router)
add_docs(api)
api.add_router("", letta_code.router)
# Last, because its patterns match many paths.
api.add_router("", not_kept.router)
