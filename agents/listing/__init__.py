"""Lists of agents: which, in which order, one page at a time, in proportion to the page."""

from agents.listing.counting import Count, capped_count, count
from agents.listing.paging import Page, decode, page, position_of
from agents.listing.rows import AgentRow, TagChip, chips, chips_as_added, rows
from agents.listing.scan import Position

__all__ = [
    "AgentRow",
    "Count",
    "Page",
    "Position",
    "TagChip",
    "capped_count",
    "chips",
    "chips_as_added",
    "count",
    "decode",
    "page",
    "position_of",
    "rows",
]
