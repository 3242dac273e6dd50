"""The pages of members: who may sign in, and with which role. For admins, after a recent proof."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.accounts import members, password_links
from ade.accounts.access import admins_only, reauthenticated, signed_in
from ade.accounts.forms import AddMemberForm, RoleForm
from ade.accounts.members import By
from ade.http import see_other, show_once
from ade.models import MemberEvent, Role, User

EVENTS = 50  # a page of history


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def member_list(request: HttpRequest) -> HttpResponse:
    """Show all members and the latest events. A post adds a member and shows the link, once."""
    form = AddMemberForm(request.POST or None, initial={"role": Role.VIEWER})
    if request.method == "POST" and form.is_valid():
        by = By.member(signed_in(request))
        try:
            member = members.add(
                username=form.cleaned_data["username"],
                full_name=form.cleaned_data["full_name"],
                role=Role(form.cleaned_data["role"]),
                by=by,
            )
        except ValidationError as error:
            form.add_error(None, _on_the_form(error))
        else:
            return _show_link(request, member, by)
    context = {
        "nav": "members",
        "members": User.objects.order_by("-is_active", "username"),
        "form": form,
        **_events(request, MemberEvent.objects.all()),
    }
    return render(request, "members/list.html", context, status=422 if form.errors else 200)


@require_safe
@admins_only
@reauthenticated
def member_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a member: role, access, and the events of the account."""
    return _page(request, find_member(pk))


@require_POST
@admins_only
@reauthenticated
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the member another role."""
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, find_member(pk), role_form=form)
    role = Role(form.cleaned_data["role"])
    return _act(
        request,
        pk,
        lambda member, by: members.change_role(member, role=role, by=by),
        f"The role is now {role.label}.",
    )


@require_POST
@admins_only
@reauthenticated
def disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Disable the account."""
    return _act(request, pk, lambda m, by: members.disable(m, by=by), "The account is disabled.")


@require_POST
@admins_only
@reauthenticated
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Enable the account."""
    return _act(request, pk, lambda m, by: members.enable(m, by=by), "The account is enabled.")


@require_POST
@admins_only
@reauthenticated
def end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign the member out everywhere."""
    done = "All sessions have ended. Unused password links no longer work."
    return _act(request, pk, lambda m, by: members.end_sessions(m, by=by), done)


@require_POST
@admins_only
@reauthenticated
def remove_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the second factors, say of a member who lost a phone."""
    done = "The second factors are removed."
    return _act(request, pk, lambda m, by: members.remove_factors(m, by=by), done)


@require_POST
@admins_only
@reauthenticated
def make_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a one-time link and show it, once."""
    return _show_link(request, find_member(pk), By.member(signed_in(request)))


def _act(request: HttpRequest, pk: int, act: Callable[[User, By], User], done: str) -> HttpResponse:
    member = find_member(pk)
    try:
        act(member, By.member(signed_in(request)))
    except ValidationError as error:
        return _page(request, member, problem=" ".join(error.messages))
    messages.success(request, done)
    return see_other(reverse("member", args=[pk]))


def _show_link(request: HttpRequest, member: User, by: By) -> HttpResponse:
    # Not after a redirect: the link would have to be stored somewhere in between.
    try:
        path = password_links.make(member, by=by)
    except ValidationError as error:
        return _page(request, member, problem=" ".join(error.messages))
    context = {
        "nav": "members",
        "member": member,
        "link": request.build_absolute_uri(path),
        "hours": settings.PASSWORD_LINK_HOURS,
    }
    return show_once(render(request, "members/link.html", context))


def _page(
    request: HttpRequest, member: User, *, role_form: RoleForm | None = None, problem: str = ""
) -> HttpResponse:
    context = {
        "nav": "members",
        "member": member,
        "role_form": role_form or RoleForm(initial={"role": member.role}),
        "problem": problem,
        "factors": bool(settings.MFA_SUPPORTED_TYPES),
        **_events(request, MemberEvent.objects.filter(member_id=f"person:{member.pk}")),
    }
    status = 422 if problem or (role_form and role_form.errors) else 200
    return render(request, "members/member.html", context, status=status)


def _events(request: HttpRequest, events: QuerySet[MemberEvent]) -> dict[str, Any]:
    """Return a page of events, newest first, and the id from which the next page continues."""
    before = request.GET.get("before")
    if before is not None:
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Http404
        events = events.filter(id__lt=int(before))
    rows = list(events.order_by("-id")[: EVENTS + 1])
    return {"events": rows[:EVENTS], "older": rows[EVENTS - 1].pk if rows[EVENTS:] else None}


def find_member(pk: int) -> User:
    """Return the member, or answer 404."""
    if pk >= 1 << 63:
        raise Http404  # no database has such a number, and SQLite cannot even ask
    return get_object_or_404(User, pk=pk)


def _on_the_form(error: ValidationError) -> ValidationError:
    """Return the error with the names of the form's fields instead of the model's."""
    if not hasattr(error, "error_dict"):
        return error
    names = {"first_name": "full_name", "__all__": "username"}
    return ValidationError({names.get(key, key): value for key, value in error.error_dict.items()})
