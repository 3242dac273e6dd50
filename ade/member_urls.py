"""Addresses of the members page."""

from django.urls import path

from ade.views import members

urlpatterns = [
    path("", members.member_list, name="members"),
    path("<int:pk>/", members.member_page, name="member"),
    path("<int:pk>/role/", members.change_role, name="member_role"),
    path("<int:pk>/disable/", members.disable, name="member_disable"),
    path("<int:pk>/enable/", members.enable, name="member_enable"),
    path("<int:pk>/link/", members.make_link, name="member_link"),
    path("<int:pk>/sessions/end/", members.end_sessions, name="member_end_sessions"),
    path("<int:pk>/factors/remove/", members.remove_factors, name="member_remove_factors"),
]
