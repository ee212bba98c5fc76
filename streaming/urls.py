"""The chat endpoints' paths."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from streaming import playground, views
from streaming.admin import route_test_page
from streaming.conversations import views as conversation_views
from streaming.unknown_paths import unknown_path

router = SimpleRouter()
router.register("conversations", conversation_views.ConversationViewSet, basename="conversation")

urlpatterns = [
    path("", playground.playground, name="playground"),
    path("playground/token/", playground.token, name="playground-token"),
    path("v1/chat/completions", views.chat_completions, name="chat-completions"),
    path("v1/models", views.models, name="models"),
    path("v1/models/<path:name>", views.model, name="model"),
    path("api/", include(router.urls)),
    path("api/chat/", views.chat, name="chat"),
    path("api/chat/<uuid:completion_id>/", views.chat_state, name="chat-state"),
    path("api/chat/<uuid:completion_id>/stream/", views.chat_stream, name="chat-stream"),
    path("api/chat/<uuid:completion_id>/stop/", views.chat_stop, name="chat-stop"),
    re_path(r"^(?:v1|api/chat)(?:/|$)", unknown_path),
    path("admin/streaming/route/<int:route_id>/test/", route_test_page.page, name="test_route"),
]
