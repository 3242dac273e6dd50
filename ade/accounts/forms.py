"""Forms of the pages of accounts and members."""

from typing import Any

from allauth.account.forms import LoginForm, ReauthenticateForm
from django import forms
from django.contrib.auth import forms as auth_forms

from ade.models import Role


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth ships no types
    """Username and password. Errors stand under the password, and the username stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["login"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self._focus("login")

    def clean(self) -> dict[str, Any]:
        try:
            super().clean()
        except forms.ValidationError as error:
            self.add_error("password", error)
            self._focus("password")
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned

    def _focus(self, name: str) -> None:
        for key, field in self.fields.items():
            field.widget.attrs["autofocus"] = key == name


class ProofForm(ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The password again, before a page that can give others access."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["password"].widget.attrs["autofocus"] = True


class NewPasswordForm(auth_forms.SetPasswordForm):  # type: ignore[type-arg]  # generic in its stubs only
    """A new password, typed twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


class ChangePasswordForm(auth_forms.PasswordChangeForm):
    """The old password, and a new one typed twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


class RoleForm(forms.Form):
    """What a member may do."""

    role = forms.ChoiceField(choices=Role.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


class AddMemberForm(RoleForm):
    """A new member. The model validates the name."""

    username = forms.CharField(
        max_length=150,
        help_text="For signing in. Letters, digits and @ . + - _",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    full_name = forms.CharField(
        max_length=150,
        required=False,
        help_text="Shown on pages and in the history.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("username", "full_name", "role")


def _dress(form: forms.BaseForm) -> None:
    form.label_suffix = ""
    for field in form.fields.values():
        field.widget.attrs["class"] = "input"
        field.widget.attrs.pop("placeholder", None)  # the label says the same, and stays visible
