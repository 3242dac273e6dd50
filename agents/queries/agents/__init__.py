"""Lists of agents: filtered, sorted, one page at a time. The work depends on the page, not the list."""

from agents.queries.agents.counting import Count, capped_count, count
from agents.queries.agents.drivers import Lookups
from agents.queries.agents.paging import Page, agent_id_at, cursor_of, decode, page, position_of
from agents.queries.agents.rows import AgentRow, TagChip, chips, chips_as_added, chips_of, rows
from agents.queries.core.scan import Position

__all__ = [
    "AgentRow",
    "Count",
    "Lookups",
    "Page",
    "Position",
    "TagChip",
    "agent_id_at",
    "capped_count",
    "chips",
    "chips_as_added",
    "chips_of",
    "count",
    "cursor_of",
    "decode",
    "page",
    "position_of",
    "rows",
]
