"""From one item of a request to an event that can be stored, or to errors that name its fields."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rest_framework.exceptions import ValidationError

from attribution.devices.device_ids import is_absent
from attribution.events import event_words, field_names, hints, known_apps
from attribution.events.known_users import IDS
from attribution.events.reported import CALLBACK, ONCE_PER_USER, ReportedEvent
from attribution.events.serializers import CountedSerializer
from attribution.models import Event
from attribution.platforms.registry import page_platform, platforms
from foundation.access.credentials import Credential

# DRF copies all fields for each new instance, which costs more than validating an event.
_COUNTED = CountedSerializer()
DEVICE_FIELDS = (*IDS, "ip", "user_agent")
# The platform's callback parameter, by the name of the landing page's parameter or by its own.
CALLBACK_FIELDS = ("callback", "clickid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports, and the defaults for fields that an event leaves out. `app_id_of` finds an app by its slug.

    `ip` and `user_agent` are those of the request; they are the phone's only if a user's token came with it.
    """

    credential: Credential
    ip: str
    user_agent: str
    app_id_of: Callable[[str], int | None]

    def read(self, item: Any, now: datetime) -> ReportedEvent:
        """One event of the request's JSON. Raises: `ValidationError`, whose detail names the fields."""
        given = _counted(item)
        said, ignored = hints.read(item, _system_numbers())
        properties, why = hints.properties(item.get("properties"))
        ignored |= {"properties": why} if why else {}
        callback = _callback(item, now, ignored)
        user_id = given.get("user_id") or self.credential.user_id or _user_of(callback, ignored)
        app_id = self._app_id(given.get("app"))
        if errors := self._not_allowed(given, user_id, app_id):
            raise ValidationError(errors)
        meaning = event_words.meaning(given["event"], known_apps.get(app_id or 0))
        amount_fen = given.get("amount", meaning.amount_fen(properties))
        if meaning.event == Event.PAY:
            _check_payment(amount_fen, given, item)
        elif meaning.event in ONCE_PER_USER and amount_fen is not None:
            amount_fen, ignored["amount"] = None, "only payments have one"
        ignored |= field_names.unknown(item)
        return ReportedEvent(
            app_id=app_id or 0,
            user_id=user_id,
            event=meaning.event,
            app_event=meaning.app_event,
            properties=properties,
            is_once_per_user=meaning.is_once_per_user,
            is_test=given.get("test", False),
            os=said.get("os", ""),
            device=self._device(said, callback),
            channel=said.get("channel", ""),
            amount_fen=amount_fen,
            outer_event_id=given.get("outer_event_id", ""),
            occurred_at=_moment(given, now, ignored),
            ignored=ignored,
        )

    def _device(self, said: Mapping[str, str], callback: str) -> dict[str, str]:
        is_phone = self.credential.user_id is not None
        device = {"ip": self.ip, "user_agent": self.user_agent} if is_phone else {}
        device |= {name: said[name] for name in DEVICE_FIELDS if name in said}
        return {name: value for name, value in (device | {CALLBACK: callback}).items() if value}

    def _not_allowed(self, given: Mapping[str, Any], user_id: str, app_id: int | None) -> dict[str, list[str]]:
        own_user_id = self.credential.user_id
        errors = {}
        if own_user_id is not None and user_id != own_user_id:
            errors["user_id"] = [f"{user_id!r} is not the user of this token."]
        if app_id is None:
            no_app = (
                f"There is no app {given['app']!r} for this key."
                if "app" in given
                else "Required: this key has no app of its own."
            )
            errors["app"] = [no_app]
        return errors

    def _app_id(self, slug: str | None) -> int | None:
        """None: no such app, none given, or not the token's."""
        own_id = self.credential.app_id
        app_id = self.app_id_of(slug) if slug else own_id
        is_foreign = self.credential.user_id is not None and own_id not in (None, app_id)
        return None if is_foreign else app_id


def _counted(item: Any) -> dict[str, Any]:
    """The fields that identify or count, if they are given. Raises: `ValidationError`, which names all wrong ones."""
    errors: dict[str, Any] = {}
    given: dict[str, Any] = {}
    try:
        given = {name: value for name, value in _COUNTED.run_validation(item).items() if value not in (None, "")}
    except ValidationError as err:
        errors = dict(err.detail) if isinstance(err.detail, dict) else {"non_field_errors": err.detail}
    if isinstance(item, dict) and not any(map(item.get, CALLBACK_FIELDS)) and (missing := _no_user(item)):
        errors.setdefault("user_id", [missing])
    if errors:
        raise ValidationError(_with_names_meant(errors, item))
    return given


def _no_user(item: Mapping[str, Any]) -> str:
    user_id = item.get("user_id")
    if user_id is None:
        return "This field is required."
    return "This field may not be blank." if isinstance(user_id, str) and not user_id.strip() else ""


def _with_names_meant(errors: Mapping[str, Any], item: Any) -> dict[str, Any]:
    """The errors, with the unknown name under which a field that is missing may have been sent."""
    if not isinstance(item, dict):
        return dict(errors)
    meant = {name: field_names.meant_by(item, name) for name in errors if name not in item}
    return {
        name: [*said, f"Did you mean {name} by {meant[name]}?"] if meant.get(name) else said
        for name, said in errors.items()
    }


def _check_payment(amount_fen: int | None, given: Mapping[str, Any], item: Mapping[str, Any]) -> None:
    missing = [*(["amount"] if amount_fen is None else []), *([] if "outer_event_id" in given else ["outer_event_id"])]
    if missing:
        raise ValidationError(_with_names_meant({name: ["Required for a payment."] for name in missing}, item))


def _moment(given: Mapping[str, Any], now: datetime, ignored: dict[str, str]) -> datetime:
    moment: datetime = given.get("occurred_at", now)
    if moment > now:
        ignored["occurred_at"] = f"{moment.isoformat()} is ahead of our clock; taken as now"
        return now
    return moment


def _callback(item: Mapping[str, Any], now: datetime, ignored: dict[str, str]) -> str:
    """The platform's callback parameter, whatever field it came in."""
    found = ""
    for name in CALLBACK_FIELDS:
        given = item.get(name)
        if given is None or given == "":
            continue
        callback = _callback_in(given, now)
        if not callback:
            ignored[name] = "not a callback parameter of the platform"
        elif found and callback != found:
            ignored[name] = "differs from callback"
        else:
            found = callback
    return found


def _callback_in(given: Any, now: datetime) -> str:
    """Read as in a monitor link: one of the platform's addresses has it as a parameter; macros are none."""
    if not isinstance(given, str) or not hints.is_storable(given):
        return ""
    text = given.strip().replace(" ", "+")  # what a form's decoding makes of a plus
    _slug, platform = page_platform()
    callback = platform.read_click(f"callback={quote(text, safe='')}", received_at=now).callback
    return "" if is_absent(callback) else callback


def _user_of(callback: str, ignored: Mapping[str, str]) -> str:
    """Pages and mini games may know no user: whoever came with one callback is one. Raises: `ValidationError`."""
    if callback:
        return f"click:{hashlib.blake2b(callback.encode(errors='surrogatepass'), digest_size=16).hexdigest()}"
    if wrong := {name: [ignored[name]] for name in CALLBACK_FIELDS if name in ignored}:
        raise ValidationError(wrong)
    return ""


def _system_numbers() -> dict[str, str]:
    """If two platforms use one number, the first platform's meaning counts."""
    return {
        str(number): word
        for platform in reversed(list(platforms().values()))
        for number, word in platform.os_numbers.items()
    }
