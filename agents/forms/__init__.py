"""What a browser sends, parsed and checked; what the domain refuses is put beside its field."""

from agents.forms.agents import AboutForm, BlockForm, DeleteForm, NewAgentForm, SettingsForm
from agents.forms.base import DomainForm, ExactText, text_of, texts_of, typed_tags
from agents.forms.bulk import BulkForm, RowsForm
from agents.forms.directory import AssignForm, HistoryForm, ReasonForm, TagForm
from agents.forms.keys import KeyForm, RotateForm
from agents.forms.views import ViewForm
from agents.forms.webhooks import WebhookForm

__all__ = [
    "AboutForm",
    "AssignForm",
    "BlockForm",
    "BulkForm",
    "DeleteForm",
    "DomainForm",
    "ExactText",
    "HistoryForm",
    "KeyForm",
    "NewAgentForm",
    "ReasonForm",
    "RotateForm",
    "RowsForm",
    "SettingsForm",
    "TagForm",
    "ViewForm",
    "WebhookForm",
    "text_of",
    "texts_of",
    "typed_tags",
]
