"""The chat playground at `/`: a page that uses the public endpoints, and a token for anyone signed in to the admin."""

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from foundation.access import tokens
from foundation.access.credentials import Credential
from streaming.unknown_paths import unknown_path

# Models write the page's text: whatever gets past the sanitiser finds nothing to run and nowhere to call.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@csrf_exempt  # it changes nothing; what is posted here is a client's whose base URL ends too early
def playground(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return unknown_path(request)
    texts = {
        "you": _("You"),
        "model": _("Model"),
        "reasoning": _("Reasoning"),
        "firstToken": _("First token"),
        "tokensPerSecond": _("tokens/s"),
        "tokens": _("tokens"),
        "finished": _("The answer is complete."),
        "stopped": _("The answer was stopped."),
        "lost": _("The answer was lost; ask again."),
        "noModels": _("No model is set up yet."),
        "keyRefused": _("The key was refused."),
        "signInAgain": _("Your session has ended; sign in again."),
    }
    response = render(request, "playground.html", {"texts": texts, "languages": settings.LANGUAGES})
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    return response


@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """A user token for the person who is signed in."""
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({"detail": "Sign in first."}, status=401)
    credential = Credential(name="playground", caller_id=user.pk, app_id=None)
    now = timezone.now()
    expires_at = now + dt.timedelta(seconds=settings.USER_TOKEN_TTL_S)
    minted = tokens.mint(credential, user_id=user.get_username(), ttl_s=settings.USER_TOKEN_TTL_S, now=now)
    return JsonResponse({"token": minted, "expires_at": expires_at})
