"""Addresses of the members page."""

from django.urls import path

from ade.accounts import member_views

urlpatterns = [
    path("", member_views.member_list, name="members"),
    path("<int:pk>/", member_views.member_page, name="member"),
    path("<int:pk>/role/", member_views.change_role, name="member_role"),
    path("<int:pk>/disable/", member_views.disable, name="member_disable"),
    path("<int:pk>/enable/", member_views.enable, name="member_enable"),
    path("<int:pk>/link/", member_views.make_link, name="member_link"),
    path("<int:pk>/sessions/end/", member_views.end_sessions, name="member_end_sessions"),
    path("<int:pk>/factors/remove/", member_views.remove_factors, name="member_remove_factors"),
]
