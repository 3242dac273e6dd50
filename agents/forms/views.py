"""The form of a saved view."""

from typing import Any

from django import forms

from agents.forms.base import DomainForm, ExactText
from agents.models import SavedView


class ViewForm(DomainForm):
    """A view's name, and who sees it where."""

    name = ExactText(
        required=False,
        widget=forms.TextInput({"class": "input", "autocomplete": "off", "autofocus": True}),
    )
    shared = forms.BooleanField(required=False, label="Shared with all members")
    pinned = forms.BooleanField(required=False, label="Pinned above the list")

    @staticmethod
    def initial_of(view: SavedView) -> dict[str, Any]:
        """What the form shows of a view."""
        return {"name": view.name, "shared": view.shared, "pinned": view.pinned}

    def clean(self) -> dict[str, Any]:
        # The last one to save a view's few fields is right.
        return self.cleaned_data
