"""Template filters for allauth's forms, whose fields lack our CSS classes."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def as_input(field: BoundField) -> SafeString:
    """Render the field with our input class. A checkbox keeps the browser's look."""
    is_box = getattr(field.field.widget, "input_type", "") == "checkbox"
    return field.as_widget(attrs={} if is_box else {"class": "input"})
