"""What a caller has shown, at any endpoint: a server's API key, or a token of one of the app's users."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Who calls and what they may do; `request.auth` of every API request.

    `caller_id` is the Django user behind the key, None for a token that the app signed itself. `user_id` is the app's
    user that a token was made for: such a caller acts for this user only. None: a server, which acts for all.

    The limits that a key may carry are kept here for the job that applies them; None: the default of its setting.
    `allowed_models` are names of what the caller may use; empty: everything.
    """

    name: str
    caller_id: int | None
    app_id: int | None
    user_id: str | None = None
    is_throttled: bool = True
    allowed_models: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    concurrent_streams: int | None = None
    tokens_per_day: int | None = None

    def may_use(self, model: str) -> bool:
        return not self.allowed_models or model in self.allowed_models

    @property
    def owner(self) -> str:
        """Who owns what this caller starts: nobody else may read or stop it.

        A user stays the same when the app's backend changes its key. The same id in two apps means two users.
        """
        if self.user_id is None:
            return f"key:{self.name}"
        issuer = self.name if self.caller_id is None else f"{self.caller_id}:{self.app_id}"
        return f"user:{issuer}:{self.user_id}"
