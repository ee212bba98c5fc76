"""`/api/conversations/`: the stored conversations of the caller's user."""

from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.access.credentials import Credential
from streaming.conversations import history
from streaming.models import Conversation, Message


class MessageSerializer(serializers.ModelSerializer[Message]):
    content = serializers.CharField()
    reasoning = serializers.CharField(source="answer.reasoning", default="")
    state = serializers.CharField(source="answer.state", default=None, help_text="Of an answer: its completion's state")

    class Meta:
        model = Message
        fields = ["id", "role", "content", "reasoning", "completion_id", "state", "created_at"]


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    class Meta:
        model = Conversation
        fields = ["id", "title", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


class WholeConversationSerializer(ConversationSerializer):
    messages = MessageSerializer(many=True)

    class Meta(ConversationSerializer.Meta):
        fields = [*ConversationSerializer.Meta.fields, "messages"]


class NewestFirst(CursorPagination):
    ordering = ("-updated_at", "-id")
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


class ConversationViewSet(
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Conversation],
):
    """Callers see only their own conversations; others answer 404."""

    queryset = Conversation.objects.none()
    serializer_class = ConversationSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Conversation]:
        if not isinstance(self.request.auth, Credential):
            return Conversation.objects.none()  # the schema generator
        mine = Conversation.objects.of(self.request.auth.owner)
        if self.action in ("retrieve", "export"):
            messages = Message.objects.select_related("completion").order_by("pk")
            return mine.prefetch_related(Prefetch("messages", messages))
        return mine

    def get_serializer_class(self) -> type[ConversationSerializer]:
        return WholeConversationSerializer if self.action in ("retrieve", "export") else ConversationSerializer

    def perform_create(self, serializer: Any) -> None:
        if not settings.CHAT_STORE_TEXT:
            raise PermissionDenied("This server stores no conversations.")
        assert isinstance(self.request.auth, Credential)  # noqa: S101  # the only authentication class there is
        now = timezone.now()
        serializer.save(owner=self.request.auth.owner, created_at=now, updated_at=now)

    def perform_destroy(self, instance: Conversation) -> None:
        history.delete(instance)

    @extend_schema(responses=WholeConversationSerializer)
    @action(detail=True)
    def export(self, request: Request, pk: str | None = None) -> Response:
        """The whole conversation as a JSON file."""
        conversation = self.get_object()
        disposition = f'attachment; filename="conversation-{conversation.pk}.json"'
        return Response(self.get_serializer(conversation).data, headers={"Content-Disposition": disposition})
