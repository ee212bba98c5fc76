"""`POST /admin/streaming/route/<id>/test/`: the button "Test this route", and its result."""

from functools import partial

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST
from django.views.defaults import permission_denied

from foundation.database.threads import in_thread
from streaming.catalogue import catalogue
from streaming.models import Route
from streaming.routing import params
from streaming.turns import route_test
from streaming.turns.route_test import Outcome

PERMISSIONS = ["streaming.view_route", "streaming.test_route"]


@csrf_protect
@require_POST
async def page(request: HttpRequest, route_id: int) -> HttpResponseBase:
    """Async, so that it uses the event loop and provider connections of this process's chats."""
    if not await in_thread(lambda: admin.site.has_permission(request)):
        return redirect_to_login(reverse("admin:streaming_route_change", args=[route_id]), reverse("admin:login"))
    if not await in_thread(lambda: request.user.has_perms(PERMISSIONS)):
        return await in_thread(partial(permission_denied, request, PermissionDenied()))
    route = await in_thread(partial(_route, route_id))
    outcome = await route_test.run(catalogue.served(route), chat_model=route.chat_model.name, caller_id=request.user.pk)
    return await in_thread(partial(_rendered, request, route, outcome))


def _route(route_id: int) -> Route:
    """Raises: Http404."""
    return get_object_or_404(Route.objects.select_related("provider", "chat_model"), pk=route_id)


def _rendered(request: HttpRequest, route: Route, outcome: Outcome) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Test of a route"),
        "opts": Route._meta,
        "original": route,
        "outcome": outcome,
        "completion": outcome.completion,
        "refused": sorted(params.refused_by(catalogue.served(route))),
    }
    return render(request, "admin/streaming/route/tested.html", context)
