"""How much work one statement or one page may do. Measured: see docs/performance.md."""

# Candidates looked at by the first, second, ... statement of one page.
BUDGETS = (2_000, 20_000, 60_000)
# The same in an order whose index meets the agents' rows at random places of the disk.
SCATTERED = (2_000, 10_000, 10_000)
# Candidates looked at to count for a page, where the filter leaves no counter to read.
COUNTED = 30_000
# Up to this many rows, an index whose size is not known is counted to compare it with a tag.
ESTIMATE = 1_000
# PostgreSQL's trigram index gives its hits in no order: up to this many are sorted.
SEARCH_HITS = 2_000
# A list ordered by another column than the key: up to this many candidates are sorted.
SORTED = 1_000
# Of a tag-limited actor's agents the newest, whose tags and models are offered to it.
OWN = 2_000
