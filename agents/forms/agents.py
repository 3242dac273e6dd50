"""Forms of agents and their memory blocks."""

from typing import Any

from django import forms

from agents.domain.edits import UNSET, AgentEdit
from agents.domain.handles import split_handle
from agents.forms.base import DomainForm, ExactText
from agents.models import Agent, Block

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
