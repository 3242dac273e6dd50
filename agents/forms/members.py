"""The form that limits a member."""

from django import forms

from ade.models import User
from agents.core.reach import TAGS_MOST
from agents.domain.members import limit_of
from agents.forms.core import DomainForm, ExactText


class LimitForm(DomainForm):
    """The tags that a member is limited to, one per line."""

    limit = ExactText(
        required=False,
        label="Tags",
        widget=forms.Textarea({"class": "input mono", "rows": 3, "spellcheck": "false"}),
        help_text=f"Up to {TAGS_MOST} tags, one per line, for example team:care. The member can access "
        "only agents with any of them. Leave empty for all agents.",
    )

    @classmethod
    def of(cls, member: User) -> "LimitForm":
        """The form with the member's limit as it is."""
        return cls(initial={"limit": "\n".join(limit_of(member))})

    def names(self) -> list[str]:
        """The tags."""
        return [line for line in self.cleaned_data["limit"].split("\n") if line]
