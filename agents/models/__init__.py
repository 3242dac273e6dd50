"""The rows of ADE: fields, constraints and addresses; what happens to them is in agents.domain."""

from agents.models.access import ApiKey, Scope
from agents.models.agents import Agent, AgentBlock, AgentDetail, Block, Tombstone
from agents.models.history import Act, Change, ChangeSet, Op
from agents.models.identities import AgentIdentity, Identity
from agents.models.imports import ImportedAgent, ImportedBlock, ImportSource
from agents.models.tags import AgentTag, Tag

__all__ = [
    "Act",
    "Agent",
    "AgentBlock",
    "AgentDetail",
    "AgentIdentity",
    "AgentTag",
    "ApiKey",
    "Block",
    "Change",
    "ChangeSet",
    "Identity",
    "ImportSource",
    "ImportedAgent",
    "ImportedBlock",
    "Op",
    "Scope",
    "Tag",
    "Tombstone",
]
