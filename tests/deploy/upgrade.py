"""Run as a process of its own on an empty database: fill it as the first version had it, migrate, look, and go back.

Prints what the rows say at the end of each step, as JSON: `{"forth": …, "one back and forth": …}`.
"""

import datetime as dt
import json
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

from attribution.models import Attempt, Attribution, Conversion  # noqa: E402
from attribution.statistics import summing  # noqa: E402
from foundation.access.models import ApiKey  # noqa: E402

OURS = ("access", "alerts", "attribution", "streaming")
# The first migrations after which all tables existed.
FIRST = [
    ("access", "0001_api_key"),
    ("attribution", "0003_conversions"),
    ("streaming", "0001_providers_and_completions"),
]
USERS = 20
NOW = dt.datetime.now(dt.UTC)


def main() -> None:
    executor = MigrationExecutor(connection)
    fill(executor.migrate(FIRST).apps)
    call_command("migrate", verbosity=0)
    found: dict[str, Any] = {"forth": look()}
    for app in OURS:
        call_command("migrate", app, before_last(app), verbosity=0)
    call_command("migrate", verbosity=0)
    found["one back and forth"] = look()
    for app in OURS:
        call_command("migrate", app, "zero", verbosity=0)
    tables = connection.introspection.table_names()
    found["left of ours"] = [name for name in tables if name.partition("_")[0] in OURS]
    print(json.dumps(found))


def fill(apps: Any) -> None:
    """An app, a caller with a key for it, and users (every second one organic) with one payment each."""
    model = apps.get_model
    app = model("attribution", "App").objects.create(slug="demo", ios_bundle="com.example.demo", monitor_token="m")
    user = model("auth", "User").objects.create(username="backend", password="!")
    model("access", "ApiKey").objects.create(digest="d" * 128, token_key="rm_12345", user=user, app=app)
    for number in range(USERS):
        common = {"app": app, "user_id": f"u-{number}"}
        attribution = model("attribution", "Attribution").objects.create(
            **common,
            is_attributed=bool(number % 2),
            callback_param="c" if number % 2 else "",
            source="click" if number % 2 else "",
            activated_at=NOW,
            asked_at=NOW,
            advertiser_id=7,
        )
        for event, amount_fen in (("active", None), ("active_pay", 600)):
            conversion = model("attribution", "Conversion").objects.create(
                **common,
                attribution=attribution,
                dedup_key=f"{number:08x}-0000-4000-8000-0000000000{'01' if amount_fen else '02'}",
                event=event,
                amount_fen=amount_fen,
                os="ios",
                occurred_at=NOW,
                received_at=NOW,
                give_up_at=NOW + dt.timedelta(days=3),
                state="reported" if number % 2 else "organic",
                advertiser_id=7,
            )
            model("attribution", "Attempt").objects.create(
                conversion=conversion, kind="report", outcome="accepted", started_at=NOW
            )


def look() -> dict[str, Any]:
    """Reads with today's models."""
    summing.repair(days=2, now=NOW)
    return {
        "users": list(User.objects.values_list("username", flat=True)),
        "keys": list(ApiKey.objects.values_list("token_key", "app_slug")),
        "attributions": Attribution.objects.count(),
        "conversions": Conversion.objects.count(),
        "paid_fen": sum(Conversion.objects.exclude(amount_fen=None).values_list("amount_fen", flat=True)),
        "attempts": Attempt.objects.count(),
        "differences": [str(difference) for difference in summing.verify(days=2, now=NOW)],
    }


def before_last(app: str) -> str:
    names = sorted(name for label, name in MigrationExecutor(connection).loader.disk_migrations if label == app)
    return names[-2]


if __name__ == "__main__":
    main()
