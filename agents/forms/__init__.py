"""Forms: parse and check what a browser sends, and show the errors of the domain beside their field."""

from agents.forms.agents import AboutForm, BlockForm, DeleteForm, NewAgentForm, SettingsForm
from agents.forms.bulk import BulkForm, RowsForm
from agents.forms.core import (
    DomainForm,
    ExactText,
    length_problem,
    text_of,
    texts_of,
    typed_tags,
)
from agents.forms.directory import (
    AssignForm,
    HistoryForm,
    OwnerForm,
    ReasonForm,
    SharedForm,
    TagForm,
)
from agents.forms.keys import KeyForm, RotateForm
from agents.forms.members import LimitForm
from agents.forms.saved_views import ViewForm
from agents.forms.sources import (
    RemovalForm,
    ResumeForm,
    SourceForm,
    SourceSettingsForm,
    TokenForm,
    TrialForm,
)
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
    "LimitForm",
    "NewAgentForm",
    "OwnerForm",
    "ReasonForm",
    "RemovalForm",
    "ResumeForm",
    "RotateForm",
    "RowsForm",
    "SettingsForm",
    "SharedForm",
    "SourceForm",
    "SourceSettingsForm",
    "TagForm",
    "TokenForm",
    "TrialForm",
    "ViewForm",
    "WebhookForm",
    "length_problem",
    "text_of",
    "texts_of",
    "typed_tags",
]
