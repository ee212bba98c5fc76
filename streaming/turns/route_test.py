"""A tiny real chat over one route for an operator: does the route answer, how soon, and if not, what does it say?

It takes the path of every chat (relay.py: retries, time-outs, record), so it finds what clients would encounter. Its
completion is recorded like any other.
"""

import asyncio
import datetime as dt
from dataclasses import dataclass

import msgspec

from streaming.catalogue.catalogue import ServedRoute
from streaming.models import Completion
from streaming.turns import recorder
from streaming.turns.relay import Relay
from streaming.turns.turn import Plan
from streaming.wire.faults import Fault
from streaming.wire.profiles.app import AppProfile

TIMEOUT_S = 20.0
OWNER = "route test"  # no credential has it: nobody can resume or stop it
_MAX_CHARS = 2000
_FIELDS = {"messages": msgspec.Raw(b'[{"role":"user","content":"Answer with the single word: pong"}]')}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The completion as recorded, and its text. `error` is for operators: without keys, with our codes."""

    completion: Completion
    answer: str
    reasoning: str
    error: str


class _Transcript(AppProfile):
    fault: Fault | None = None

    def error(self, fault: Fault) -> bytes:
        self.fault = fault
        return super().error(fault)


async def run(route: ServedRoute, *, chat_model: str, caller_id: int | None) -> Outcome:
    """Ask the route; ends within `TIMEOUT_S`, whatever the provider does. Runs on the loop of the process's chats."""
    transcript = _Transcript(keeps_text=True)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    plan = Plan(
        completion=_completion(chat_model, caller_id),
        routes=[route],
        fields=_FIELDS,
        on_end=lambda _completion: None if ended.done() else ended.set_result(None),
    )
    relay = Relay(plan, transcript)
    error = ""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await relay.open()
            await ended
    except Fault as fault:
        error = _said(fault)
    except TimeoutError:
        relay.client_left()
        error = f"timeout: no whole answer within {TIMEOUT_S:g} s"
    return Outcome(
        completion=plan.completion,
        answer="".join(transcript.text)[:_MAX_CHARS],
        reasoning="".join(transcript.reasoning)[:_MAX_CHARS],
        error=error or (_said(transcript.fault) if transcript.fault else ""),
    )


def _completion(chat_model: str, caller_id: int | None) -> Completion:
    return Completion(
        caller_id=caller_id,
        owner=OWNER,
        profile=Completion.Profile.APP,
        is_stream=True,
        chat_model=chat_model,
        started_at=dt.datetime.now(dt.UTC),
        process_id=recorder.current().process_id,
    )


def _said(fault: Fault) -> str:
    said = ": ".join(part for part in (fault.detail, fault.quote) if part)  # quoting is safe: our own question
    return f"{fault.code}: {said or fault.message}"
