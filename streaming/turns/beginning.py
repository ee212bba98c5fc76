"""The one way from a request to a running turn: the request's fields, the model, the limits and the history.

The caller has been identified before; the request is counted once, here.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import UUID

import msgspec

from foundation.database.threads import in_thread
from streaming.admission import callers, limits
from streaming.admission.callers import Caller
from streaming.catalogue.catalogue import ServedModel
from streaming.conversations import history
from streaming.models import Completion
from streaming.turns import recorder
from streaming.turns.relay import Relay
from streaming.turns.turn import Plan
from streaming.turns.whole_answer import WholeAnswer
from streaming.wire.faults import Fault
from streaming.wire.profiles.chat_request import ChatRequest
from streaming.wire.profiles.profile import Format, ProfileT


async def begin(
    caller: Caller, body: bytes, client_format: Format[ProfileT], relay: Callable[[Plan, ProfileT], Relay]
) -> Relay | WholeAnswer:
    """The turn that this body asks for, opened so far that there is something to send. `relay` makes a streamed turn.

    Raises: Fault 400, 403, 404, 429, or the fault with which the last route failed.
    """
    ask, model = await _checked(caller, body, client_format)
    plan = await _admitted(caller, ask, model, client_format.name)
    if ask.conversation is not None:
        plan = await _in_conversation(plan, *ask.conversation)
    turn: Relay | WholeAnswer
    if ask.is_stream or client_format.whole is None:
        turn = relay(plan, client_format.profile(ask))
    else:
        turn = WholeAnswer(plan, client_format.whole)
    await turn.open()
    return turn


async def _checked(caller: Caller, body: bytes, client_format: Format[ProfileT]) -> tuple[ChatRequest, ServedModel]:
    try:
        ask = client_format.parse(body)
        return ask, caller.model(ask.model)
    except Fault:
        await callers.count(caller)  # otherwise `limits.enter` counts it
        raise


async def _admitted(caller: Caller, ask: ChatRequest, model: ServedModel, profile: str) -> Plan:
    credential = caller.credential
    completion = Completion.begun(
        caller_id=credential.caller_id,
        app_id=credential.app_id,
        user_id=(credential.user_id or ask.user_id)[:200],
        owner=credential.owner,
        profile=profile,
        is_stream=ask.is_stream,
        chat_model=model.name,
        started_at=dt.datetime.now(dt.UTC),
        process_id=recorder.current().process_id,
    )
    grant = await limits.enter(credential, completion.id)
    return Plan(
        completion=completion,
        routes=model.routes,
        is_weighted=model.is_weighted,
        fields=ask.fields,
        on_end=partial(callers.leave, grant),
        headers={"X-Request-Id": str(completion.id), **grant.headers},
    )


async def _in_conversation(plan: Plan, conversation_id: UUID, text: str) -> Plan:
    """The plan with the conversation's history, whose answer is stored at the end. Raises: Fault 403, 404."""
    completion = plan.completion
    begin_turn = partial(
        history.begin_turn,
        owner=completion.owner,
        conversation_id=conversation_id,
        text=text,
        completion_id=completion.id,
        now=completion.started_at,
    )
    try:
        messages = await in_thread(begin_turn)
    except BaseException:
        plan.on_end(completion)
        raise
    return replace(plan, fields={**plan.fields, "messages": msgspec.Raw(msgspec.json.encode(messages))})
