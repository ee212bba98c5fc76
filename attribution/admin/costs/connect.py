"""Connecting ad accounts: `/admin/costs/connect/<platform>/`, and where the platform sends people back to.

The state that goes along is of this session, good once and for a while: nobody else's consent can be slipped in.
"""

import logging
import secrets
import time
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from attribution.authorising.refreshing import AuthorisationLostError
from attribution.costs import connecting, sources
from attribution.models import CostAccount
from attribution.platforms import registry
from attribution.platforms.cost_source import CostError, CostSource

logger = logging.getLogger(__name__)

PERMISSION = "attribution.add_authorisation"
STATE = "cost_connection_states"
STATE_GOOD_FOR_S = 1800
# Tabs that are open at once.
MAX_STATES = 5


@never_cache
@require_GET
def page(request: HttpRequest, platform: str) -> HttpResponse:
    """What will happen, and the link to the platform's own page."""
    source = _source(request, platform)
    missing = sources.missing_settings(source)
    callback = settings.PUBLIC_URL + reverse("cost_callback", args=[platform])
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Connect %(platform)s") % {"platform": registry.name_of(platform)},
        "opts": CostAccount._meta,
        "missing": missing,
        "callback": callback,
        "back_url": reverse("admin:attribution_costaccount_changelist"),
    }
    if not missing:
        context["authorise_url"] = source.authorise_url(state=_new_state(request, platform), redirect_uri=callback)
    return TemplateResponse(request, "admin/costs/connect.html", context)


@never_cache
@require_GET
def callback(request: HttpRequest, platform: str) -> HttpResponseRedirect:
    """`GET /admin/costs/callback/<platform>/?state=…` and the platform's code."""
    source = _source(request, platform)
    again = redirect("cost_connect", platform)
    if not _take_state(request, platform, request.GET.get("state", "")):
        messages.error(request, _("This is not the answer to a connection that you began here. Begin again."))
        return again
    code = request.GET.get(source.code_parameter, "")
    if not code:
        messages.error(request, _("The platform sent no code: access was not granted."))
        return again
    try:
        authorisation = connecting.connect(platform, code, user_id=request.user.pk, clock=timezone.now)
    except (CostError, AuthorisationLostError) as err:
        logger.warning("No connection to %s: %s", platform, err)
        messages.error(request, _("The platform did not go along: %(error)s") % {"error": err})
        return again
    count = authorisation.accounts.count()
    connected = ngettext("%(count)d account is connected.", "%(count)d accounts are connected.", count)
    messages.success(request, connected % {"count": count} + " " + _("Their costs come within minutes."))
    return redirect("admin:attribution_costaccount_changelist")


def _source(request: HttpRequest, platform: str) -> CostSource:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    try:
        return sources.source_of(platform)
    except sources.NoSourceError as err:
        raise Http404 from err


def _new_state(request: HttpRequest, platform: str) -> str:
    state = secrets.token_urlsafe(24)
    states = [*request.session.get(STATE, []), [platform, state, time.time() + STATE_GOOD_FOR_S]]
    request.session[STATE] = states[-MAX_STATES:]
    return state


def _take_state(request: HttpRequest, platform: str, given: str) -> bool:
    """Whether this state was given out to this session, not long ago; it is good once."""
    states = request.session.get(STATE, [])
    for each in states:
        slug, state, good_until = each
        if slug == platform and constant_time_compare(state, given):
            request.session[STATE] = [other for other in states if other != each]
            return bool(time.time() <= good_until)
    return False
