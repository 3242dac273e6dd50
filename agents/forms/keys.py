"""Forms of API keys."""

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from agents.core.tag_text import parse_typed
from agents.forms.core import SOME, ChoiceForm, DomainForm, ExactText, choice_field
from agents.forms.tags import TagInput
from agents.models import Scope


class KeyForm(ChoiceForm):
    """A new API key."""

    choices: ClassVar = {"reach": ("limit_tag", "Enter a tag, or choose all agents.")}

    name = ExactText(widget=forms.TextInput({"class": "input", "autocomplete": "off"}))
    scope = forms.ChoiceField(
        choices=Scope.choices,
        initial=Scope.WRITE,
        widget=forms.Select({"class": "input"}),
        help_text="Read: view agents and tags. Write: also change them. Manage: also change protected "
        "tags, make bulk changes, manage webhooks and create short-lived keys.",
    )
    reach = choice_field(
        "Which agents can it access?", "All agents", "Only agents with a tag", initial=SOME
    )
    limit_tag = ExactText(
        required=False,
        label="Limited to a tag",
        widget=TagInput(known=True),
        help_text="For example user_1.",
    )
    names_user = forms.BooleanField(
        required=False,
        label="This tag names a user",
        help_text="For a tag that ADE does not recognise as a user tag, such as my_uuid. ADE then "
        "lists and counts its agents under that user.",
    )
    may_tag = ExactText(
        required=False,
        label="Tags it can write",
        widget=TagInput(many=True),
        help_text="For a limited key: tags and patterns, separated by commas; * matches any text. Leave empty for none.",
    )
    any_label = forms.BooleanField(
        required=False,
        label="Allow any label",
        help_text="For a limited key: every tag except user tags and tags that the settings "
        "protect. Careful: if another key is limited to a tag such as “beta”, this key can add "
        "agents to that key's reach or remove them from it.",
    )
    preset = forms.ChoiceField(
        required=False,
        label="Preset",
        choices=[("", "None"), ("letta-code", "Letta Code key")],
        widget=forms.Select({"class": "input"}),
        help_text="A Letta Code key may also write the tags with which Letta Code creates and pins "
        "agents: git-memory-enabled, origin:*, view:*, favorite:*.",
    )
    narrow = forms.BooleanField(
        required=False,
        label="Only some rights on agents",
        help_text="Otherwise the scope decides: read gives both reads, write and manage give all.",
    )
    rights = forms.MultipleChoiceField(
        required=False,
        label="Rights",
        choices=[
            ("read_agent", "Read agents and their memory"),
            ("write_agent", "Change agents and their memory"),
            ("read_messages", "Read messages"),
            ("write_messages", "Send messages"),
        ],
        widget=forms.CheckboxSelectMultiple,
        help_text="With “Only some rights” ticked and none of these, the key can only ask what other "
        "keys may do.",
    )
    expires_at = forms.ChoiceField(
        label="Expires",
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

    def clean(self) -> dict[str, Any]:
        """Refuse rights that would not count."""
        data = super().clean()
        if data.get("rights") and not data.get("narrow"):
            self.add_error("narrow", "Tick this too, or untick the rights below.")
        return data

    def wanted(self) -> dict[str, Any]:
        """The arguments of `create_key`."""
        data = self.cleaned_data
        days = data["expires_at"]
        return {
            "name": data["name"],
            "scope": Scope(data["scope"]),
            "limit_tag": self.chosen("reach"),
            "may_tag": parse_typed(data["may_tag"]).names,
            "any_label": data["any_label"],
            "names_user": data["names_user"],
            "preset": data["preset"],
            "rights": data["rights"] if data["narrow"] else None,
            "expires_at": timezone.now() + timedelta(days=int(days)) if days else None,
        }


class RotateForm(DomainForm):
    """How long the old key keeps working."""

    overlap = forms.ChoiceField(
        label="The old key keeps working for",
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
        """How long both keys work."""
        return timedelta(seconds=int(self.cleaned_data["overlap"]))
