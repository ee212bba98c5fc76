from django.urls import path

from attribution import views

urlpatterns = [
    path("api/events/", views.Events.as_view(), name="events"),
    path("api/events/<uuid:id>/", views.EventState.as_view(), name="event"),
]
