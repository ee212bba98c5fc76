"""The chat endpoints' paths."""

from django.urls import path

from streaming import views

urlpatterns = [
    path("v1/chat/completions", views.chat_completions, name="chat-completions"),
    path("v1/models", views.models, name="models"),
    path("api/chat/", views.chat, name="chat"),
]
