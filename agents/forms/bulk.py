"""Forms of bulk changes."""

from typing import Any

from django import forms

from agents.domain.bulk import BulkChange
from agents.forms.base import DomainForm, ExactText
from agents.models import BulkOp
from agents.tagnames import parse_typed

_TAGS: dict[str, str] = {
    "class": "input mono",
    "autocomplete": "off",
    "autocapitalize": "none",
    "spellcheck": "false",
}
_HELP = "Several are parted by commas; “quotes” keep a comma in one."


class ReasonForm(DomainForm):
    """A change that may say why it is made."""

    reason = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input"}),
        help_text="Kept in the history of each agent.",
    )


class BulkForm(ReasonForm):
    """Tags to put on, to take off, or one to put in another's place."""

    add = ExactText(required=False, widget=forms.TextInput(_TAGS))
    remove = ExactText(required=False, widget=forms.TextInput(_TAGS))

    field_order = ("remove", "add", "reason")

    def __init__(self, op: BulkOp, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.op = op
        if op == BulkOp.ADD:
            del self.fields["remove"]
        elif op == BulkOp.REMOVE:
            del self.fields["add"]
        swap = op == BulkOp.REPLACE
        labels = {"add": "New tag" if swap else "Tags", "remove": "Old tag" if swap else "Tags"}
        for name in labels.keys() & self.fields.keys():
            self.fields[name].label = labels[name]
            self.fields[name].help_text = "" if swap else _HELP
        next(iter(self.fields.values())).widget.attrs["autofocus"] = True

    def change(self) -> BulkChange:
        """What to do to each agent."""
        add, remove = (
            parse_typed(self.cleaned_data.get(name, "")).names for name in ("add", "remove")
        )
        return BulkChange(self.op, add, remove, self.cleaned_data["reason"])


class RowsForm(ReasonForm):
    """Rows of agent and tag, pasted or in a file."""

    rows = ExactText(
        required=False,
        label="Rows",
        widget=forms.Textarea(
            {"class": "input mono", "rows": 10, "spellcheck": "false", "autofocus": True}
        ),
        help_text='One agent_id,tag a line; cells with a comma stand in "quotes".',
    )
    file = forms.FileField(
        required=False, label="Or a CSV file", widget=forms.FileInput({"accept": ".csv,text/csv"})
    )

    field_order = ("rows", "file", "reason")

    def text(self) -> str:
        """The rows: those of the file where there is one. Raises ValidationError."""
        file = self.cleaned_data.get("file")
        if file is None:
            return str(self.cleaned_data["rows"])
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is not UTF-8 text.") from error
