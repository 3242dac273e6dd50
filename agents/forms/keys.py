"""Forms of API keys."""

from datetime import timedelta
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone

from agents.forms.base import DomainForm, ExactText
from agents.models import Scope


class KeyForm(DomainForm):
    """An API key to be made."""

    name = ExactText(widget=forms.TextInput({"class": "input", "autocomplete": "off"}))
    scope = forms.ChoiceField(
        choices=Scope.choices,
        initial=Scope.WRITE,
        widget=forms.Select({"class": "input"}),
        help_text="Read sees agents and tags. Write also changes them. Manage also takes protected "
        "tags off, and makes short-lived keys for users.",
    )
    limit_tag = ExactText(
        required=False,
        label="Limited to a tag",
        widget=forms.TextInput(
            {
                "class": "input",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "role": "combobox",
                "aria-autocomplete": "list",
                "aria-expanded": "false",
                "aria-controls": "limit-suggest",
                "hx-get": reverse_lazy("tag-suggest"),
                "hx-vals": '{"known": "1"}',
                "hx-trigger": "input changed delay:150ms, suggest",
                "hx-target": "#limit-suggest",
                "hx-swap": "innerHTML",
                "hx-sync": "this:replace",
            }
        ),
        help_text="For such a key only agents with this tag exist, such as user_1. Empty: all do.",
    )
    may_tag = ExactText(
        required=False,
        label="Tags it may write",
        widget=forms.Textarea({"class": "input mono", "rows": 3, "spellcheck": "false"}),
        help_text="Of a limited key: one pattern a line, * for any text. Empty: every tag that "
        "names no user and is not protected.",
    )
    expires_at = forms.ChoiceField(
        label="Ends",
        required=False,
        choices=[
            ("1", "After a day"),
            ("7", "After a week"),
            ("30", "After 30 days"),
            ("90", "After 90 days"),
            ("365", "After a year"),
            ("", "Never"),
        ],
        initial="90",
        widget=forms.Select({"class": "input"}),
    )

    def wanted(self) -> dict[str, Any]:
        """What to make, as `create_key` takes it."""
        data = self.cleaned_data
        days = data["expires_at"]
        return {
            "name": data["name"],
            "scope": Scope(data["scope"]),
            "limit_tag": data["limit_tag"] or None,
            "may_tag": [line for line in data["may_tag"].split("\n") if line],
            "expires_at": timezone.now() + timedelta(days=int(days)) if days else None,
        }


class RotateForm(DomainForm):
    """How long the old key works on."""

    overlap = forms.ChoiceField(
        label="The old key works on for",
        choices=[
            ("0", "no time: it ends at once"),
            ("3600", "an hour"),
            ("86400", "a day"),
            ("604800", "a week"),
            ("2592000", "30 days"),
        ],
        initial="86400",
        widget=forms.Select({"class": "input"}),
    )

    def span(self) -> timedelta:
        """The time in which both keys work."""
        return timedelta(seconds=int(self.cleaned_data["overlap"]))
