"""The form of a saved view."""

from typing import Any

from django import forms

from agents.forms.core import DomainForm, ExactText
from agents.models import SavedView


class ViewForm(DomainForm):
    """A view's name, sharing and pinning."""

    name = ExactText(
        required=False,
        widget=forms.TextInput(
            {"class": "input", "autocomplete": "off", "autofocus": True, "required": True}
        ),
    )
    shared = forms.BooleanField(required=False, label="Shared with all members")
    pinned = forms.BooleanField(required=False, label="Pinned above the list")

    @staticmethod
    def initial_of(view: SavedView) -> dict[str, Any]:
        """The values that the form shows for a view."""
        return {"name": view.name, "shared": view.shared, "pinned": view.pinned}

    def clean(self) -> dict[str, Any]:
        # A view has few fields, so the last save wins.
        return self.cleaned_data
