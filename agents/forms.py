"""What a browser sends, parsed and checked; what the domain refuses is put beside its field."""

import hashlib
from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse_lazy
from django.utils import timezone

from agents.domain.edits import UNSET, AgentEdit
from agents.domain.handles import split_handle
from agents.errors import DomainError
from agents.models import Agent, Block, Scope
from agents.tagnames import Typed, parse_typed


def text_of(data: QueryDict, name: str) -> str | None:
    """One text exactly as the page held it: browsers send each line break as two characters."""
    value = data.get(name)
    return None if value is None else value.replace("\r\n", "\n")


def typed_tags(data: QueryDict) -> Typed:
    """The tags of the add field: `exact` as it is (a chosen suggestion), `tag` as typed."""
    exact = text_of(data, "exact")
    if exact is not None:
        return Typed([exact], tidied=False)
    return parse_typed(text_of(data, "tag") or "")


class ExactText(forms.CharField):
    """Text that is kept as it is: nothing is trimmed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class DomainForm(forms.Form):
    """A form whose fields are named as the domain names them, over values that others edit too.

    The page carries a fingerprint of each value it showed. A field left as it was shown is not
    written; one that someone else changed meanwhile is not overwritten without a word.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        self.stale = False

    @property
    def fingerprint(self) -> str:
        """Of the values as they are now, for the page to carry."""
        return ",".join(_digest(self.initial.get(name)) for name in self.fields)

    def clean(self) -> dict[str, Any]:
        for name, value in list(self.cleaned_data.items()):
            now = self.initial.get(name)
            if self._shown(name) in (_digest(now), _digest(value)) or _same(now, value):
                continue
            self.stale = True
            self.add_error(name, "Someone changed this meanwhile. Save again to overwrite it.")
        return self.cleaned_data

    def changed(self, name: str) -> Any:
        """The field's value, or UNSET where it is what the page showed."""
        value = self.cleaned_data[name]
        return UNSET if self._shown(name) == _digest(value) else value

    def refuse(self, error: DomainError) -> None:
        """Show what the domain refused beside its field, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, error.message)

    def _shown(self, name: str) -> str:
        shown = dict(zip(self.fields, str(self.data.get("shown", "")).split(","), strict=False))
        return shown.get(name) or _digest(self.initial.get(name))


def _digest(value: object) -> str:
    text = "" if value is None else str(value).replace("\r\n", "\n")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _same(one: object, other: object) -> bool:
    return _digest(one) == _digest(other)


_mono: dict[str, str] = {"class": "input mono", "autocomplete": "off", "spellcheck": "false"}


class SettingsForm(DomainForm):
    """An agent's model, context window limit, embedding and system prompt."""

    model = ExactText(
        widget=forms.TextInput(_mono | {"autofocus": True}),
        help_text="provider/name, such as anthropic/claude-3-5-sonnet-20241022",
    )
    context_window_limit = forms.IntegerField(
        required=False,
        widget=forms.TextInput(_mono | {"inputmode": "numeric"}),
        label="Context window limit",
        help_text="Tokens. Empty: the model's own.",
    )
    embedding = ExactText(
        required=False,
        widget=forms.TextInput(_mono),
        help_text="provider/name, such as openai/text-embedding-ada-002. Empty: none.",
    )
    system = ExactText(
        required=False,
        label="System prompt",
        widget=forms.Textarea({"class": "input", "rows": 8}),
    )

    @staticmethod
    def initial_of(agent: Agent) -> dict[str, Any]:
        """What the form shows of an agent."""
        return {
            "model": agent.model,
            "context_window_limit": agent.context_window_limit,
            "embedding": agent.embedding or "",
            "system": agent.detail.system,
        }

    def clean_model(self) -> str:
        return _handle(self.cleaned_data["model"], "A model")

    def clean_embedding(self) -> str:
        text: str = self.cleaned_data["embedding"]
        return _handle(text, "An embedding") if text else ""

    def edit(self) -> AgentEdit:
        """The edit to make: only what is not as the page showed it."""
        embedding = self.changed("embedding")
        return AgentEdit(
            model=self.changed("model"),
            context_window_limit=self.changed("context_window_limit"),
            embedding=embedding if embedding is UNSET else embedding or None,
            system=self.changed("system"),
        )


def _handle(text: str, what: str) -> str:
    """The domain refuses it too, in the words that Letta's clients know."""
    if not split_handle(text):
        raise forms.ValidationError(f"{what} is named provider/name.")
    return text


class AboutForm(DomainForm):
    """An agent's name and description."""

    name = ExactText(widget=forms.TextInput({"class": "input", "autofocus": True}))
    description = ExactText(required=False, widget=forms.Textarea({"class": "input", "rows": 4}))

    @staticmethod
    def initial_of(agent: Agent) -> dict[str, Any]:
        """What the form shows of an agent."""
        return {"name": agent.name, "description": agent.description or ""}

    def edit(self) -> AgentEdit:
        """The edit to make: only what is not as the page showed it."""
        return AgentEdit(name=self.changed("name"), description=self.changed("description"))


class BlockForm(DomainForm):
    """The value of one memory block."""

    value = ExactText(
        required=False, widget=forms.Textarea({"class": "input", "rows": 8, "autofocus": True})
    )

    @staticmethod
    def initial_of(block: Block) -> dict[str, Any]:
        """What the form shows of a block."""
        return {"value": block.value}


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
