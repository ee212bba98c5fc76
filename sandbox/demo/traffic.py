"""Today, through the public endpoints: clicks on the monitor link, events, chats on both profiles, and failures.

What happens over a day is played within a minute or so; events say when they happened, from midnight (or from a few
hours ago, early in the day) up to now.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from sandbox.demo import people
from sandbox.demo.chats import QUESTIONS
from sandbox.demo.links import query_of
from sandbox.demo.people import Deed, Tap, User
from sandbox.launcher.progress import Progress

# At least this much of a day counts as past, so that there is something to play right after midnight.
MIN_DAY = timedelta(hours=6)
AT_ONCE = 8
CHATS_AT_ONCE = 6
TIMEOUT_S = 30
NEXT_DAY_SHARE = 0.3
TROUBLED = 1803550942617610  # an advertiser
# What goes wrong, and at which part of the play. Each fault is over after `times` uses, even if the demo is killed.
FAULTS = [
    (0.1, {"on": "conversion", "kind": "error_in_200", "code": 107, "message": "callback 已过期", "times": 3}),
    (0.25, {"on": "conversion", "kind": "reset_after", "times": 2}),
    # Enough for the breaker of this advertiser to open; the first try after its pause succeeds.
    (0.4, {"on": "conversion", "kind": "status", "status": 503, "times": 12, "match": {"advertiser_id": TROUBLED}}),
    (0.3, {"on": "chat", "kind": "cut", "after_chunks": 12, "times": 1}),
    (0.6, {"on": "chat", "kind": "status", "status": 503, "times": 1}),
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Site:
    """The running product, and the sandbox that plays its providers."""

    url: str
    sandbox_url: str
    key: str
    monitor_path: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`users` are activated today, `returning` were yesterday. `run` makes the ids of this play's rows unique.

    `earlier_taps` are clicks before today, which cannot be received today: a click arrives within seconds.
    """

    users: Sequence[User]
    returning: Sequence[User]
    taps: Sequence[Tap]
    earlier_taps: Sequence[Tap]
    now: datetime
    midnight: datetime
    run: str
    chats: int
    stores_text: bool
    seconds: float


def plan_for(
    now: datetime, *, about: int, chats: int, stores_text: bool, seconds: float, returning: Sequence[User]
) -> Plan:
    """`now`, in the site's time zone."""
    assert now.tzinfo is not None  # noqa: S101 - for the type checker
    run = f"{now:%H%M%S}"
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = min(midnight, now - MIN_DAY)

    def shrunk(at: datetime) -> datetime:
        """Compress a whole day into the part of it that has passed."""
        return begin + (at - midnight) / timedelta(days=1) * (now - begin)

    made = people.users_of(now.date(), now.tzinfo, about=about, run=run)
    users = [replace(user, activated_at=shrunk(user.activated_at)) for user in made]
    taps = [
        replace(tap, at=tap.at if tap.user else shrunk(tap.at))
        for tap in people.taps_of(users, now.date(), now.tzinfo, run=run)
    ]
    dice = random.Random(run)
    return Plan(
        users=users,
        returning=[user for user in returning if dice.random() < NEXT_DAY_SHARE],
        taps=[tap for tap in taps if tap.at >= midnight],
        earlier_taps=[tap for tap in taps if tap.at < midnight],
        now=now,
        midnight=begin,
        run=run,
        chats=chats,
        stores_text=stores_text,
        seconds=seconds,
    )


def play(site: Site, plan: Plan) -> Counter[str]:
    """Returns how many of each kind were sent, and how many requests failed ("errors")."""
    steps = sorted(_steps(plan), key=lambda step: step[0])
    stage = _Stage(site, Progress(len(steps), "clicks, events and chats"))
    began_at = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as calls, ThreadPoolExecutor(CHATS_AT_ONCE) as chats:
        for part, kind, action in steps:
            time.sleep(max(0.0, began_at + part * plan.seconds - time.monotonic()))
            (chats if kind == "chats" else calls).submit(stage.do, kind, action)
    stage.progress.finish()
    return stage.counts


Action = Callable[["_Stage"], None]
# When (0 is the beginning, 1 the end), what it counts as, and the call.
Step = tuple[float, str, Action]


def _steps(plan: Plan) -> Iterator[Step]:
    length = plan.now - plan.midnight

    def part(at: datetime) -> float:
        return min(max((at - plan.midnight) / length, 0.0), 1.0)

    for tap in plan.taps:
        yield part(tap.at), "clicks", _click(tap)
    for deed in _deeds(plan):
        yield part(deed.at), "events", _report(deed)
    dice = random.Random(f"chats {plan.run}")
    for number in range(plan.chats):
        user = dice.choice(plan.users) if plan.users else None
        yield dice.uniform(0, 0.85), "chats", _chat(number, dice.choice(QUESTIONS), user, plan.stores_text)
    for when, fault in FAULTS:
        yield when, "faults", _fault(fault)


