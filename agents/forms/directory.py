"""Forms of the tag directory, the users and the history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from agents.core.limits import (
    DISPLAY_NAME_LENGTH,
    REASON_LENGTH,
    SEARCH_LENGTH,
    TAG_DESCRIPTION_LENGTH,
)
from agents.core.tag_text import text_problem
from agents.domain.core.unset import UNSET
from agents.domain.directory.rename import COLOURS, PROTECTION
from agents.forms.core import DomainForm, ExactText
from agents.forms.tags import TagInput
from agents.models import Tag
from agents.queries.history.change_sets import HistoryFilter

_EXACT = {"class": "input", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class TagForm(DomainForm):
    """A tag's description, colour and protection."""

    display_name = ExactText(
        required=False,
        label="Name of the user",
        max_length=DISPLAY_NAME_LENGTH,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="Shown beside the tag, for example Ann Example.",
    )
    description = ExactText(
        required=False,
        label="Note",
        max_length=TAG_DESCRIPTION_LENGTH,
        widget=forms.Textarea({"class": "input", "rows": 2}),
    )
    colour = forms.ChoiceField(
        required=False,
        choices=[("", "None"), *((name, name.capitalize()) for name in COLOURS)],
        widget=forms.Select({"class": "input"}),
    )
    protection = forms.ChoiceField(
        label="Protected",
        choices=[
            ("settings", "As the settings say"),
            ("yes", "Yes: only managers change it on agents"),
            ("no", "No"),
        ],
        widget=forms.Select({"class": "input"}),
    )

    user = forms.ChoiceField(
        label="Names a user",
        required=False,
        choices=[("text", "As its text says"), ("yes", "Yes: its agents are a user's")],
        widget=forms.Select({"class": "input"}),
    )

    @staticmethod
    def initial_of(tag: Tag) -> dict[str, str]:
        by_hand = "yes" if tag.protected else "no"
        return {
            "display_name": tag.display_name or "",
            "description": tag.description,
            "colour": tag.colour,
            "protection": by_hand if tag.protected_by_hand else "settings",
            "user": "yes" if tag.user_by_hand else "text",
        }

    def facts(self) -> dict[str, Any]:
        """The arguments of `describe_tag`."""
        protection, user = self.changed("protection"), self.changed("user")
        return {
            "display_name": self.changed("display_name"),
            "description": self.changed("description"),
            "colour": self.changed("colour"),
            "protection": protection if protection is UNSET else PROTECTION[protection],
            "user": user if user is UNSET else user == "yes",
        }


class ReasonForm(DomainForm):
    """An optional reason for a change."""

    reason = ExactText(
        required=False,
        max_length=REASON_LENGTH,
        label="Reason (optional)",
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
    )


class OwnerForm(ReasonForm):
    """The user that an agent moves to."""

    to = ExactText(
        label="User",
        widget=TagInput(users=True),
        help_text="The user's tag, for example user_1. It does not have to exist yet.",
        error_messages={"required": "Enter a user."},
    )

    field_order = ("to", "reason")


class SharedForm(DomainForm):
    """Why an agent is meant to be shared between users."""

    reason = ExactText(
        max_length=REASON_LENGTH,
        widget=forms.TextInput({"class": "input", "autocomplete": "off", "autofocus": True}),
        help_text="Shown in the agent's header and history.",
        error_messages={"required": "Say why this agent is shared."},
    )


class AssignForm(DomainForm):
    """Agents to assign to a user."""

    agents = ExactText(
        label="Agent IDs, one per line",
        widget=forms.Textarea(_EXACT | {"rows": 3}),
        error_messages={"required": "Give the ID of an agent."},
    )

    def ids(self) -> list[str]:
        """The ids without duplicates."""
        return list(dict.fromkeys(self.cleaned_data["agents"].replace(",", " ").split()))


class HistoryForm(forms.Form):
    """The filter of the history, read from the address."""

    by = ExactText(required=False, label="Person or key", widget=TagInput(url="history-people"))
    tag = ExactText(required=False, widget=TagInput(known=True))
    reason = ExactText(required=False, label="Reason contains", widget=forms.TextInput(_EXACT))
    agent = ExactText(required=False, label="Agent ID", widget=forms.TextInput(_EXACT))
    source = forms.ChoiceField(
        required=False,
        label="From",
        choices=[
            ("", "Anywhere"),
            ("page", "A page"),
            ("api", "The API"),
            ("import", "An import"),
            ("command", "A command"),
            ("bulk", "A bulk change"),
        ],
        widget=forms.Select({"class": "input"}),
    )
    since = forms.DateField(
        required=False, label="From day", widget=forms.DateInput({"class": "input", "type": "date"})
    )
    until = forms.DateField(
        required=False, label="To day", widget=forms.DateInput({"class": "input", "type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        for name in ("by", "tag", "reason", "agent"):
            value = self.cleaned_data.get(name, "")
            if bad := text_problem(value):
                self.add_error(name, f"This {bad}.")
            elif len(value) > 2 * SEARCH_LENGTH:
                self.add_error(name, "This is too long.")
        return self.cleaned_data

    def wanted(self) -> HistoryFilter:
        """The filter; invalid parts are left out and reported as errors of the form."""
        data = self.cleaned_data
        since, until = data.get("since"), data.get("until")
        # The last possible day has no day after it.
        day_after = until and (until if until.year > 9998 else until + timedelta(days=1))
        return HistoryFilter(
            person=data.get("by", ""),
            tag=data.get("tag", ""),
            agent=data.get("agent", "").strip(),
            reason=data.get("reason", ""),
            source=data.get("source", ""),
            since=since and datetime(since.year, since.month, since.day, tzinfo=UTC),
            until=day_after
            and datetime(day_after.year, day_after.month, day_after.day, tzinfo=UTC),
        )
