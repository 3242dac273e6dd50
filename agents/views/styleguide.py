"""Every component in every state, on one page for developers: only where DEBUG is on."""

from dataclasses import replace
from datetime import UTC, datetime

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.domain.typed import Refused
from agents.errors import NotFound
from agents.listing import TagChip
from agents.listing.news import News
from agents.listing.suggestions import Suggestion, Suggestions
from agents.models import Agent, Tag
from agents.views.tag_editor import Editor, Lookalike, Offer, Place

_TAGS = [
    TagChip("user_1", names_user=True, protected=False, colour=""),
    TagChip("tier:gold", names_user=False, protected=False, colour=""),
    TagChip("origin:import", names_user=False, protected=True, colour=""),
    TagChip("עברית: שלום", names_user=False, protected=False, colour=""),
    TagChip("vi\u200bp", names_user=False, protected=False, colour=""),
    TagChip("w" * 512, names_user=False, protected=False, colour=""),
]
_COLOURS = [
    "page",
    "surface",
    "sunken",
    "line",
    "line-control",
    "text",
    "muted",
    "accent",
    "on-accent",
    "accent-soft",
    "good",
    "good-soft",
    "bad",
    "bad-soft",
    "warn",
    "warn-soft",
]
_AT = datetime(2025, 1, 31, 12, 3, tzinfo=UTC)


class _Fields(forms.Form):
    """A field of each kind."""

    plain = forms.CharField(widget=forms.TextInput({"class": "input"}), initial="Onboarding")
    helped = forms.CharField(
        widget=forms.TextInput({"class": "input mono"}), help_text="provider/name", required=False
    )
    long = forms.CharField(widget=forms.Textarea({"class": "input", "rows": 4}), required=False)
    wrong = forms.IntegerField(widget=forms.TextInput({"class": "input"}))


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show the components. Nothing on the page is in the database, and no button does anything."""
    if not settings.DEBUG:
        raise NotFound("There is no such page.")
    context = {
        "colours": _COLOURS,
        "chips": _TAGS,
        "editors": _editors(),
        "fields": _Fields({"plain": "Onboarding", "wrong": "many"}),
        "found": Suggestions(_suggestions(), total=50),
        "typed": "ti",
        "carried": {"tier:gold"},
        "offer_new": True,
        "left": 47,
        "prefix": "guide-suggest",
        "moment": _AT,
    }
    return render(request, "styleguide.html", context)


def _suggestions() -> list[Suggestion]:
    parts = [("tier:gold", 12408, False), ("tier:silver", 1, False), ("user_tim", 3, True)]
    return [Suggestion(name, name, n, user, False, "", "") for name, n, user in parts]


def _editors() -> list[Editor]:
    """The editor in the states that an answer of the server may put it in."""
    other = Tag(name="user 2", n=1204)
    new = News("tier:gold", added=True, by="Maria", by_id="person:2", at=_AT)
    return [
        replace(_editor("without a tag"), tags=[]),
        replace(_editor("with tags"), tags=_TAGS),
        replace(
            _editor("after an addition"),
            status="Tag tier:gold added. 6 tags.",
            fresh=["tier:gold"],
            offer=Offer(1, "Undo", "adding tier:gold"),
            lookalikes=[Lookalike("User_2", other)],
            warnings=["vi⟨U+200B⟩p holds characters that cannot be seen."],
        ),
        replace(
            _editor("after an undo"),
            status="Undone: tier:gold removed again.",
            offer=Offer(1, "Redo", "what was undone"),
        ),
        replace(
            _editor("after a refusal"),
            error="Tag is 513 characters; the limit is 512.",
            typed="x" * 513,
            refused=[Refused("x" * 513, "Tag is 513 characters; the limit is 512.")],
        ),
        replace(
            _editor("with a tag that was there"),
            status="tier:gold is already on this agent.",
            there=["tier:gold"],
        ),
        replace(
            _editor("with news"), status="Also changed by Maria: +tier:gold.", marks={new.tag: new}
        ),
        replace(_editor("to read only"), may_write=False),
    ]


def _editor(name: str) -> Editor:
    agent = Agent(public_id=f"agent-{name.replace(' ', '-')}", name=f"an agent {name}")
    return Editor(agent, _TAGS[:4], may_write=True, place=Place(in_row=True))
