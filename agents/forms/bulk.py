"""Forms of bulk changes."""

from typing import Any

from django import forms

from agents.core.csv_in import text_of
from agents.core.tag_text import parse_typed
from agents.domain.bulk.plans import BulkChange
from agents.forms.core import DomainForm, ExactText
from agents.forms.tags import TagInput
from agents.models import BulkOp

_MOVES = "The agents get this user's tag and lose all other user tags."
_HELP = "Separate tags with commas. Use “quotes” for a tag that contains a comma."


class ReasonForm(DomainForm):
    """A change with an optional reason."""

    reason = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input"}),
        help_text="Shown in the history of each agent.",
    )


class BulkForm(ReasonForm):
    """Tags to add or remove, or a tag that replaces another."""

    add = ExactText(required=False)
    remove = ExactText(required=False)

    field_order = ("remove", "add", "reason")

    def __init__(self, op: BulkOp, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.op = op
        if op == BulkOp.ADD:
            del self.fields["remove"]
        elif op == BulkOp.REMOVE:
            del self.fields["add"]
        if op == BulkOp.MODEL:
            self._for_model()
            return
        if op == BulkOp.DELETE:
            del self.fields["add"], self.fields["remove"]
            return
        swap = op == BulkOp.REPLACE
        move = op == BulkOp.MOVE
        if move:
            del self.fields["remove"]
        for name in self.fields.keys() & {"add", "remove"}:
            known = name == "remove"
            self.fields[name].widget = TagInput(many=not (swap or move), known=known, users=move)
        labels = {
            "add": "New tag" if swap else "User" if move else "Tags",
            "remove": "Old tag" if swap else "Tags",
        }
        for name in labels.keys() & self.fields.keys():
            self.fields[name].label = labels[name]
            self.fields[name].help_text = "" if swap else _MOVES if move else _HELP
            self.fields[name].widget.attrs["required"] = True
        next(iter(self.fields.values())).widget.attrs["autofocus"] = True

    def _for_model(self) -> None:
        """Ask for the handle of a model only."""
        del self.fields["remove"]
        attrs = {"class": "input mono", "list": "models", "autocomplete": "off", "autofocus": True}
        attrs["required"] = True
        self.fields["add"].widget = forms.TextInput(attrs)
        self.fields["add"].label = "Model"
        self.fields["add"].help_text = "As provider/name. Context window limits stay as they are."

    def change(self) -> BulkChange:
        """The change to make to each agent."""
        if self.op == BulkOp.MODEL:
            model = self.cleaned_data["add"].strip()
            return BulkChange(self.op, [model] if model else [], (), self.cleaned_data["reason"])
        add, remove = (
            parse_typed(self.cleaned_data.get(name, "")).names for name in ("add", "remove")
        )
        return BulkChange(self.op, add, remove, self.cleaned_data["reason"])


class RowsForm(ReasonForm):
    """Rows of an agent and a tag, pasted or in a file."""

    rows = ExactText(
        most=None,
        required=False,
        label="Rows",
        widget=forms.Textarea(
            {"class": "input mono", "rows": 10, "spellcheck": "false", "autofocus": True}
        ),
        help_text="One agent_id,tag on each line, or cells copied from a spreadsheet.",
    )
    file = forms.FileField(
        required=False,
        label="Or a CSV file",
        widget=forms.FileInput({"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    mode = forms.ChoiceField(
        label="What to do with these tags",
        choices=[
            (BulkOp.ROWS, "Add them to the agents"),
            (BulkOp.ROWS_REMOVE, "Remove them from the agents"),
            (BulkOp.ROWS_SET, "Replace all tags of the agents with them"),
        ],
        widget=forms.Select({"class": "input"}),
        required=False,
    )

    field_order = ("rows", "file", "mode", "reason")

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or BulkOp.ROWS

    def text(self) -> tuple[str, str]:
        """The rows, from the file if there is one, and a note on its encoding. Raises Invalid."""
        file = self.cleaned_data.get("file")
        return (str(self.cleaned_data["rows"]), "") if file is None else text_of(file.read())
