"""Add tags from a CSV file: its rows become a plan, shown before anything changes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.core.actors import Power
from agents.core.errors import Invalid
from agents.core.limits import CSV_ROWS
from agents.forms import RowsForm
from agents.models import BulkOp
from agents.tasks import bulk
from agents.views.core.actors import actor_of


@require_http_methods(["GET", "HEAD", "POST"])
def csv_in(request: HttpRequest) -> HttpResponse:
    """Ask for rows of an agent and a tag; a post creates the plan and shows it."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "change agents in bulk")
    form = RowsForm(request.POST, request.FILES) if request.method == "POST" else RowsForm()
    if form.is_bound and form.is_valid():
        try:
            text, note = form.text()
            reason = form.cleaned_data["reason"]
            op = BulkOp(form.cleaned_data["mode"])
            plan = bulk.plan_rows(text=text, actor=actor, reason=reason, note=note, op=op)
            return see_other(plan.get_absolute_url())
        except Invalid as error:
            form.refuse(error)
    context = {"form": form, "most": CSV_ROWS, "nav": "agents"}
    return render(request, "bulk/csv.html", context, status=422 if form.is_bound else 200)
