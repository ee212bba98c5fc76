"""The chat endpoints in OpenAPI, by hand: they are not DRF views, and OpenAPI has no words for an event stream."""

from typing import Any

_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": "string", "nullable": True},
            },
        }
    },
}
_MESSAGES = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {"role": {"type": "string"}, "content": {}},
        "additionalProperties": True,
    },
}
_APP_EVENTS = (
    "Server-sent events, each with an `id:`. `start` {id, model, resumable}, `delta` {text}, `reasoning` {text}, "
    "`tool_call` {…}, and finally exactly one of `done` {finish_reason, usage} or `error` {code, message, retryable}. "
    "A response that ends without one of these was cut off: resume after the last id. Comment lines are heartbeats."
)
_CHAT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "state": {
            "type": "string",
            "enum": ["streaming", "completed", "failed", "stopped", "disconnected", "interrupted"],
        },
        "model": {"type": "string"},
        "text": {"type": "string", "nullable": True},
        "reasoning": {"type": "string", "nullable": True},
        "last_event_id": {"type": "integer", "nullable": True},
        "finish_reason": {"type": "string", "nullable": True},
        "error_code": {"type": "string", "nullable": True},
        "usage": {"type": "object", "nullable": True},
        "started_at": {"type": "string", "format": "date-time"},
        "finished_at": {"type": "string", "format": "date-time", "nullable": True},
    },
}
_MODEL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "enum": ["model"]},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
    },
}
_MODELS = {
    "type": "object",
    "properties": {
        "object": {"type": "string", "enum": ["list"]},
        "data": {"type": "array", "items": _MODEL},
    },
}
_MODEL_REFUSALS = {
    "401": "No valid key or token",
    "404": "There is no such model for this caller",
    "429": "Too many requests with this key; see Retry-After",
    "503": "The database is not answering right now",
}
_CHAT_REFUSALS = {
    "401": "No valid key or token",
    "404": "This caller has no such chat",
    "429": "Too many requests with this key; see Retry-After",
    "503": "Redis or the database is not answering right now",
}
_RESUME_REFUSALS = {
    "204": "The client already has the last event",
    **_CHAT_REFUSALS,
    "400": "Last-Event-ID is not an event id",
    "409": "The chat runs without a log (`start` said `resumable: false`)",
    "410": "The events after this one are no longer kept",
}
_REFUSALS = {
    "400": "The parameter named in `param` is wrong",
    "401": "No valid key or token",
    "403": "This caller may not use the model",
    "404": "No such model or conversation",
    "413": "The body is too large",
    "415": "The body's Content-Encoding or charset cannot be read here",
    "429": "A limit has been reached; see Retry-After and the x-ratelimit-* headers",
    "502": "The provider refused our access, or its answer was too large",
    "503": "The provider is overloaded or failing, or this server is restarting",
    "504": "The provider could not be reached, or sent nothing in time",
}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "The chat's id, from its `start` event",
}
_MODEL_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "The model's name; slashes in it may stay as they are",
}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "integer", "default": 0},
    "description": "The id of the last event that the client has; also as the query parameter `last_event_id`",
}


def add_chat_paths(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A drf-spectacular postprocessing hook."""
    result["paths"] |= {
        "/v1/chat/completions": {"post": _chat_completions()},
        "/v1/models": {
            "get": _operation(
                "models_list",
                "The models that this caller may use",
                _json(_MODELS),
                [],
                refusals={status: why for status, why in _MODEL_REFUSALS.items() if status != "404"},
            )
        },
        "/v1/models/{id}": {
            "get": _operation("models_retrieve", "One model", _json(_MODEL), [_MODEL_ID], refusals=_MODEL_REFUSALS)
        },
        "/api/chat/": {"post": _chat()},
        "/api/chat/{id}/": {
            "get": _operation(
                "chat_state", "A chat's state, text and usage", _json(_CHAT), [_ID], refusals=_CHAT_REFUSALS
            )
        },
        "/api/chat/{id}/stream/": {
            "get": _operation(
                "chat_stream",
                "Resume: the missed events, then live",
                _events(_APP_EVENTS),
                [_ID, _LAST_EVENT_ID],
                refusals=_RESUME_REFUSALS,
            )
        },
        "/api/chat/{id}/stop/": {
            "post": _operation(
                "chat_stop",
                "Stop generating, whichever process runs the chat",
                _json(_CHAT),
                [_ID],
                refusals=_CHAT_REFUSALS,
            )
        },
    }
    return result


def _chat_completions() -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": {"type": "string"},
            "messages": _MESSAGES,
            "stream": {"type": "boolean", "default": False},
            "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
        },
        "additionalProperties": True,
    }
    chunks = "The provider's chunks, byte for byte, then `data: [DONE]`; or an error event and no `[DONE]`"
    answer = {"content": {**_events(chunks)["content"], **_json({"type": "object"})["content"]}, "description": chunks}
    return _operation("chat_completions", "OpenAI's chat completions, streamed or not", answer, [], body)


def _chat() -> dict[str, Any]:
    body = {
        "type": "object",
        "properties": {
            "messages": _MESSAGES,
            "conversation": {"type": "string", "format": "uuid"},
            "message": {"type": "string"},
            "model": {"type": "string"},
        },
        "additionalProperties": True,
        "description": "`messages`, or `conversation` and `message`; other fields go to the provider",
    }
    return _operation("chat", "Chat with the app profile", _events(_APP_EVENTS), [], body)


def _operation(
    name: str,
    summary: str,
    answer: dict[str, Any],
    parameters: list[dict[str, Any]],
    body: dict[str, Any] | None = None,
    refusals: dict[str, str] = _REFUSALS,
) -> dict[str, Any]:
    described = {status: {**_json(_ERROR), "description": why} for status, why in refusals.items()}
    if "204" in described:
        del described["204"]["content"]
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "tags": ["chat"],
        "parameters": parameters,
        "security": [{"bearer": []}],
        "responses": {"200": answer, **described},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _events(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
