"""How much work one statement or one page may do. Measured: see docs/explain/performance.md."""

# Candidates read by the first, second, ... statement of one page.
BUDGETS = (2_000, 20_000, 60_000)
# For the API, in any order: a page is full if its agents are among the first 200,000 candidates.
# docs/api/limits.md names the sum.
FULL = (2_000, 20_000, 60_000, 118_000)
# For a page of the console in an order whose index reads the agents' rows from random disk pages.
SCATTERED = (2_000, 10_000, 10_000)
# Candidates read to count for a page, if no counter has the number: before the rows are shown, and
# then after them.
GLANCED = 1_000
COUNTED = 30_000
# An index of unknown size is counted up to this many rows, to compare it with a tag.
ESTIMATE = 1_000
# PostgreSQL's trigram index returns hits in no order: up to this many are sorted.
SEARCH_HITS = 2_000
# For a list ordered by another column than the key, up to this many candidates are sorted.
SORTED = 1_000
# A limited actor is offered the tags and models of this many of its newest agents.
OWN = 2_000
# Used tags, in the order of their look-alike keys, that the tag directory looks through for a hint.
ALIKE = 5_000
