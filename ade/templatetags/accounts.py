"""Template tags for the forms of the sign-in library, whose fields know none of our classes."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def as_input(field: BoundField) -> SafeString:
    """The field's control as ours look; a checkbox stays as the browser draws it."""
    is_box = getattr(field.field.widget, "input_type", "") == "checkbox"
    return field.as_widget(attrs={} if is_box else {"class": "input"})
