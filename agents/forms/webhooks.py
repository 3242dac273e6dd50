"""Forms of webhooks."""

from typing import Any, ClassVar

from django import forms

from agents.core.json_text import loads
from agents.core.tag_text import parse_typed, quote
from agents.domain.webhooks.write import EVENTS
from agents.forms.core import EVERY, SOME, ChoiceForm, ExactText, choice_field
from agents.forms.tags import TagInput
from agents.models import Webhook

_EXACT = {"class": "input", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class WebhookForm(ChoiceForm):
    """A webhook's address, name and filters."""

    choices: ClassVar = {
        "about": ("tags", "Enter at least one tag, or choose all tags."),
        "which": ("events", "Choose at least one event, or all events."),
    }

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
    about = choice_field("Events about which tags?", "All tags", "Only some tags", initial=EVERY)
    tags = ExactText(
        required=False,
        label="Tags",
        widget=TagInput(many=True),
        help_text="Separate tags with commas; * matches any text, for example user_*.",
    )
    which = choice_field("Which events?", "All events", "Only some events", initial=EVERY)
    events = forms.MultipleChoiceField(
        required=False,
        label="Events",
        choices=[(event.value, event.label) for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )

    @staticmethod
    def initial_of(hook: Webhook) -> dict[str, Any]:
        """The values that the form shows for a webhook."""
        tags, events = loads(hook.tags), loads(hook.events)
        return {
            "url": hook.url,
            "name": hook.name,
            "about": SOME if tags else EVERY,
            "tags": ", ".join(map(quote, tags)),
            "which": SOME if events else EVERY,
            "events": events,
        }

    def wanted(self) -> dict[str, Any]:
        """The arguments of `create_webhook`."""
        url, name = self.cleaned_data["url"], self.cleaned_data["name"]
        chosen = {"tags": self.chosen("about"), "events": self.chosen("which")}
        return {"url": url, "name": name, **_parsed(chosen)}

    def edit(self) -> dict[str, Any]:
        """The arguments of `edit_webhook`."""
        chosen = {"tags": self.chosen_now("about"), "events": self.chosen_now("which")}
        return {name: self.changed(name) for name in ("url", "name")} | _parsed(chosen)


def _parsed(chosen: dict[str, Any]) -> dict[str, Any]:
    typed = chosen["tags"]
    return chosen | {"tags": parse_typed(typed).names if isinstance(typed, str) else typed}
