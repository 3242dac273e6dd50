"""Find the name that a search with one wrong letter may have meant."""

from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.core.tag_text import fold
from agents.models import Agent
from agents.queries.agents.address import search_words
from agents.queries.agents.paging import page

# A shorter word with a letter changed is another word.
_SHORTEST = 4
# Agents read for each half of a word.
_READ = 50


def did_you_mean(q: str, *, actor: Actor) -> str | None:
    """Return the search with one word corrected by one letter, as a name of a visible agent has it.

    One wrong letter leaves one half of a word as it is: agents are looked for by each half, within
    the bounds of a list. Returns None if no such name is found.
    """
    for word in search_words(q):
        folded = fold(word)
        if len(folded) < _SHORTEST or word not in q:
            continue
        for meant in _words_near(folded, actor):
            return q.replace(word, meant, 1)
    return None


def _words_near(word: str, actor: Actor) -> list[str]:
    middle = len(word) // 2
    for half in (word[:middle], word[middle:]):
        if len(half) < 2:
            continue
        seqs = page(AgentFilter(q=half, visible=True), actor=actor, size=_READ).seqs
        names = Agent.objects.filter(seq__in=seqs).values_list("name_folded", flat=True)
        near = {part for name in names for part in name.split() if is_near(part, word)}
        if near:
            return sorted(near)
    return []


def is_near(one: str, other: str) -> bool:
    """True if one letter added, left out, changed or swapped with the next makes them equal."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    swapped = a[1:2] + a[:1] + a[2:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or swapped == b
