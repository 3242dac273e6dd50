"""Forms of sources."""

from typing import Any, ClassVar

from django import forms

from agents.domain.core.unset import UNSET
from agents.domain.sources.leaving import AgentsOf, Side
from agents.forms.core import EVERY, SOME, ChoiceForm, DomainForm, ExactText, choice_field
from agents.forms.tags import TagInput
from agents.models import AgentSource, SourceKind

_EXACT = {"class": "input", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _token_field(**options: Any) -> ExactText:
    # Never rendered with a value: a token is written and never shown.
    widget = forms.PasswordInput({**_EXACT, "class": "input mono", "autocomplete": "new-password"})
    return ExactText(label="Token", widget=widget, **options)


class SourceSettingsForm(ChoiceForm):
    """What can be changed about a source, but for its token."""

    choices: ClassVar = {"take": ("only_tag", "Enter a tag, or choose all agents.")}

    name = ExactText(
        widget=forms.TextInput(_EXACT),
        help_text="How ADE calls the server, for example letta-prod.",
    )
    url = ExactText(
        label="Address",
        widget=forms.TextInput({**_EXACT, "inputmode": "url", "class": "input mono"}),
        help_text="An App Server: ws://127.0.0.1:4500/ws. A Letta server: https://letta.example.org.",
    )
    kind = forms.ChoiceField(
        required=False,
        choices=[("", "By the address"), *SourceKind.choices],
        widget=forms.Select({"class": "input"}),
    )
    take = choice_field(
        "Which agents does ADE take in?", "All agents", "Only agents with a tag", initial=EVERY
    )
    only_tag = ExactText(
        required=False,
        label="Only agents with this tag",
        widget=TagInput(),
        help_text="A tag that they have at the server, for example prod.",
    )
    owners_given_here = forms.BooleanField(
        required=False,
        label="User tags and protected tags are given in ADE only",
        help_text="If one is changed at the server, ADE puts it back, and asks if that goes on.",
    )

    @staticmethod
    def initial_of(source: AgentSource) -> dict[str, Any]:
        """The values that the form shows for a source."""
        return {
            "name": source.name,
            "url": source.url,
            "kind": source.kind,
            "take": EVERY if source.only_tag is None else SOME,
            "only_tag": source.only_tag or "",
            "owners_given_here": source.owners_given_here,
        }

    def edit(self) -> dict[str, Any]:
        """The arguments of `edit_source`."""
        names = ("name", "url", "kind", "owners_given_here")
        values = {name: self.changed(name) for name in names}
        given = {name: value for name, value in values.items() if value not in (UNSET, "")}
        tag = self.chosen_now("take")
        return given if tag is UNSET else given | {"only_tag": tag}


class SourceForm(SourceSettingsForm):
    """A server to connect, with its token."""

    token = _token_field(
        required=False,
        help_text="Stored encrypted and never shown again. Leave empty if the server wants none.",
    )
    field_order = ("url", "name", "token", "kind", "take", "only_tag", "owners_given_here")

    def wanted(self) -> dict[str, Any]:
        """The arguments of `add_source`."""
        data = self.cleaned_data
        optional = {name: data[name] or None for name in ("kind", "token")}
        names = ("name", "url", "owners_given_here")
        given = {name: data[name] for name in names}
        return given | optional | {"only_tag": self.chosen("take")}

    def trial(self) -> dict[str, Any]:
        """The arguments of `try_address`."""
        return {name: self.cleaned_data[name] or None for name in ("url", "kind", "token")}


class TrialForm(SourceForm):
    """A server to test: it needs no name yet."""

    name = ExactText(required=False)


class TokenForm(DomainForm):
    """Another token for a source."""

    token = _token_field(required=False, help_text="Replaces the stored one.")
    none = forms.BooleanField(required=False, label="The server wants no token: remove it")

    def clean(self) -> dict[str, Any]:
        if bool(self.cleaned_data.get("token")) == bool(self.cleaned_data.get("none")):
            self.add_error("token", "Enter a token, or tick that the server wants none.")
        return self.cleaned_data


class ResumeForm(DomainForm):
    """How to resume a source."""

    waiting = forms.ChoiceField(
        required=False,
        label="For what waited before the restore",
        choices=[(Side.HERE, "ADE's tags count"), (Side.THERE, "the server's tags count")],
        widget=forms.RadioSelect,
    )
    same_server = forms.BooleanField(
        required=False, label="It is the same server: apply what changed there, however much it is"
    )


class RemovalForm(DomainForm):
    """What becomes of the agents of a source that is disconnected."""

    agents = forms.ChoiceField(
        label="Its agents",
        choices=[
            (AgentsOf.KEEP, "stay in ADE as copies, which do not run"),
            (AgentsOf.DELETE, "are deleted in ADE"),
        ],
        widget=forms.RadioSelect,
    )
