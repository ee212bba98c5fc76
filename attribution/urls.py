from django.urls import path

from attribution import tracking, views

urlpatterns = [
    path("track/oceanengine/<str:token>/", tracking.click, name="click"),
    path("api/events/", views.Events.as_view(), name="events"),
    path("api/events/<uuid:id>/", views.EventState.as_view(), name="event"),
]
