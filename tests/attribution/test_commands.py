"""Management commands, system checks and Celery tasks."""

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from pytest_django import Settings

from attribution import tasks
from attribution.checks import lease_outlasts_calls
from attribution.models import App
from tests.attribution.conftest import Pipeline


@pytest.mark.django_db
def test_add_app_prints_the_monitor_link_alone(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.PUBLIC_URL = "https://r.example"

    call_command("add_app", "demo", "--android", "com.a", "--channel", "HuaWei=com.a.huawei", "--channel", "oppo=com.o")
    call_command("add_app", "demo", "--ios", "com.i", "--channel", "HuaWei=com.a.hw")

    app = App.objects.get()
    first, second = capsys.readouterr().out.splitlines()
    assert (app.android_package, app.ios_bundle) == ("com.a", "com.i")
    assert dict(app.channel_packages.values_list("channel", "package")) == {"HuaWei": "com.a.hw", "oppo": "com.o"}
    assert first == second
    assert first.startswith(f"https://r.example/track/oceanengine/{app.monitor_token}/?")


@pytest.mark.django_db
@pytest.mark.parametrize("channel", ["HuaWei", "=com.a", "HuaWei="])
def test_add_app_refuses_a_channel_without_a_package(channel: str) -> None:
    with pytest.raises(CommandError, match="is not of the form CHANNEL=PACKAGE"):
        call_command("add_app", "demo", "--channel", channel)


def test_sweep_delivers_what_is_due(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    conversion = pipeline.report()

    call_command("sweep")

    conversion.refresh_from_db()
    assert conversion.state == "reported"
    assert "due conversions: 1\n" in capsys.readouterr().out


def test_task_delivers_what_is_due(pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    tasks.deliver()

    conversion.refresh_from_db()
    assert conversion.state == "reported"


def test_lease_that_is_too_short_is_an_error(settings: Settings) -> None:
    settings.CONVERSION_LEASE_S = 20

    assert lease_outlasts_calls() == [
        checks.Error(
            "CONVERSION_LEASE_S=20: a query and a report may take 72 s.",
            hint="Set a longer lease, or shorter OCEANENGINE_*_TIMEOUT_S.",
            id="attribution.E001",
        )
    ]
