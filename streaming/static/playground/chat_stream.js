// A client of the app profile: sends a chat, delivers its events in order and once each, and resumes by itself when the
// connection breaks. No dependency; docs/app-profile.md explains it.

const TERMINAL = new Set(["done", "error"]);
// Waits before attempts in a row that bring nothing new; after the last one the chat is lost.
const RETRY_AFTER_MS = [0, 500, 1000, 2000, 4000, 8000, 8000, 8000];

export class ChatError extends Error {
  constructor({ message, code, status }) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * Start a chat and call `onEvent({id, type, ...payload})` for each event, up to `done` or `error`.
 *
 * @param {string} [url] the server, as in `https://chat.example.com`; this page's own if left out
 * @param {object} body what `POST /api/chat/` takes
 * @param {() => Promise<string>} token gives the API key or user token
 * @param {(event: object) => void} onEvent
 * @param {AbortSignal} [signal] leaves the chat; it does not stop it
 * @throws {ChatError} refused before the first event, or lost for good
 */
export async function startChat({ url = "", body, token, onEvent, signal }) {
  const response = await send(`${url}/api/chat/`, { method: "POST", body: JSON.stringify(body), token, signal });
  const seen = { id: null, last: 0, isResumable: false, onEvent };
  if (!(await deliver(response, seen))) await followChat({ url, seen, token, signal });
}

/** Go on with a chat after its event `last` (0: from the start), for instance after a reload. */
export async function resumeChat({ url = "", id, last = 0, token, onEvent, signal }) {
  await followChat({ url, seen: { id, last, isResumable: true, onEvent }, token, signal });
}

export async function stopChat({ url = "", id, token }) {
  await send(`${url}/api/chat/${id}/stop/`, { method: "POST", token });
}

async function followChat({ url, seen, token, signal }) {
  for (let fruitless = 0; seen.isResumable && fruitless < RETRY_AFTER_MS.length; fruitless += 1) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS[fruitless]));
    const last = seen.last;
    try {
      const headers = { "Last-Event-ID": String(last) };
      const response = await send(`${url}/api/chat/${seen.id}/stream/`, { headers, token, signal });
      if (response.status === 204 || (await deliver(response, seen))) return;
    } catch (error) {
      if (isFinal(error)) throw error;
    }
    if (seen.last > last) fruitless = -1;
  }
  throw new ChatError({ message: "The connection was lost.", code: "connection_lost" });
}

function isFinal(error) {
  return error.name === "AbortError" || (error.status >= 400 && error.status < 500 && error.status !== 429);
}

async function send(address, { method = "GET", headers = {}, body, token, signal }) {
  const response = await fetch(address, {
    method,
    body,
    signal,
    headers: { ...headers, Authorization: `Bearer ${await token()}`, "Content-Type": "application/json" },
  });
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  const error = answer.error ?? { message: answer.detail ?? `${response.status} ${response.statusText}` };
  throw new ChatError({ ...error, status: response.status });
}

/** Deliver the events of one response; false if it ended before the terminal event. */
async function deliver(response, seen) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      buffer += value;
      const blocks = buffer.split("\n\n");
      buffer = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event === null || event.id <= seen.last) continue;
        seen.last = event.id;
        if (event.type === "start") {
          seen.id = event.payload.id;
          seen.isResumable = event.payload.resumable;
        }
        seen.onEvent({ ...event.payload, type: event.type, eventId: event.id });
        if (TERMINAL.has(event.type)) return true;
      }
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return false; // the network broke: resume
  }
}

/** `id`, `event` and one line of `data`: what the app profile sends; null for a heartbeat. */
function parse(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (!fields.data) return null;
  return { id: Number(fields.id), type: fields.event, payload: JSON.parse(fields.data) };
}
