"""What all forms share: exact text, detection of edits by others, and the choice of all or some."""

import hashlib
from typing import Any, ClassVar, cast

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.http import QueryDict

from agents.core.errors import DomainError, Invalid
from agents.core.limits import TEXT_LENGTH
from agents.core.tag_text import Typed, parse_typed
from agents.domain.core.unset import UNSET


def text_of(data: QueryDict, name: str) -> str | None:
    """The value of a field with its line breaks as typed; browsers send each as two characters.

    Raises Invalid if it is longer than TEXT_LENGTH.
    """
    value = data.get(name)
    return None if value is None else _as_typed(value, name)


def texts_of(data: QueryDict, name: str) -> list[str]:
    """All values of a field, like `text_of`."""
    return [_as_typed(value, name) for value in data.getlist(name)]


def _as_typed(value: str, name: str) -> str:
    if problem := length_problem(value):
        raise Invalid(problem, field=name)
    return value.replace("\r\n", "\n")


def length_problem(text: str, most: int = TEXT_LENGTH) -> str | None:
    """A sentence that says the text is too long, or None if it is not."""
    if len(text) <= most:
        return None
    return f"This is {len(text):,} characters; the limit is {most:,}."


def typed_tags(data: QueryDict) -> Typed:
    """The tags to add: `exact` unchanged (a chosen suggestion), `tag` parsed as typed text."""
    exact = text_of(data, "exact")
    if exact is not None:
        return Typed([exact], tidied=False)
    return parse_typed(text_of(data, "tag") or "")


class ExactText(forms.CharField):
    """Text that is not trimmed. Its length is checked first.

    `most` is the limit in characters; with None only the length of the request limits it.
    """

    def __init__(self, *, most: int | None = TEXT_LENGTH, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.most = most
        # With the same wording as other errors.
        own = ProhibitNullCharactersValidator("This contains a NUL character.")
        known = [each for each in self.validators if not isinstance(each, type(own))]
        self.validators = [*known, own]

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value))
        if self.most is not None and (problem := length_problem(text, self.most)):
            raise forms.ValidationError(problem)
        return text.replace("\r\n", "\n")


class DomainForm(forms.Form):
    """A form with the domain's field names, for values that others may edit at the same time.

    The page contains a fingerprint of each value it showed. A field that was not edited is not
    written. If someone else changed a field in the meantime, the form asks before overwriting it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        self.stale = False

    @property
    def fingerprint(self) -> str:
        """Fingerprints of the current values, for a hidden field of the page."""
        return ",".join(_digest(self.initial.get(name)) for name in self.fields)

    def clean(self) -> dict[str, Any]:
        for name, value in list(self.cleaned_data.items()):
            now = self.initial.get(name)
            if self._shown(name) in (_digest(now), _digest(value)) or _same(now, value):
                continue
            self.stale = True
            self.add_error(
                name, "Someone changed this in the meantime. Save again to overwrite it."
            )
        return self.cleaned_data

    def add_error(self, field: str | None, error: Any) -> None:
        """Note an error, and give the focus to the first field that is wrong."""
        super().add_error(field, error)
        wrong = next((name for name in self.fields if name in self.errors), None)
        if wrong is not None:
            for name, one in self.fields.items():
                one.widget.attrs["autofocus"] = name == wrong

    def changed(self, name: str) -> Any:
        """The field's value, or UNSET if it is what the page showed."""
        value = self.cleaned_data[name]
        return UNSET if self._shown(name) == _digest(value) else value

    def refuse(self, error: DomainError) -> None:
        """Show an error of the domain beside its field, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, error.message)

    def _shown(self, name: str) -> str:
        shown = dict(zip(self.fields, str(self.data.get("shown", "")).split(","), strict=False))
        return shown.get(name) or _digest(self.initial.get(name))


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


def _digest(value: object) -> str:
    text = "" if value is None else str(value).replace("\r\n", "\n")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _same(first: object, second: object) -> bool:
    return _digest(first) == _digest(second)
