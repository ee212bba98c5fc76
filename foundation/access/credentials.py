"""What a caller authenticated with: a server's API key, or the token of one of the app's users."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Who is calling and what they may do; `request.auth` of every API request.

    `caller_id` is the Django user behind the key, None for a token that the app signed itself. `user_id` is the app's
    user for whom the token was made: the caller acts for this user only. None: a server, which acts for all users.

    The limits of a key are carried here for the job that applies them; None: the default from the settings.
    `allowed_models` are the names of the models that the caller may use; empty: all of them.
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
        """The owner of whatever this caller starts: nobody else may read or stop it.

        A user stays the same owner when the app's backend changes its key. One user id in two apps means two users.
        """
        if self.user_id is None:
            return f"key:{self.name}"
        issuer = self.name if self.caller_id is None else f"{self.caller_id}:{self.app_id}"
        return f"user:{issuer}:{self.user_id}"