def _deeds(plan: Plan) -> Iterator[Deed]:
    for user in plan.users:
        yield from (deed for deed in people.deeds_of(user) if deed.at <= plan.now)
    dice = random.Random(f"returning {plan.run}")
    for user in plan.returning:
        at = plan.midnight + (plan.now - plan.midnight) * dice.random()
        yield Deed(user=user, event="next_day_open", at=at)


def _click(tap: Tap) -> Action:
    return lambda stage: stage.get(f"{stage.site.monitor_path}?{query_of(tap, at=tap.at)}")


def _report(deed: Deed) -> Action:
    event: dict[str, Any] = {
        "event": deed.event,
        "user_id": deed.user.user_id,
        "os": deed.user.os,
        "channel": deed.user.channel,
        "occurred_at": deed.at.isoformat(),
        **deed.user.device,
    }
    if deed.amount_fen is not None:
        event |= {"amount": deed.amount_fen, "outer_event_id": deed.order}
    return lambda stage: stage.post("/api/events/", event)


def _chat(number: int, question: str, user: User | None, stores_text: bool) -> Action:
    """Alternates between an app's user on the app profile (sometimes in a stored conversation, now and then stopped or
    left) and a server on OpenAI's profile.
    """
    if number % 3 == 2 or user is None:
        body = {"model": "doubao", "stream": True, "messages": [{"role": "user", "content": question}]}
        return lambda stage: stage.read_stream("/v1/chat/completions", body, stage.site.key)
    max_lines = 40 if number % 7 == 3 else None
    is_stopped = number % 7 == 4
    is_stored = stores_text and number % 3 == 1

    def talk(stage: "_Stage") -> None:
        token = stage.post("/api/tokens/", {"user_id": user.user_id})["token"]
        body: dict[str, Any] = {"messages": [{"role": "user", "content": question}]}
        if is_stored:
            body = {"conversation": stage.post("/api/conversations/", {}, token)["id"], "message": question}
        stage.read_stream("/api/chat/", body, token, max_lines=max_lines, is_stopped=is_stopped)

    return talk


def _fault(fault: dict[str, Any]) -> Action:
    def ask(stage: "_Stage") -> None:
        requests.post(f"{stage.site.sandbox_url}/_faults", json=fault, timeout=TIMEOUT_S).raise_for_status()

    return ask


class _Stage:
    """Makes the calls and counts them, with one session per thread."""

    def __init__(self, site: Site, progress: Progress) -> None:
        self.site = site
        self.progress = progress
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._own = threading.local()

    def do(self, kind: str, action: Action) -> None:
        try:
            action(self)
        except (requests.RequestException, KeyError, ValueError) as err:
            kind = "errors"
            print(f"\n{type(err).__name__}: {err}", flush=True)
        with self._lock:
            self.counts[kind] += 1
        self.progress.advance()

    def get(self, path: str) -> None:
        self._session.get(self.site.url + path, timeout=TIMEOUT_S).raise_for_status()

    def post(self, path: str, body: Any, token: str = "") -> Any:
        """With the user's token, or as the app's backend."""
        headers = {"Authorization": f"Bearer {token or self.site.key}"}
        answer = self._session.post(self.site.url + path, json=body, headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def read_stream(
        self, path: str, body: Any, token: str, *, max_lines: int | None = None, is_stopped: bool = False
    ) -> None:
        """Read to the end, leave after some lines, or ask to stop after some."""
        headers = {"Authorization": f"Bearer {token}"}
        with requests.post(self.site.url + path, json=body, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            chat_id = ""
            for number, line in enumerate(answer.iter_lines()):
                if not chat_id and line.startswith(b"data:"):
                    chat_id = json.loads(line[5:]).get("id", "")
                if max_lines is not None and number > max_lines:
                    return
                if is_stopped and number == 60:
                    requests.post(f"{self.site.url}/api/chat/{chat_id}/stop/", headers=headers, timeout=TIMEOUT_S)

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._own.session.trust_env = False
            # The server may just have closed an idle connection. Everything sent here may safely be sent twice.
            again = HTTPAdapter(max_retries=Retry(2, allowed_methods=None))
            self._own.session.mount("http://", again)
        session: requests.Session = self._own.session
        return session
