"""What a browser sends, parsed and checked; what the domain refuses is put beside its field."""

from agents.forms.agents import AboutForm, BlockForm, SettingsForm
from agents.forms.base import DomainForm, ExactText, text_of, typed_tags
from agents.forms.keys import KeyForm, RotateForm

__all__ = [
    "AboutForm",
    "BlockForm",
    "DomainForm",
    "ExactText",
    "KeyForm",
    "RotateForm",
    "SettingsForm",
    "text_of",
    "typed_tags",
]
