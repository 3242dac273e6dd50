"""Who could access which agents, and when: spans of keys and limited members."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agents.models.fields import ExactTextField


class AccessSpan(models.Model):
    """From `since` to before `until` (None: still), a key or a member could access some agents.

    `subject` is an actor's id, such as `key:0123456789ab` or `person:7`, and `rights` its scope or role. The
    agents are those with `tag`, the one with the public id `agent_id`, or all if both are None. A span
    ends no later than `expires_at`. A change of any of these ends the spans of the subject and begins
    others; a tag has the name that it had then.

    `only` are the rights on agents that it is narrowed to, separated by commas; None: not narrowed. A
    client-side access token (`token:ct…`) has the rights "token" and one span for each of its agents. It can do no
    more than the key `from_key` that made it, and ends with it.

    The row without a subject says since when all spans are recorded. Rows of the subject
    "setting:PROTECTED_TAGS" have the patterns of that setting as `name`, and no agent.
    """

    subject = ExactTextField()
    name = ExactTextField()
    rights = models.CharField(max_length=16)
    tag = ExactTextField(null=True)
    agent_id = ExactTextField(null=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    only = models.CharField(max_length=100, null=True)
    from_key = models.CharField(max_length=64, null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject", "since"], name="access_by_subject"),
            models.Index(
                fields=["tag", "since"], name="access_by_tag", condition=Q(tag__isnull=False)
            ),
            models.Index(
                fields=["agent_id", "since"],
                name="access_by_agent",
                condition=Q(agent_id__isnull=False),
            ),
            models.Index(
                fields=["since"],
                name="access_to_all",
                condition=Q(tag__isnull=True, agent_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} from {self.since:%Y-%m-%d %H:%M:%S}"
