from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from attribution.models import App
from foundation.access import authentication
from foundation.access.models import ApiKey

pytestmark = pytest.mark.django_db


def issue_key(*arguments: str) -> str:
    output = StringIO()
    call_command("issue_key", *arguments, stdout=output)
    return output.getvalue()


def test_key_is_printed_alone_and_works() -> None:
    app = App.objects.create(slug="demo")

    printed = issue_key("backend", "--app", "demo")

    assert printed.count("\n") == 1
    credential = authentication.look_up(printed.strip())
    assert credential is not None
    assert (credential.app_id, credential.is_throttled, credential.user_id) == (app.pk, True, None)


def test_key_without_a_throttle() -> None:
    credential = authentication.look_up(issue_key("backend", "--throttle", "none").strip())

    assert credential is not None
    assert not credential.is_throttled


def test_caller_may_hold_several_keys() -> None:
    first, second = issue_key("backend").strip(), issue_key("backend").strip()

    assert first != second
    assert {key.user.username for key in ApiKey.objects.all()} == {"backend"}
    assert authentication.look_up(first) is not None
    assert authentication.look_up(second) is not None


def test_caller_can_not_sign_in() -> None:
    issue_key("backend")

    assert not ApiKey.objects.get().user.has_usable_password()


def test_unknown_app_is_named_and_nothing_is_made() -> None:
    App.objects.create(slug="demo")

    with pytest.raises(CommandError, match=r"^No app 'none' \(known: demo\)\. Make it with: manage\.py add_app none "):
        issue_key("backend", "--app", "none")

    assert not ApiKey.objects.exists()


def test_key_is_stored_as_a_hash() -> None:
    key = issue_key("backend").strip()

    row = ApiKey.objects.values().get()

    assert key not in str(row)
    assert key.startswith(row["token_key"])
