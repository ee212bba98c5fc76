"""What the terminal shows when everything is up: where to look, how to sign in, three lines to try."""

import json
import shlex
from pathlib import Path


def text(web_url: str, sandbox_url: str | None, *, login: str, key: str, model: str, answer_file: Path) -> str:
    """Return the text; its `curl` lines work in any shell and folder, again and again, in their order.

    The second keeps its answer in `answer_file`, where the third finds the event's id.
    """
    chat = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Why do rivers bend?"}]}
    event = {"event": "active", "user_id": "u-1", "os": "android", "android_id": "5f8c1e0b7a92d346"}
    kept_answer = shlex.quote(str(answer_file))
    auth = f"-H 'Authorization: Bearer {key}'"
    post = f"{auth} -H 'Content-Type: application/json'"
    event_id = f"""$(sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p' {kept_answer})"""
    return f"""
Rivermouth is up. Ctrl-C stops everything.

  Admin      {web_url}/admin/  ({login})
  Playground {web_url}/
  API        {web_url}/api/docs/
  Providers  {_providers(sandbox_url)}

A streamed chat, an event report, and what became of the event:

curl -N -sS {web_url}/v1/chat/completions {post} -d '{json.dumps(chat)}'

curl -sSw '\\n' {web_url}/api/events/ {post} -d '{json.dumps(event)}' | tee {kept_answer}

curl -sSw '\\n' {web_url}/api/events/{event_id}/ {auth}
"""


def _providers(sandbox_url: str | None) -> str:
    if sandbox_url is None:
        return "as set by ARK_API_KEY, ARK_BASE_URL and OCEANENGINE_BASE_URL"
    return f"played by the sandbox, since ARK_API_KEY is not set: {sandbox_url}/_ledger shows what they got"
