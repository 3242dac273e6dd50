"""The moment or the period that a page about access asks for, read from the address."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from agents.forms.core import ExactText
from agents.forms.tags import TagInput
from agents.queries.access.names import unknown

_MOMENT = {"class": "input", "type": "datetime-local", "step": "1"}
_DAY = {"class": "input", "type": "date"}


class UtcMoment(forms.DateTimeField):
    """A date and time in UTC."""

    widget = forms.DateTimeInput(_MOMENT, format="%Y-%m-%dT%H:%M:%S")

    def clean(self, value: Any) -> datetime | None:
        found: datetime | None = super().clean(value)
        if found is not None and not 1 < found.year < 9999:
            raise forms.ValidationError("The year must be from 2 to 9998.")
        # Django reads a time without a zone as one of the time zone of the settings, which is UTC.
        if found is not None and found > timezone.now():
            raise forms.ValidationError("This moment is in the future.")
        return found and found.astimezone(UTC)


class WhenForm(forms.Form):
    """As of a moment, or from a day to a day; both empty: now."""

    at = UtcMoment(required=False, label="As of (UTC)")
    since = forms.DateField(required=False, label="From day", widget=forms.DateInput(_DAY))
    until = forms.DateField(required=False, label="To day", widget=forms.DateInput(_DAY))

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if (since is None) != (until is None):
            self.add_error("until" if until is None else "since", "Enter both days.")
        elif since and until:
            self._check_period(since, until)
        return self.cleaned_data

    def _check_period(self, since: date, until: date) -> None:
        if until < since:
            self.add_error("until", "The last day is before the first.")
        elif since > timezone.now().date():
            self.add_error("since", "This day is in the future.")
        elif until.year > 9998:
            self.add_error("until", "The year must be up to 9998.")
        if self.cleaned_data.get("at"):
            self.add_error("at", "Choose either a moment or a period.")

    @property
    def at_moment(self) -> datetime | None:
        """The moment to show, if a valid one is asked for."""
        return self.cleaned_data.get("at") if self.is_valid() else None

    @property
    def period(self) -> tuple[datetime, datetime] | None:
        """The beginning of the first day and the end of the last, if a valid period is asked for."""
        if not self.is_valid() or not self.cleaned_data.get("since"):
            return None
        last = self.cleaned_data["until"] + timedelta(days=1)
        return _begin(self.cleaned_data["since"]), _begin(last)


class TagWhenForm(WhenForm):
    """The same for the agents of a tag, filtered by other tags they had. At a moment also for all agents."""

    # Tags of the past may have no agent now, so any text can be entered.
    name = ExactText(required=False, label="Tag", widget=TagInput(known=True))
    also = ExactText(required=False, label="And the tag", widget=TagInput(known=True))
    without = ExactText(required=False, label="Without the tag", widget=TagInput(known=True))

    field_order = ("name", "also", "without", "at", "since", "until")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for field in ("name", "also", "without"):
            if data.get(field) and (why := unknown([data[field]])):
                self.add_error(field, why)
        if data.get("since") and not data.get("name") and "name" not in self.errors:
            self.add_error("name", "Enter a tag, or choose a moment instead of a period.")
        for field in ("also", "without"):
            if data.get(field) and data.get("at") is None and "at" not in self.errors:
                self.add_error(field, "This filters a list as of a moment. Choose a moment.")
        return data


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
