"""Forms of agents and their memory blocks."""

from typing import Any

from django import forms
from django.http import QueryDict

from agents.domain.blocks import BlockEdit
from agents.domain.edits import UNSET, AgentEdit
from agents.domain.handles import split_handle
from agents.domain.newagents import NewAgent, NewBlock
from agents.forms.base import DomainForm, ExactText, texts_of
from agents.limits import BLOCK_LIMIT_DEFAULT, NAME_LENGTH, REASON_LENGTH
from agents.models import Agent, Block
from agents.tagnames import parse_typed, shown, tidy

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


class NewAgentForm(SettingsForm):
    """An agent to be made, or made after another one.

    Tags are typed as in the tag editor (`tags`), or ticked among those that the page offers
    (`exact`, as they are).
    """

    name = ExactText(widget=forms.TextInput({"class": "input", "autocomplete": "off"}))
    description = ExactText(required=False, widget=forms.Textarea({"class": "input", "rows": 3}))
    tags = ExactText(
        required=False,
        widget=forms.TextInput(_mono),
        help_text="Parted by commas. A tag such as user_1 ties the agent to a user.",
    )
    with_blocks = forms.BooleanField(required=False, label="Copy its memory blocks too")

    field_order = (
        "name", "tags", "model", "context_window_limit", "embedding", "system", "description",
        "with_blocks",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, known in (("model", "models"), ("embedding", "embeddings")):
            self.fields[name].widget.attrs = {**_mono, "list": known}
        self.fields["name"].widget.attrs["autofocus"] = True

    @staticmethod
    def initial_of(agent: Agent) -> dict[str, Any]:
        """What the form shows for an agent made after this one."""
        name = f"Copy of {agent.name}"[:NAME_LENGTH]
        about = {"name": name, "description": agent.description or "", "with_blocks": True}
        return SettingsForm.initial_of(agent) | about

    def ticked(self) -> list[str]:
        """The offered tags that are to come along."""
        return texts_of(self.data, "exact") if isinstance(self.data, QueryDict) else []

    def spec(self) -> NewAgent:
        """The agent to make."""
        data = self.cleaned_data
        return NewAgent(
            name=data["name"],
            model=data["model"],
            embedding=data["embedding"] or None,
            context_window_limit=data["context_window_limit"],
            system=data["system"],
            description=data["description"] or None,
            tags=[*self.ticked(), *parse_typed(data["tags"]).names],
            public_id=self.data.get("public_id") or None,
        )


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


class DeleteForm(DomainForm):
    """Proof that someone means this agent: its name, or its id where the name is hard to type."""

    name = ExactText(
        widget=forms.TextInput(_mono | {"autofocus": True}),
        error_messages={"required": "Type the agent's name to delete it."},
    )
    reason = ExactText(
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="Kept in history. May be empty.",
    )

    def __init__(self, agent: Agent, data: QueryDict | None) -> None:
        super().__init__(data)
        self.agent = agent
        self.fields["name"].label = f"Type its name: {shown(agent.name, NAME_LENGTH)}"
        self.fields["name"].help_text = f"Or its ID, {agent.public_id}."

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        # A field of text holds no line breaks, and nobody sees two spaces from one.
        if tidy(typed) not in (tidy(self.agent.name), self.agent.public_id):
            raise forms.ValidationError("That is not this agent's name. Nothing was deleted.")
        return typed


class BlockForm(DomainForm):
    """A memory block."""

    label = ExactText(widget=forms.TextInput(_mono), help_text="Such as human or persona.")
    description = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="Tells the agent what the block is for.",
    )
    value = ExactText(required=False, widget=forms.Textarea({"class": "input", "rows": 8}))
    limit = forms.IntegerField(
        required=False,
        widget=forms.TextInput(_mono | {"inputmode": "numeric"}),
        help_text=f"Characters. Empty: {BLOCK_LIMIT_DEFAULT:,}.",
    )
    read_only = forms.BooleanField(required=False, label="The agent may not write it")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        first = "value" if self.initial else "label"
        self.fields[first].widget.attrs["autofocus"] = True

    @staticmethod
    def initial_of(block: Block) -> dict[str, Any]:
        """What the form shows of a block."""
        names = ("label", "value", "limit", "read_only")
        return {name: getattr(block, name) for name in names} | {
            "description": block.description or ""
        }

    def clean_limit(self) -> int:
        limit = self.cleaned_data["limit"]
        return BLOCK_LIMIT_DEFAULT if limit is None else int(limit)

    def edit(self) -> BlockEdit:
        """The edit to make: only what is not as the page showed it."""
        return BlockEdit(**{name: self.changed(name) for name in self.fields})

    def new(self) -> NewBlock:
        """The block to make."""
        data = self.cleaned_data
        return NewBlock(**data | {"description": data["description"] or None})
