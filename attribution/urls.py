from django.urls import path

from attribution import tracking

urlpatterns = [
    path("track/oceanengine/<str:token>/", tracking.click, name="click"),
]
