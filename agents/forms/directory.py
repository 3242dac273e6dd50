"""Forms of the tag directory, the users and the history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from agents.domain.directory import COLOURS, PROTECTION
from agents.domain.edits import UNSET
from agents.forms.base import DomainForm, ExactText
from agents.limits import REASON_LENGTH, SEARCH_LENGTH, TAG_DESCRIPTION_LENGTH
from agents.listing.history import HistoryFilter
from agents.models import Tag
from agents.tagnames import text_problem

_EXACT = {"class": "input", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class TagForm(DomainForm):
    """What is said of a tag."""

    description = ExactText(
        required=False,
        max_length=TAG_DESCRIPTION_LENGTH,
        widget=forms.Textarea({"class": "input", "rows": 2}),
    )
    colour = forms.ChoiceField(
        required=False,
        choices=[("", "None"), *((one, one.capitalize()) for one in COLOURS)],
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

    @staticmethod
    def initial_of(tag: Tag) -> dict[str, str]:
        by_hand = "yes" if tag.protected else "no"
        return {
            "description": tag.description,
            "colour": tag.colour,
            "protection": by_hand if tag.protected_by_hand else "settings",
        }

    def facts(self) -> dict[str, Any]:
        """What to set, as `describe_tag` takes it."""
        protection = self.changed("protection")
        return {
            "description": self.changed("description"),
            "colour": self.changed("colour"),
            "protection": protection if protection is UNSET else PROTECTION[protection],
        }


class ReasonForm(DomainForm):
    """Why something is done."""

    reason = ExactText(
        required=False,
        max_length=REASON_LENGTH,
        label="Reason (optional)",
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
    )


class AssignForm(DomainForm):
    """Agents to give to a user."""

    agents = ExactText(
        label="IDs of agents, one a line",
        widget=forms.Textarea(_EXACT | {"rows": 3}),
        error_messages={"required": "Give the ID of an agent."},
    )

    def ids(self) -> list[str]:
        """The ids given, each once."""
        return list(dict.fromkeys(self.cleaned_data["agents"].replace(",", " ").split()))


class HistoryForm(forms.Form):
    """The filter of the history, as its address holds it."""

    by = ExactText(required=False, label="Person or key", widget=forms.TextInput(_EXACT))
    tag = ExactText(required=False, widget=forms.TextInput(_EXACT))
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
        for name in ("by", "tag", "agent"):
            value = self.cleaned_data.get(name, "")
            if bad := text_problem(value):
                self.add_error(name, f"This {bad}.")
            elif len(value) > 2 * SEARCH_LENGTH:
                self.add_error(name, "This is too long.")
        return self.cleaned_data

    def wanted(self) -> HistoryFilter:
        """What is asked for; a part that cannot be understood is left out, and said."""
        data = self.cleaned_data
        since, until = data.get("since"), data.get("until")
        # The last days there are have no day after them.
        day_after = until and (until if until.year > 9998 else until + timedelta(days=1))
        return HistoryFilter(
            person=data.get("by", ""),
            tag=data.get("tag", ""),
            agent=data.get("agent", "").strip(),
            source=data.get("source", ""),
            since=since and datetime(since.year, since.month, since.day, tzinfo=UTC),
            until=day_after
            and datetime(day_after.year, day_after.month, day_after.day, tzinfo=UTC),
        )
