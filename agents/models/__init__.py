"""The database models: fields, constraints and addresses. agents.domain writes them."""

from agents.models.access import AccessSpan
from agents.models.activity import AgentUse, KeyRefusal, TagUse, UserChange
from agents.models.agents import Agent, AgentBlock, AgentDetail, Block, Tombstone
from agents.models.bulk import FILE_OPS, BulkBatch, BulkOp, BulkPlan, BulkState, Owners
from agents.models.crossings import BlockMove, Crossing, CrossingHead, CrossingKind
from agents.models.history import HAPPENED_AT, Act, Change, ChangeSet, Op
from agents.models.identities import AgentIdentity, Identity
from agents.models.keys import AccessToken, ApiKey, Scope
from agents.models.offboarding import Offboarding, OffboardingItem, Seen
from agents.models.requests import IdempotentRequest
from agents.models.saved_views import SavedView, TagWatch
from agents.models.sources import (
    AgentSource,
    InboxItem,
    InboxKind,
    SourcedAgent,
    SourcedBlock,
    SourceKind,
    SourceMarking,
)
from agents.models.tags import AgentTag, Tag
from agents.models.tallies import DayTally, TallyHead
from agents.models.transfer import ImportedAgent, ImportedBlock, ImportSource
from agents.models.trash import TrashedAgent, TrashedFile, TrashedTag
from agents.models.webhooks import ALERTS, Delivery, DeliveryState, Event, LogHead, Webhook

__all__ = [
    "ALERTS",
    "FILE_OPS",
    "HAPPENED_AT",
    "AccessSpan",
    "AccessToken",
    "Act",
    "Agent",
    "AgentBlock",
    "AgentDetail",
    "AgentIdentity",
    "AgentSource",
    "AgentTag",
    "AgentUse",
    "ApiKey",
    "Block",
    "BlockMove",
    "BulkBatch",
    "BulkOp",
    "BulkPlan",
    "BulkState",
    "Change",
    "ChangeSet",
    "Crossing",
    "CrossingHead",
    "CrossingKind",
    "DayTally",
    "Delivery",
    "DeliveryState",
    "Event",
    "IdempotentRequest",
    "Identity",
    "ImportSource",
    "ImportedAgent",
    "ImportedBlock",
    "InboxItem",
    "InboxKind",
    "KeyRefusal",
    "LogHead",
    "Offboarding",
    "OffboardingItem",
    "Op",
    "Owners",
    "SavedView",
    "Scope",
    "Seen",
    "SourceKind",
    "SourceMarking",
    "SourcedAgent",
    "SourcedBlock",
    "Tag",
    "TagUse",
    "TagWatch",
    "TallyHead",
    "Tombstone",
    "TrashedAgent",
    "TrashedFile",
    "TrashedTag",
    "UserChange",
    "Webhook",
]
