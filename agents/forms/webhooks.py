"""Forms of webhooks."""

from typing import Any

from django import forms

from agents.domain.edits import UNSET
from agents.domain.webhooks import EVENTS
from agents.forms.base import DomainForm, ExactText
from agents.jsontext import loads
from agents.models import Webhook

_EXACT = {"class": "input", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class WebhookForm(DomainForm):
    """Where to, and what of."""

    url = ExactText(
        label="Address",
        widget=forms.TextInput({**_EXACT, "inputmode": "url", "class": "input mono"}),
        help_text="Where signed POSTs go, such as https://app.example.org/hook.",
    )
    name = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="What this page calls it. Empty: its address.",
    )
    tags = ExactText(
        required=False,
        label="Only about these tags",
        widget=forms.Textarea({**_EXACT, "class": "input mono", "rows": 3}),
        help_text="One a line, * for any text, such as user_*. Empty: about all.",
    )
    events = forms.MultipleChoiceField(
        required=False,
        label="Only these events",
        choices=[(event.value, event.label) for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )

    @staticmethod
    def initial_of(hook: Webhook) -> dict[str, Any]:
        """What the form shows of a webhook."""
        return {
            "url": hook.url,
            "name": hook.name,
            "tags": "\n".join(loads(hook.tags)),
            "events": loads(hook.events),
        }

    def wanted(self) -> dict[str, Any]:
        """What to make, as `create_webhook` takes it."""
        return {**self.cleaned_data, "tags": _lines(self.cleaned_data["tags"])}

    def edit(self) -> dict[str, Any]:
        """What to change, as `edit_webhook` takes it."""
        values = {name: self.changed(name) for name in self.fields}
        if values["tags"] is not UNSET:
            values["tags"] = _lines(values["tags"])
        return values


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]
