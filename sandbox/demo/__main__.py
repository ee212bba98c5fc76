"""`make demo`: while `make run` is up, a fortnight of history and a live day, so that the admin has something to show.

1. Find the site that runs in this checkout; refuse one that reports to the real Ocean Engine.
2. Write the days before today, where they are missing (`history`, `chats`).
3. Play today through the public endpoints (`traffic`).
4. Sum up, and say where to look.

It may be run again, even after it was killed: existing days stay as they are, and today continues with new people.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django
import requests
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from config import environment
from sandbox.launcher.progress import steps

if TYPE_CHECKING:
    from attribution.models import App
    from sandbox.demo.people import User
    from sandbox.demo.traffic import Site

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCAL = CHECKOUT / ".local"
ANSWERS_WITHIN_S = 5


class CannotPlay(Exception):  # noqa: N818 - says what is the matter
    """Why the demo cannot play, and what to do about it, in one line for the person at the terminal."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much to play: activations and chats a day, days before today, and how long today's play lasts."""

    users: int = 110
    chats: int = 120
    days: int = 14
    live_chats: int = 30
    seconds: float = 80


def main() -> int:
    try:
        site = _running_site()
        counts = show(site, Size())
    except (CannotPlay, ImproperlyConfigured) as err:
        print(f"No demo: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What has been played stays; run it again for more.")
        return 130
    _say(site, counts)
    return 0


def show(site: "Site", size: Size) -> Counter[str]:
    """Fill history, play today, sum up. Returns what was sent today. Needs Django, and the site's own database."""
    from attribution.models import App  # noqa: PLC0415  # likewise
    from attribution.statistics import summing  # noqa: PLC0415  # its models need the loaded settings
    from sandbox.demo import history, traffic  # noqa: PLC0415  # likewise
    from sandbox.launcher import logins  # noqa: PLC0415  # likewise
    from streaming.usage import hours  # noqa: PLC0415  # likewise

    now = timezone.localtime(timezone.now(), timezone.get_default_timezone())
    app = App.objects.prefetch_related("channel_packages").get(slug=logins.DEMO_APP)
    yesterday = _write_history(app, now, size)
    plan = traffic.plan_for(
        now,
        about=size.users,
        chats=size.live_chats,
        stores_text=settings.CHAT_STORE_TEXT,
        seconds=size.seconds,
        returning=yesterday,
    )
    history.store_clicks(app, plan.earlier_taps)
    counts = traffic.play(site, plan)
    summing.catch_up(timezone.now())
    hours.sum_noted_hours(timezone.now())
    return counts


def _write_history(app: "App", now: datetime, size: Size) -> "Sequence[User]":
    """Returns who was activated yesterday."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415  # Django is set up first

    from sandbox.demo import chats, history, people  # noqa: PLC0415  # Django is set up first

    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    zone: Any = now.tzinfo
    caller = get_user_model().objects.filter(username=app.slug).first()
    history.introduce_advertisers()
    users: Sequence[User] = []
    for ago in steps(
        range(size.days, 0, -1), "days of history (written to the database, since they cannot be received today)"
    ):
        day = (now - timedelta(days=ago)).date()
        users = people.users_of(day, zone, about=size.users)
        history.add_day(app, day, zone, about=size.users, until=midnight)
        if caller and users:
            names = [user.user_id for user in users]
            owner = f"key:{app.slug}"
            chats.add_day(day, zone, count=size.chats, users=names, caller_id=caller.pk, owner=owner)
    return users


def _running_site() -> "Site":
    """Raises: CannotPlay."""
    file = CHECKOUT / environment.text("ENV_FILE", ".local/run.env")
    if not file.is_file():
        raise CannotPlay(
            "`make run` is not up in this checkout. Start it in another terminal, then run `make demo` again"
        )
    environment.read_file(file)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    host = environment.text("HOST", "127.0.0.1")
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{settings.PORT}"  # noqa: S104 - a comparison
    try:
        requests.get(f"{url}/readyz", timeout=ANSWERS_WITHIN_S).raise_for_status()
    except requests.RequestException as err:
        raise CannotPlay(f"the site does not answer at {url}; is `make run` up in this checkout? ({err})") from err
    return _site(url)


def _site(url: str) -> "Site":
    from attribution.models import App  # noqa: PLC0415  # needs the loaded settings
    from sandbox.demo.traffic import Site  # noqa: PLC0415  # likewise
    from sandbox.launcher import logins  # noqa: PLC0415  # likewise

    sandbox_url = settings.OCEANENGINE_BASE_URL
    if not _is_sandbox(sandbox_url):
        raise CannotPlay(
            f"conversions go to {sandbox_url}, which is not the sandbox: it would take invented users for real ones. "
            "Run it without ARK_API_KEY and OCEANENGINE_BASE_URL"
        )
    key = logins.demo_key(LOCAL / "demo_key")
    token = App.objects.get(slug=logins.DEMO_APP).monitor_token
    return Site(url=url, sandbox_url=sandbox_url, key=key, monitor_path=f"/track/oceanengine/{token}/")


def _is_sandbox(url: str) -> bool:
    """Only the sandbox has a ledger; hosts other than our own are not even asked."""
    if urlsplit(url).hostname not in {"127.0.0.1", "localhost"}:
        return False
    try:
        return "conversions" in requests.get(f"{url}/_ledger?limit=1", timeout=ANSWERS_WITHIN_S).json()
    except (requests.RequestException, ValueError):
        return False


def _say(site: "Site", counts: Counter[str]) -> None:
    sent = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(f"""
Played today: {sent}. Reports go on for a minute: an advertiser was down for a while.

  Dashboard     {site.url}/admin/?period=30d
  Statistics    {site.url}/admin/statistics/?period=30d&group_by=ad
  Send records  {site.url}/admin/attribution/conversion/
    rejected    {site.url}/admin/attribution/conversion/?state=rejected
    held        {site.url}/admin/attribution/conversion/?state=held
  Advertisers   {site.url}/admin/attribution/destination/
  Chats         {site.url}/admin/streaming/completion/
    cost        {site.url}/admin/streaming/usagehour/
    texts       {site.url}/admin/streaming/conversation/
  As JSON       {site.url}/api/stats/?group_by=ad

To verify the statistics against the rows: .venv/bin/python manage.py verify_stats
""")


if __name__ == "__main__":
    sys.exit(main())
