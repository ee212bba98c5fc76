// The playground: one chat on one page. The transcript stays in this tab (sessionStorage), so that a reload in
// mid-answer shows it again and resumes the answer where it was.

import { resumeChat, startChat, stopChat } from "./chat_stream.js";
import { marked } from "./vendor/marked.esm.js";
import DOMPurify from "./vendor/purify.es.js";

const texts = JSON.parse(document.getElementById("texts").textContent);
const page = Object.fromEntries(
  ["log", "empty", "composer", "message", "send", "stop", "model", "sign-in", "key", "key-form", "clear", "status"].map(
    (id) => [id, document.getElementById(id)],
  ),
);
const isSignedIn = document.body.dataset.signedIn === "true";

const KEPT = "rivermouth-playground";
const KEPT_KEY = "rivermouth-playground-key";
let turns = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
let running = null; // the turn
let leaving = null; // its AbortController
const STOPPED = { state: "done", finishReason: "stop_requested" };

// --- Who calls -------------------------------------------------------------------------------------------------------

let userToken = { token: "", expiresAt: 0 };

async function token() {
  const key = sessionStorage.getItem(KEPT_KEY);
  if (key) return key;
  if (Date.now() < userToken.expiresAt - 30_000) return userToken.token;
  const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const response = await fetch("/playground/token/", { method: "POST", headers: { "X-CSRFToken": csrf } });
  if (!response.ok) throw new Error(texts.signInAgain);
  const answer = await response.json();
  userToken = { token: answer.token, expiresAt: Date.parse(answer.expires_at) };
  return userToken.token;
}

function mayCall() {
  return isSignedIn || sessionStorage.getItem(KEPT_KEY) !== null;
}

async function listModels() {
  const response = await fetch("/v1/models", { headers: { Authorization: `Bearer ${await token()}` } });
  if (!response.ok) throw new Error(texts.keyRefused);
  const { data } = await response.json();
  page.model.replaceChildren(...data.map(({ id }) => new Option(id, id)));
  if (data.length === 0) say(texts.noModels);
}

// --- What is shown ---------------------------------------------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// HTML in an answer is shown as text: Markdown has all that an answer needs.
marked.use({ renderer: { html: ({ text }) => element("span", "", text).innerHTML } });

/** Markdown of a model is hostile input: rendered, then sanitised; nothing is ever loaded from elsewhere. */
function renderMarkdown(text) {
  const html = marked.parse(text, { gfm: true, breaks: true, async: false });
  return DOMPurify.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["img", "audio", "video", "source", "picture", "style", "form", "input", "button", "textarea", "select"],
    FORBID_ATTR: ["style", "class", "id", "name", "background", "poster"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  });
}

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("rel", "noopener noreferrer");
    node.setAttribute("target", "_blank");
  }
});

/** The elements of one turn, and `update` that brings them up to date with it, at most once a frame. */
function show(turn) {
  page.empty.hidden = true;
  const question = element("article", "message question", turn.question);
  question.setAttribute("aria-label", texts.you);
  const answer = element("article", "message answer");
  answer.setAttribute("aria-label", texts.model);
  const reasoning = element("details", "reasoning");
  reasoning.append(element("summary", "", texts.reasoning), element("div", "reasoning-text"));
  const body = element("div", "markdown");
  const problem = element("p", "problem");
  problem.setAttribute("role", "alert");
  const figures = element("p", "figures");
  answer.append(reasoning, body, problem, figures);
  page.log.append(question, answer);

  const draw = () => {
    const isNearEnd = page.log.scrollHeight - page.log.scrollTop - page.log.clientHeight < 120;
    reasoning.hidden = !turn.reasoning;
    reasoning.lastChild.textContent = turn.reasoning;
    body.innerHTML = renderMarkdown(turn.text);
    body.classList.toggle("waiting", turn.state === "streaming" && !turn.text);
    answer.setAttribute("aria-busy", String(turn.state === "streaming"));
    problem.textContent = turn.problem ?? "";
    figures.textContent = describe(turn);
    if (isNearEnd) page.log.scrollTop = page.log.scrollHeight;
  };
  let frame = 0;
  const update = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  };
  draw();
  page.log.scrollTop = page.log.scrollHeight;
  return update;
}

