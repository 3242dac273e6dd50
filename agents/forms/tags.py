"""The field for tags: the tag editor's combobox, in any form."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString


class TagInput(forms.TextInput):
    """A text field that suggests tags. Without JavaScript it is a text field.

    With `many`, tags are separated by commas and the suggestions are for the last one. With `known`,
    only tags in use are offered; with `users`, only user tags. `url` is the name of another page that suggests.
    """

    def __init__(
        self,
        *,
        many: bool = False,
        known: bool = False,
        users: bool = False,
        url: str = "tag-suggest",
    ) -> None:
        super().__init__({"class": "input mono" if url == "tag-suggest" else "input"})
        self.many, self.known, self.users, self.url = many, known, users, url

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        """The field with its list of suggestions."""
        asked = {"known": self.known, "users": self.users}
        query = urlencode({key: 1 for key, on in asked.items() if on})
        context = self.get_context(name, value, attrs) | {
            "many": self.many,
            "suggestions": f"{reverse(self.url)}?{query}",
        }
        return SafeString(render_to_string("components/tag_input.html", context))
