// The dashboard's live parts. The feed only says that something has changed (at most once a second); what is shown is
// asked for again then, and now and then without being told.
"use strict";

(() => {
  const REFRESH_MS = { activity: 30_000, operations: 15_000 };
  const status = document.getElementById("live-status");
  const parts = document.querySelectorAll("[data-part]");
  if (!status || !parts.length) return;

  const refresh = async (part) => {
    if (document.hidden) {
      part.isStale = true;
      return;
    }
    if (part.isLoading) {
      part.isWanted = true;
      return;
    }
    part.isLoading = true;
    part.isWanted = part.isStale = false;
    try {
      const answer = await fetch(part.dataset.url, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) show(part, await answer.text());
    } catch {
      // Asked for again by the next change or timer.
    } finally {
      part.isLoading = false;
      if (part.isWanted) refresh(part);
    }
  };

  const keysOf = (part) => new Set([...part.querySelectorAll("[data-key]")].map((row) => row.dataset.key));

  const show = (part, html) => {
    const before = keysOf(part);
    part.innerHTML = html;
    for (const row of part.querySelectorAll("[data-key]")) {
      if (!before.has(row.dataset.key)) row.classList.add("is-new");
    }
  };

  const say = (state) => {
    status.dataset.state = state;
    status.textContent = status.dataset[state];
  };

  const activity = [...parts].filter((part) => part.dataset.part === "activity");
  const feed = new EventSource(status.dataset.url);
  feed.addEventListener("stream-open", () => {
    say("open");
    activity.forEach(refresh);
  });
  feed.addEventListener("changed", () => activity.forEach(refresh));
  feed.addEventListener("error", () => say("lost"));

  for (const part of parts) setInterval(() => refresh(part), REFRESH_MS[part.dataset.part]);
  document.addEventListener("visibilitychange", () => {
    for (const part of parts) if (part.isStale) refresh(part);
  });
  window.addEventListener("pagehide", () => feed.close());
})();