function describe(turn) {
  const parts = [];
  if (turn.firstMs != null) parts.push(`${texts.firstToken} ${Math.round(turn.firstMs)} ms`);
  const completionTokens = turn.usage?.completion_tokens;
  if (completionTokens && turn.lastMs > turn.firstMs) {
    const rate = (completionTokens * 1000) / (turn.lastMs - turn.firstMs);
    parts.push(`${rate.toFixed(1)} ${texts.tokensPerSecond}`);
  }
  if (turn.usage) parts.push(`${turn.usage.prompt_tokens} + ${completionTokens} ${texts.tokens}`);
  if (turn.finishReason && turn.finishReason !== "stop") parts.push(turn.finishReason);
  return parts.join(" · ");
}

function say(text) {
  page.status.textContent = text;
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify(turns));
}

function setRunning(turn) {
  running = turn;
  page.send.hidden = turn !== null;
  page.stop.hidden = turn === null;
  page.stop.disabled = false;
}

// --- A turn ----------------------------------------------------------------------------------------------------------

function onEventOf(turn, update) {
  return (event) => {
    turn.last = event.eventId;
    const elapsed = Date.now() - turn.startedAt;
    if (event.type === "start") {
      turn.id = event.id;
    } else if (event.type === "delta" || event.type === "reasoning") {
      turn.firstMs ??= elapsed;
      turn.lastMs = elapsed;
      turn[event.type === "delta" ? "text" : "reasoning"] += event.text;
    } else if (event.type === "done") {
      Object.assign(turn, { state: "done", finishReason: event.finish_reason, usage: event.usage });
    } else if (event.type === "error") {
      Object.assign(turn, { state: "error", problem: event.message });
    }
    keep();
    update();
  };
}

async function run(turn, update, work) {
  setRunning(turn);
  say("");
  leaving = new AbortController();
  try {
    await work(onEventOf(turn, update), leaving.signal);
  } catch (error) {
    const end = error.name === "AbortError" ? STOPPED : { state: "error", problem: error.message };
    Object.assign(turn, end);
  } finally {
    if (turn.state === "streaming") Object.assign(turn, { state: "error", problem: texts.lost });
    keep();
    update();
    setRunning(null);
    say(turn.problem ? "" : turn.finishReason === "stop_requested" ? texts.stopped : texts.finished);
  }
}

function history() {
  return turns
    .filter((turn) => turn.text && turn.state !== "streaming")
    .flatMap((turn) => [
      { role: "user", content: turn.question },
      { role: "assistant", content: turn.text },
    ]);
}

async function ask(question) {
  const messages = [...history(), { role: "user", content: question }];
  const turn = { question, text: "", reasoning: "", state: "streaming", startedAt: Date.now(), last: 0 };
  turns.push(turn);
  keep();
  const body = { model: page.model.value || undefined, messages };
  await run(turn, show(turn), (onEvent, signal) => startChat({ body, token, onEvent, signal }));
}

async function goOn(turn, update) {
  if (!turn.id) {
    Object.assign(turn, { state: "error", problem: texts.lost });
    update();
    return;
  }
  await run(turn, update, (onEvent, signal) =>
    resumeChat({ id: turn.id, last: turn.last, token, onEvent, signal }),
  );
}

// --- The page --------------------------------------------------------------------------------------------------------

page.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = page.message.value.trim();
  if (!question || running) return;
  page.message.value = "";
  ask(question);
});

page.message.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    page.composer.requestSubmit();
  }
});

page.stop.addEventListener("click", async () => {
  if (!running) return;
  page.message.focus(); // the button goes away
  if (!running.id) {
    leaving.abort(); // nothing has come yet: to leave is to stop
    return;
  }
  page.stop.disabled = true;
  try {
    await stopChat({ id: running.id, token });
  } catch (error) {
    say(error.message);
    page.stop.disabled = false;
  }
});

page.clear.addEventListener("click", () => {
  if (running) return;
  turns = [];
  keep();
  for (const message of page.log.querySelectorAll(".message")) message.remove();
  page.empty.hidden = false;
  page.message.focus();
});

page["key-form"].addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEPT_KEY, page.key.value.trim());
  try {
    await listModels();
    enter();
  } catch (error) {
    sessionStorage.removeItem(KEPT_KEY);
    say(error.message);
  }
});

for (const select of document.querySelectorAll("select[data-submits]")) {
  select.addEventListener("change", () => select.form.submit());
}

function enter() {
  page["sign-in"].hidden = true;
  page.composer.hidden = false;
  page.clear.hidden = false;
  page.message.focus();
}

for (const turn of turns) {
  const update = show(turn);
  if (turn.state === "streaming") goOn(turn, update);
}
if (mayCall()) {
  enter();
  listModels().catch((error) => say(error.message));
}
