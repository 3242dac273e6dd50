"""The form that limits a member."""

from typing import ClassVar

from ade.models import User
from agents.core.reach import TAGS_MOST
from agents.core.tag_text import parse_typed, quote
from agents.domain.members import limit_of
from agents.forms.core import EVERY, SOME, ChoiceForm, ExactText, choice_field
from agents.forms.tags import TagInput


class LimitForm(ChoiceForm):
    """The tags that a member is limited to, or all agents."""

    choices: ClassVar = {"reach": ("limit", "Enter at least one tag, or choose all agents.")}
    reach = choice_field(
        "Which agents can the member access?", "All agents", "Only agents with a tag"
    )
    limit = ExactText(
        required=False,
        label="Limited to tags",
        widget=TagInput(many=True, known=True),
        help_text=f"Up to {TAGS_MOST} tags, separated by commas, for example team:care. The member can access "
        "agents with any of them.",
    )

    @staticmethod
    def initial_of(member: User) -> dict[str, str]:
        """The values that the form shows for a member."""
        tags = ", ".join(map(quote, limit_of(member)))
        return {"reach": EVERY if member.stored_reach is None else SOME, "limit": tags}

    def names(self) -> list[str] | None:
        """The tags; None for all agents."""
        typed = self.chosen("reach")
        return None if typed is None else parse_typed(typed).names
