"""Forms of agents and their memory blocks."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.http import QueryDict

from agents.core.limits import BLOCK_LIMIT_DEFAULT, NAME_LENGTH, REASON_LENGTH
from agents.core.tag_text import parse_typed, shown, tidy
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.model_handles import split_handle
from agents.domain.agents.new import NewAgent
from agents.domain.core.unset import UNSET
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import BlockEdit
from agents.forms.core import DomainForm, ExactText, texts_of
from agents.forms.tags import TagInput
from agents.models import Agent, AgentSource, Block

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
        help_text="In tokens. Leave empty for the model's default.",
    )
    embedding = ExactText(
        required=False,
        widget=forms.TextInput(_mono),
        help_text="provider/name, such as openai/text-embedding-ada-002. May be empty.",
    )
    system = ExactText(
        required=False,
        label="System prompt",
        widget=forms.Textarea({"class": "input", "rows": 8}),
    )

    @staticmethod
    def initial_of(agent: Agent) -> dict[str, Any]:
        """The values that the form shows for an agent."""
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
        """The edit: only fields that differ from what the page showed."""
        embedding = self.changed("embedding")
        return AgentEdit(
            model=self.changed("model"),
            context_window_limit=self.changed("context_window_limit"),
            embedding=embedding if embedding is UNSET else embedding or None,
            system=self.changed("system"),
        )


def _handle(text: str, what: str) -> str:
    """Check the form provider/name. The domain checks it too, with the message that Letta answers."""
    if not split_handle(text):
        raise forms.ValidationError(f"{what} has the form provider/name.")
    return text


class NewAgentForm(SettingsForm):
    """A new agent, or a copy of one.

    Tags are typed as in the tag editor (`tags`), or ticked among those that the page offers
    (`exact`, as they are).
    """

    name = ExactText(widget=forms.TextInput({"class": "input", "autocomplete": "off"}))
    description = ExactText(required=False, widget=forms.Textarea({"class": "input", "rows": 3}))
    tags = ExactText(
        required=False,
        widget=TagInput(many=True),
        help_text="Separate tags with commas. A tag such as user_1 links the agent to a user.",
    )
    with_blocks = forms.BooleanField(
        required=False, label="Copy its memory blocks, with what they say about its user"
    )
    at_source = forms.ChoiceField(
        required=False,
        label="Runs at",
        widget=forms.Select({"class": "input"}),
        help_text="The server where the agent is created.",
    )

    field_order = (
        "name", "at_source", "tags", "model", "context_window_limit", "embedding", "system", "description",
        "with_blocks",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, known in (("model", "models"), ("embedding", "embeddings")):
            self.fields[name].widget.attrs = {**_mono, "list": known}
        self.fields["name"].widget.attrs["autofocus"] = True
        names = list(AgentSource.objects.order_by("name").values_list("name", flat=True))
        if names:
            choices = [("", "In ADE only"), *((name, name) for name in names)]
            cast(forms.ChoiceField, self.fields["at_source"]).choices = choices
            default = settings.DEFAULT_SOURCE
            self.fields["at_source"].initial = default if default in names else ""
        else:
            del self.fields["at_source"]

    @staticmethod
    def initial_of(agent: Agent) -> dict[str, Any]:
        """The values that the form shows for a copy of this agent."""
        name = f"Copy of {agent.name}"[:NAME_LENGTH]
        about = {
            "name": name,
            "description": agent.description or "",
            "with_blocks": not agent.user_tag_count,
        }
        return SettingsForm.initial_of(agent) | about

    def ticked(self) -> list[str]:
        """The offered tags that are ticked."""
        return texts_of(self.data, "exact") if isinstance(self.data, QueryDict) else []

    def spec(self) -> NewAgent:
        """The agent to create."""
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
        """The values that the form shows for an agent."""
        return {"name": agent.name, "description": agent.description or ""}

    def edit(self) -> AgentEdit:
        """The edit: only fields that differ from what the page showed."""
        return AgentEdit(name=self.changed("name"), description=self.changed("description"))


class DeleteForm(DomainForm):
    """Confirm a deletion by the agent's name, or by its id if the name is hard to type."""

    name = ExactText(
        widget=forms.TextInput(_mono | {"autofocus": True}),
        error_messages={"required": "Type the agent's name to delete it."},
    )
    reason = ExactText(
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="Shown in history. May be empty.",
    )

    def __init__(self, agent: Agent, data: QueryDict | None) -> None:
        super().__init__(data)
        self.agent = agent
        self.fields["name"].label = f"Type its name: {shown(agent.name, NAME_LENGTH)}"
        self.fields["name"].help_text = f"Or its ID, {agent.public_id}."

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        # A text field cannot contain line breaks, and two spaces look like one.
        if tidy(typed) not in (tidy(self.agent.name), self.agent.public_id):
            raise forms.ValidationError("This is not the agent's name. Nothing was deleted.")
        return typed


class BlockForm(DomainForm):
    """A memory block."""

    label = ExactText(widget=forms.TextInput(_mono), help_text="For example human or persona.")
    description = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text="Tells the agent what the block is for.",
    )
    value = ExactText(required=False, widget=forms.Textarea({"class": "input", "rows": 8}))
    limit = forms.IntegerField(
        required=False,
        widget=forms.TextInput(_mono | {"inputmode": "numeric"}),
        help_text=f"In characters. Leave empty for {BLOCK_LIMIT_DEFAULT:,}.",
    )
    read_only = forms.BooleanField(required=False, label="Read-only for the agent")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        first = "value" if self.initial else "label"
        self.fields[first].widget.attrs["autofocus"] = True

    @staticmethod
    def initial_of(block: Block) -> dict[str, Any]:
        """The values that the form shows for a block."""
        names = ("label", "value", "limit", "read_only")
        return {name: getattr(block, name) for name in names} | {
            "description": block.description or ""
        }

    def clean_limit(self) -> int:
        limit = self.cleaned_data["limit"]
        return BLOCK_LIMIT_DEFAULT if limit is None else int(limit)

    def edit(self) -> BlockEdit:
        """The edit: only fields that differ from what the page showed."""
        return BlockEdit(**{name: self.changed(name) for name in self.fields})

    def new(self) -> NewBlock:
        """The block to create."""
        data = self.cleaned_data
        return NewBlock(**data | {"description": data["description"] or None})
