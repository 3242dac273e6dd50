"""Tags from a CSV file: its rows become a plan, which is shown before anything changes."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.actors import Power
from agents.domain.bulkrows import plan_rows
from agents.errors import Invalid
from agents.forms import RowsForm
from agents.limits import CSV_ROWS
from agents.views.access import actor_of


@require_http_methods(["GET", "HEAD", "POST"])
def csv_in(request: HttpRequest) -> HttpResponse:
    """Ask for rows of agent and tag; a post makes the plan and shows it."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "change agents in bulk")
    form = RowsForm(request.POST, request.FILES) if request.method == "POST" else RowsForm()
    if form.is_bound and form.is_valid():
        try:
            plan = plan_rows(text=form.text(), actor=actor, reason=form.cleaned_data["reason"])
            return see_other(plan.get_absolute_url())
        except Invalid as error:
            form.refuse(error)
        except forms.ValidationError as error:
            form.add_error("file", error)
    context = {"form": form, "most": CSV_ROWS, "nav": "agents"}
    return render(request, "bulk/csv.html", context, status=422 if form.is_bound else 200)
