"""Who is calling: `Authorization: Bearer <API key>`."""

from knox.auth import TokenAuthentication

from config.access.models import ApiKey


class ApiKeyAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no type information
    """Knox's authentication in one query.

    Knox's own loads all keys of the user on every request and deletes the expired ones; here an expired key is refused
    and stays, so that the admin shows when it ended.
    """

    def _cleanup_token(self, auth_token: ApiKey) -> bool:
        return auth_token.is_expired
