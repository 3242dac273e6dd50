"""The choice between everything and some: an empty field alone never means everything."""

from typing import Any, ClassVar, cast

from django import forms

from agents.domain.core.unset import UNSET
from agents.forms.core import DomainForm

EVERY, SOME = "all", "some"


def choice_field(
    label: str, every: str, some: str, *, initial: str | None = None
) -> forms.ChoiceField:
    """Two radio buttons: everything, or only what another field names."""
    return forms.ChoiceField(
        label=label,
        required=False,
        choices=[(EVERY, every), (SOME, some)],
        initial=initial,
        widget=forms.RadioSelect,
    )


class ChoiceForm(DomainForm):
    """A form in which fields count only if the choice above them says so.

    `choices` names for each choice its field and what to say if that field is empty. `chosen` then is the
    field's value, or None for everything.
    """

    choices: ClassVar[dict[str, tuple[str, str]]]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for choice, (name, missing) in self.choices.items():
            if choice in self.errors or name in self.errors or choice not in self.fields:
                continue
            value, picked = data.get(name), data.get(choice)
            filled = bool(value.strip() if isinstance(value, str) else value)
            # Without the radio button, what is in the field is the narrower reading.
            data[choice] = picked or (SOME if filled else "")
            if not data[choice]:
                self.add_error(choice, "Choose one of these.")
            elif picked == SOME and not filled:
                self.add_error(name, missing)
            elif picked == EVERY and filled and self.changed(name) is not UNSET:
                field = cast(forms.ChoiceField, self.fields[choice])
                some = dict(cast(list[tuple[str, str]], field.choices))[SOME]
                self.add_error(name, f"Clear this field, or choose “{some}”.")
        return data

    def chosen(self, choice: str) -> Any:
        """The value of the field of a choice, or None for everything."""
        data = self.cleaned_data
        return None if data[choice] == EVERY else data[self.choices[choice][0]]

    def chosen_now(self, choice: str) -> Any:
        """The same, or UNSET if choice and field are what the page showed."""
        both = (choice, self.choices[choice][0])
        return UNSET if all(self.changed(name) is UNSET for name in both) else self.chosen(choice)
