"""What all forms have in common: exact text, and fields that others edit too."""

import hashlib
from typing import Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.http import QueryDict

from agents.domain.edits import UNSET
from agents.errors import DomainError
from agents.tagnames import Typed, parse_typed


def text_of(data: QueryDict, name: str) -> str | None:
    """One text exactly as the page held it: browsers send each line break as two characters."""
    value = data.get(name)
    return None if value is None else value.replace("\r\n", "\n")


def texts_of(data: QueryDict, name: str) -> list[str]:
    """All texts of this name, each as the page held it."""
    return [value.replace("\r\n", "\n") for value in data.getlist(name)]


def typed_tags(data: QueryDict) -> Typed:
    """The tags of the add field: `exact` as it is (a chosen suggestion), `tag` as typed."""
    exact = text_of(data, "exact")
    if exact is not None:
        return Typed([exact], tidied=False)
    return parse_typed(text_of(data, "tag") or "")


class ExactText(forms.CharField):
    """Text that is kept as it is: nothing is trimmed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)
        # In the words of all other refusals.
        own = ProhibitNullCharactersValidator("This contains a NUL character.")
        known = [one for one in self.validators if not isinstance(one, type(own))]
        self.validators = [*known, own]

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class DomainForm(forms.Form):
    """A form whose fields are named as the domain names them, over values that others edit too.

    The page carries a fingerprint of each value it showed. A field left as it was shown is not
    written; one that someone else changed meanwhile is not overwritten without a word.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        self.stale = False

    @property
    def fingerprint(self) -> str:
        """Of the values as they are now, for the page to carry."""
        return ",".join(_digest(self.initial.get(name)) for name in self.fields)

    def clean(self) -> dict[str, Any]:
        for name, value in list(self.cleaned_data.items()):
            now = self.initial.get(name)
            if self._shown(name) in (_digest(now), _digest(value)) or _same(now, value):
                continue
            self.stale = True
            self.add_error(name, "Someone changed this meanwhile. Save again to overwrite it.")
        return self.cleaned_data

    def changed(self, name: str) -> Any:
        """The field's value, or UNSET where it is what the page showed."""
        value = self.cleaned_data[name]
        return UNSET if self._shown(name) == _digest(value) else value

    def refuse(self, error: DomainError) -> None:
        """Show what the domain refused beside its field, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, error.message)

    def _shown(self, name: str) -> str:
        shown = dict(zip(self.fields, str(self.data.get("shown", "")).split(","), strict=False))
        return shown.get(name) or _digest(self.initial.get(name))


def _digest(value: object) -> str:
    text = "" if value is None else str(value).replace("\r\n", "\n")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _same(one: object, other: object) -> bool:
    return _digest(one) == _digest(other)
