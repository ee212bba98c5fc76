from django.contrib import admin
from django.urls import path

from attribution.admin.costs import connect, upload
from attribution.admin.pages import live, statistics, suspicious, unmasking
from attribution.clicks import tracking
from attribution.costs import views as costs_views
from attribution.events import views
from attribution.statistics import views as statistics_views
from attribution.users import views as users_views

urlpatterns = [
    path("track/<slug:platform>/<str:token>/", tracking.click, name="click"),
    # Without the final slash: some forms "tidy" URLs like this, and a redirect would lose the click.
    path("track/<slug:platform>/<str:token>", tracking.click),
    path("api/events/", views.events, name="events"),
    path("api/events/<uuid:id>/", views.EventState.as_view(), name="event"),
    # A path: an id may contain a slash (`u%2F1`).
    path("api/attributions/<path:user_id>/", views.UserAttribution.as_view(), name="attribution"),
    path("api/users/alias/", users_views.Alias.as_view(), name="user-alias"),
    path("api/users/<path:user_id>/", users_views.User.as_view(), name="user"),
    path("admin/live/", live.feed, name="live-feed"),
    path("admin/live/operations/", admin.site.admin_view(live.operations_part), name="live-operations"),
    path("admin/live/activity/", admin.site.admin_view(live.activity_part), name="live-activity"),
    path("admin/suspicious/", admin.site.admin_view(suspicious.page), name="suspicious"),
    path("admin/statistics/", admin.site.admin_view(statistics.page), name="statistics"),
    path(
        "admin/attribution/conversion/<uuid:conversion_id>/unmask/",
        admin.site.admin_view(unmasking.page),
        name="unmask_device",
    ),
    path("admin/costs/upload/", admin.site.admin_view(upload.page), name="cost_upload"),
    path(
        "admin/costs/upload/<int:upload_id>/confirm/",
        admin.site.admin_view(upload.confirm),
        name="cost_upload_confirm",
    ),
    path("admin/costs/connect/<str:platform>/", admin.site.admin_view(connect.page), name="cost_connect"),
    path("admin/costs/callback/<str:platform>/", admin.site.admin_view(connect.callback), name="cost_callback"),
    path("api/costs/", costs_views.Costs.as_view(), name="costs"),
    path("api/stats/", statistics_views.Stats.as_view(), name="stats"),
]
