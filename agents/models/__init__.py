"""The rows of ADE: fields, constraints and addresses; what happens to them is in agents.domain."""

from agents.models.access import ApiKey, Scope
from agents.models.agents import Agent, AgentBlock, AgentDetail, Block, Tombstone
from agents.models.bulk import BulkBatch, BulkOp, BulkPlan, BulkState
from agents.models.history import Act, Change, ChangeSet, Op
from agents.models.identities import AgentIdentity, Identity
from agents.models.imports import ImportedAgent, ImportedBlock, ImportSource
from agents.models.tags import AgentTag, Tag
from agents.models.views import SavedView
from agents.models.webhooks import Delivery, DeliveryState, Event, LogHead, Webhook

__all__ = [
    "Act",
    "Agent",
    "AgentBlock",
    "AgentDetail",
    "AgentIdentity",
    "AgentTag",
    "ApiKey",
    "Block",
    "BulkBatch",
    "BulkOp",
    "BulkPlan",
    "BulkState",
    "Change",
    "ChangeSet",
    "Delivery",
    "DeliveryState",
    "Event",
    "Identity",
    "ImportSource",
    "ImportedAgent",
    "ImportedBlock",
    "LogHead",
    "Op",
    "SavedView",
    "Scope",
    "Tag",
    "Tombstone",
    "Webhook",
]
