"""Forms of webhooks."""

from typing import Any

from django import forms

from agents.core.json_text import loads
from agents.core.tag_text import parse_typed, quote
from agents.domain.core.unset import UNSET
from agents.domain.webhooks.write import EVENTS
from agents.forms.core import DomainForm, ExactText
from agents.forms.tags import TagInput
from agents.models import Webhook

_EXACT = {"class": "input", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class WebhookForm(DomainForm):
    """A webhook's address, name and filters."""

    url = ExactText(
        label="Address",
        widget=forms.TextInput({**_EXACT, "inputmode": "url", "class": "input mono"}),
        help_text="ADE sends signed POSTs to it, for example https://app.example.org/hook.",
    )
    name = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="Shown on this page. Leave empty to show the address.",
    )
    tags = ExactText(
        required=False,
        label="Only about these tags",
        widget=TagInput(many=True),
        help_text="Separate tags with commas; * matches any text, for example user_*. Leave empty for all tags.",
    )
    events = forms.MultipleChoiceField(
        required=False,
        label="Only these events",
        choices=[(event.value, event.label) for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )

    @staticmethod
    def initial_of(hook: Webhook) -> dict[str, Any]:
        """The values that the form shows for a webhook."""
        return {
            "url": hook.url,
            "name": hook.name,
            "tags": ", ".join(map(quote, loads(hook.tags))),
            "events": loads(hook.events),
        }

    def wanted(self) -> dict[str, Any]:
        """The arguments of `create_webhook`."""
        return {**self.cleaned_data, "tags": parse_typed(self.cleaned_data["tags"]).names}

    def edit(self) -> dict[str, Any]:
        """The arguments of `edit_webhook`."""
        values = {name: self.changed(name) for name in self.fields}
        if values["tags"] is not UNSET:
            values["tags"] = parse_typed(values["tags"]).names
        return values
