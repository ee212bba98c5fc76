"""The table of contents: every path of the site."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import unknown_paths
from foundation.access.views import TokenView
from foundation.serving import health
from streaming.unknown_paths import unknown_path

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("statusz", health.statusz, name="statusz"),
    path("metrics", health.metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/tokens/", TokenView.as_view(), name="tokens"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", RedirectView.as_view(pattern_name="docs")),  # people type it without the slash
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("", include("streaming.urls")),
    path("", include("attribution.urls")),
    # Other services' base URLs, and ours with a slip of the pen: its clients read JSON.
    re_path(
        r"^(?!admin/)(?:.*/)?(?:chat|chat/completions|completions|models|responses|embeddings)(?:/|$)", unknown_path
    ),
    re_path(r"^api(?:/|$)", unknown_paths.under_api),  # after all existing paths
    path("admin/", admin.site.urls),  # after the apps' own pages below it: it answers every remaining path
]
