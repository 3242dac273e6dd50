"""Tag rows: found, made where they are missing, and classified by the settings."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from agents.domain.search import TAG_INDEX, index_rows
from agents.models import AgentTag, ChangeSet, Tag
from agents.tagnames import fold, lookalike_key, matches_any, names_user


def names_a_user(name: str) -> bool:
    """True if this tag names a user of the application (USER_TAG_PATTERNS)."""
    return names_user(name, settings.USER_TAG_PATTERNS)


def is_protected(name: str) -> bool:
    """True if this tag is protected by its text (PROTECTED_TAGS)."""
    return matches_any(name, settings.PROTECTED_TAGS)


def new_tag(name: str) -> Tag:
    """A tag row for this legal name, not saved."""
    return Tag(
        name=name,
        name_folded=fold(name),
        lookalike=lookalike_key(name),
        names_user=names_a_user(name),
        protected=is_protected(name),
        created_at=timezone.now(),
    )


def ensure(names: Iterable[str]) -> dict[str, int]:
    """The ids of these tags, made where they are missing.

    New ones are inserted in the order of their names, so that two writers of the same new tags
    wait for each other and do not deadlock.
    """
    wanted = sorted(set(names))
    found = dict(Tag.objects.filter(name__in=wanted).values_list("name", "id"))
    missing = [name for name in wanted if name not in found]
    if not missing:
        return found
    Tag.objects.bulk_create([new_tag(name) for name in missing], ignore_conflicts=True)
    made = list(Tag.objects.filter(name__in=missing).only("id", "name", "name_folded"))
    index_rows(TAG_INDEX, [(tag.id, tag.name_folded) for tag in made])
    return found | {tag.name: tag.id for tag in made}


def count_added(rows: Iterable[AgentTag], change_set: ChangeSet) -> None:
    """Raise the counters of the tags of these new rows, which the caller has locked."""
    by_count: dict[int, list[int]] = defaultdict(list)
    for tag_id, count in Counter(row.tag_id for row in rows).items():
        by_count[count].append(tag_id)
    for count, ids in by_count.items():
        Tag.objects.filter(id__in=ids).update(
            n=F("n") + count,
            last_added_at=change_set.created_at,
            last_added_by=change_set.actor_name,
        )
