"""All settings. Values come only from the environment (12-factor); README has the table.

`make run` writes `.local/run.env` for its own services, so that `manage.py` in the same checkout finds them without any
configuration. `ENV_FILE` names another file; the real environment takes precedence over it. If values are wrong or
missing, the process does not start, and names all of them at once.
"""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from celery.schedules import crontab
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from config import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent

env.begin_collecting()
env.read_file(BASE_DIR / env.text("ENV_FILE", ".local/run.env"))

# --- Django -----------------------------------------------------------------------------------------------------------

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY", "debug-only-" + "x" * 50 if DEBUG else None)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "*" if DEBUG else "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)
PUBLIC_URL = env.url("PUBLIC_URL", f"http://localhost:{PORT}")  # our public address: monitor links begin with it

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config.apps.ConfigConfig",
    "foundation.apps.FoundationConfig",
    "foundation.access.apps.AccessConfig",
    "foundation.alerts.apps.AlertsConfig",
    "streaming.apps.StreamingConfig",
    "attribution.apps.AttributionConfig",
]

MIDDLEWARE = [
    "foundation.serving.chunked.known_length",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
# Streams, and machines' calls that come by the thousand: see foundation/serving/driven.py.
DRIVEN_PATHS = re.compile(
    r"/v1/?|/v1(?:/[^/]+)+|/api/chat/(?:[^/]+/(?:(?:stream|stop)/)?)?|/api/events/|/track/.*|/admin/live/"
    r"|/healthz|/readyz|/statusz|/metrics"
)
# The most common mistakes in a base URL: no version, Ark's version, a slash at the end.
PATH_ALIASES = [
    (re.compile(r"/api/v3(?:/(.*?))?/?"), r"/v1/\1"),
    (re.compile(r"/((?:chat/completions|completions|models|responses|embeddings)(?:/.+?)?)/?"), r"/v1/\1"),
    (re.compile(r"/v1/(.+?)/"), r"/v1/\1"),
]
# Pages from these origins may call these paths: see foundation/serving/cors.py.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_PATHS = re.compile(r"/v1/.*|/api/(?:chat|conversations)/.*|/api/(?:events|tokens)/")
# For all streams of both jobs; the variables are named after chats, which were the first streams.
WRITE_TIMEOUT_S = env.seconds("CHAT_WRITE_TIMEOUT_S", 30)  # for a client that has stopped reading
DRAIN_S = env.seconds("CHAT_DRAIN_S", 10, minimum=0)  # time for open streams to end by themselves after SIGTERM
# The time before that, at most, in which requests are still accepted while a proxy in front gives up its idle
# connections. Must be longer than the proxy keeps them (deploy/upstream.conf: 5 s). 0: no more requests are accepted.
HANDOVER_S = env.seconds("HANDOVER_S", 0 if DEBUG else 6, minimum=0)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("MAX_BODY_BYTES", 16 * 1024 * 1024, minimum=1024)

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Behind a proxy that ends TLS. Off in DEBUG, where everything is plain HTTP on localhost.
HTTPS_ONLY = env.flag("HTTPS_ONLY", default=not DEBUG)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000 if HTTPS_ONLY else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = HTTPS_ONLY
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY

LOGIN_REDIRECT_URL = "admin:index"  # after a bare /admin/login/: unfold's form does not say where to go next

STATIC_URL = "static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
WHITENOISE_USE_FINDERS = DEBUG  # spares developers collectstatic

# --- Language and time ------------------------------------------------------------------------------------------------

LANGUAGES = [("en", _("English")), ("zh-hans", _("简体中文"))]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "en", [code for code, _name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
TIME_ZONE = env.time_zone("TIME_ZONE", "Asia/Shanghai")  # also decides what a "day" is in the statistics
USE_TZ = True

# --- PostgreSQL and Redis ---------------------------------------------------------------------------------------------

DATABASE_POOL_TIMEOUT_S = env.seconds("DATABASE_POOL_TIMEOUT_S", 5)
DATABASES = {"default": env.database("DATABASE_URL")}
DATABASES["default"]["ENGINE"] = "foundation.database.postgresql"
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# A pool, because async views change threads: a connection per thread would mean one per open request.
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 1,
    "max_size": env.integer("DATABASE_POOL_SIZE", 16, minimum=1),
    "timeout": DATABASE_POOL_TIMEOUT_S,
    # A failed attempt to connect is repeated after 1 s and given up after this time; the next request starts a new one.
    # With the pool's default of 5 minutes and its doubling pauses, requests kept failing for minutes after PostgreSQL
    # was back.
    "reconnect_timeout": 2.0,
}
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
# A hanging Redis must not hold anything up: after this time every request that uses it goes on without it.
REDIS_TIMEOUT_S = env.seconds("REDIS_TIMEOUT_S", 1.0)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S},
    }
}

# Decides who may follow the admin's live feed, which django-eventstream serves.
EVENTSTREAM_CHANNELMANAGER_CLASS = "attribution.announcing.live_feed.Channels"

# --- Celery -----------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True  # the rows record the outcome
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = TIME_ZONE
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # delay() against a frozen Redis hung for over 45 s without these (reference measurements, 2026).
    "socket_timeout": REDIS_TIMEOUT_S,
    "socket_connect_timeout": REDIS_TIMEOUT_S,
}
# No limit. A message whose acknowledgement meets a frozen Redis keeps its place in the limit for ever: with a limit of
# one the worker never took another message (measured, celery 5.7.0, kombu 5.7.0). Messages are only hints here: the
# work itself is claimed row by row.
CELERY_WORKER_PREFETCH_MULTIPLIER = 0
# No remote control (and no gossip, see the Procfile). When the connection is lost, Celery deletes their queues. Without
# Redis that fails and ended the worker: "Unrecoverable error: 'NoneType' object has no attribute 'hostname'" (measured,
# celery 5.7.0, kombu 5.7.0, Redis killed).
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULE_FILENAME = env.text("BEAT_SCHEDULE_FILE", "celerybeat-schedule")  # when each entry last ran
CELERY_BEAT_SCHEDULE = {
    "worker heartbeat": {"task": "config.heartbeat", "schedule": 10.0, "options": {"expires": 10.0}},
    "upkeep": {"task": "config.sweep", "schedule": 30.0, "options": {"expires": 30.0}},
    "purge": {"task": "config.purge", "schedule": crontab(hour="4", minute="10")},
    "verify statistics": {"task": "attribution.verify_statistics", "schedule": crontab(hour="3", minute="40")},
    "import costs": {"task": "attribution.import_costs", "schedule": 60.0, "options": {"expires": 60.0}},
    "due conversions": {"task": "attribution.deliver", "schedule": 5.0, "options": {"expires": 5.0}},
}

# --- Who may call -----------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
KNOX_TOKEN_MODEL = "access.ApiKey"  # noqa: S105  # the name of a model
# Its migrations would create the table of the model that ours replaces. Even empty, that table's foreign key would make
# every flush of auth_user fail.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": None,  # a key lives until it is revoked, unless it is issued with an expiry
    "TOKEN_PREFIX": "rm_",  # lets secret scanners recognise a leaked key
}
# How long a web process caches a key; a revoked key works this much longer.
API_KEY_CACHE_S = env.seconds("API_KEY_CACHE_S", 5, minimum=0)
# User tokens: see foundation/access/tokens.py.
USER_TOKEN_SECRET = env.text("USER_TOKEN_SECRET", SECRET_KEY)
USER_TOKEN_SHARED_SECRETS = env.pairs("USER_TOKEN_SHARED_SECRETS", "")
USER_TOKEN_TTL_S = env.integer("USER_TOKEN_TTL_S", 3600, minimum=60, maximum=24 * 3600)
# Requests per minute per key, over all endpoints; keys issued with `--throttle none` are exempt.
API_REQUESTS_PER_MINUTE = env.integer("API_REQUESTS_PER_MINUTE", 6000, minimum=1)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["foundation.access.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["foundation.access.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["foundation.parsing.rest.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["foundation.parsing.rest.JsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "foundation.parsing.rest.AlwaysJson",
    "EXCEPTION_HANDLER": "foundation.parsing.rest.answer_of",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNICODE_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Rivermouth",
    "DESCRIPTION": "Chat streaming and Ocean Engine attribution.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # The page's scripts come from this server, not from a public CDN, since they run with the site's cookies.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "streaming.schema.add_chat_paths"],
}

# --- Admin ------------------------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Rivermouth",
    "SITE_HEADER": "Rivermouth",
    "SITE_SYMBOL": "water",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("rivermouth/icon.svg")}],
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "attribution.admin.pages.dashboard.context",
    "SIDEBAR": {"navigation": "config.navigation.sidebar"},
}

# --- Alerts -----------------------------------------------------------------------------------------------------------

# Days until `manage.py purge` deletes incidents that are over, with the log of the messages about them.
ALERT_RETENTION_DAYS = env.integer("ALERT_RETENTION_DAYS", 180, minimum=1)
# For e-mail channels; "": they can't send.
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, minimum=1, maximum=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
_email_security = env.choice("EMAIL_SECURITY", "starttls", ["starttls", "tls", "none"])
EMAIL_USE_TLS = _email_security == "starttls"
EMAIL_USE_SSL = _email_security == "tls"
EMAIL_TIMEOUT = 5  # seconds for each step: connect, greeting, …
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "rivermouth@localhost")

# --- Chat streaming ---------------------------------------------------------------------------------------------------

ARK_API_KEY = env.text("ARK_API_KEY", "")
ARK_BASE_URL = env.url("ARK_BASE_URL", "https://ark.cn-beijing.volces.com/api/v3")
ARK_MODELS = env.pairs("ARK_MODELS", "doubao=doubao-1-5-pro-32k-250115")

# The protocols that providers speak, one module each.
CHAT_DIALECTS = {
    "ark": "streaming.wire.dialects.ark.DIALECT",
    "openai": "streaming.wire.dialects.openai.DIALECT",
}
# The vendors whose error codes and finish reasons are known, one module each.
CHAT_VENDORS = {
    "ark": "streaming.wire.vendors.china.ark.VENDOR",
    "dashscope": "streaming.wire.vendors.china.dashscope.VENDOR",
    "deepseek": "streaming.wire.vendors.china.deepseek.VENDOR",
    "hunyuan": "streaming.wire.vendors.china.hunyuan.VENDOR",
    "minimax": "streaming.wire.vendors.china.minimax.VENDOR",
    "moonshot": "streaming.wire.vendors.china.moonshot.VENDOR",
    "qianfan": "streaming.wire.vendors.china.qianfan.VENDOR",
    "siliconflow": "streaming.wire.vendors.china.siliconflow.VENDOR",
    "stepfun": "streaming.wire.vendors.china.stepfun.VENDOR",
    "zhipu": "streaming.wire.vendors.china.zhipu.VENDOR",
    "azure": "streaming.wire.vendors.world.azure.VENDOR",
    "openai": "streaming.wire.vendors.world.openai.VENDOR",
    "openrouter": "streaming.wire.vendors.world.openrouter.VENDOR",
}
CHAT_DEFAULT_MODEL = env.text("CHAT_DEFAULT_MODEL", "")  # "" is the first one
CHAT_CATALOGUE_CACHE_S = env.seconds("CHAT_CATALOGUE_CACHE_S", 5, minimum=0)

CHAT_TRIES_PER_ROUTE = env.integer("CHAT_TRIES_PER_ROUTE", 2, minimum=1)
# A route that failed so often in a row is passed over for this time, then probed by one turn. 0 s: never.
CHAT_COOL_DOWN_FAILURES = env.integer("CHAT_COOL_DOWN_FAILURES", 3, minimum=1)
CHAT_COOL_DOWN_S = env.seconds("CHAT_COOL_DOWN_S", 30, minimum=0)
CHAT_CONNECT_TIMEOUT_S = env.seconds("CHAT_CONNECT_TIMEOUT_S", 5)
CHAT_FIRST_CONTENT_TIMEOUT_S = env.seconds("CHAT_FIRST_CONTENT_TIMEOUT_S", 30)
CHAT_IDLE_TIMEOUT_S = env.seconds("CHAT_IDLE_TIMEOUT_S", 60)
CHAT_TOTAL_TIMEOUT_S = env.seconds("CHAT_TOTAL_TIMEOUT_S", 3600)
CHAT_HEARTBEAT_S = env.seconds("CHAT_HEARTBEAT_S", 15)
CHAT_STORE_TEXT = env.flag("CHAT_STORE_TEXT", default=True)  # off: no text of a chat in the database
CHAT_HISTORY_MAX_TOKENS = env.integer("CHAT_HISTORY_MAX_TOKENS", 24_000, minimum=100)

# Limits for keys, unless the key sets its own; and limits for one user of the app. Tokens 0: no limit.
CHAT_REQUESTS_PER_MINUTE = env.integer("CHAT_REQUESTS_PER_MINUTE", 600, minimum=1)
CHAT_CONCURRENT_STREAMS = env.integer("CHAT_CONCURRENT_STREAMS", 200, minimum=1)
CHAT_TOKENS_PER_DAY = env.integer("CHAT_TOKENS_PER_DAY", 0)
CHAT_USER_REQUESTS_PER_MINUTE = env.integer("CHAT_USER_REQUESTS_PER_MINUTE", 60, minimum=1)
CHAT_USER_CONCURRENT_STREAMS = env.integer("CHAT_USER_CONCURRENT_STREAMS", 5, minimum=1)
CHAT_USER_TOKENS_PER_DAY = env.integer("CHAT_USER_TOKENS_PER_DAY", 0)

CHAT_GRACE_S = env.seconds("CHAT_GRACE_S", 30, minimum=0)  # how long an app profile chat continues unread
CHAT_MAX_DETACHED = env.integer("CHAT_MAX_DETACHED", 500)  # chats that continue unread, over all processes
CHAT_LOG_TTL_S = env.integer("CHAT_LOG_TTL_S", 600, minimum=1)  # how long a chat can be replayed after its end
CHAT_LOG_MAX_ENTRIES = env.integer("CHAT_LOG_MAX_ENTRIES", 20_000, minimum=100)
CHAT_MAX_EVENT_BYTES = env.integer("CHAT_MAX_EVENT_BYTES", 8 * 1024 * 1024, minimum=1024)
CHAT_PROCESS_SILENT_AFTER_S = env.seconds("CHAT_PROCESS_SILENT_AFTER_S", 30, minimum=10)

# --- Attribution ------------------------------------------------------------------------------------------------------

# The ad platforms, keyed by the word used for each in URLs and rows; one folder each, see attribution/platforms.
ATTRIBUTION_PLATFORMS = {"oceanengine": "attribution.platforms.oceanengine.platform.OceanEngine"}

OCEANENGINE_BASE_URL = env.url("OCEANENGINE_BASE_URL", "https://analytics.oceanengine.com")

# Encrypts and digests device ids. Several keys for rotation, newest first: see attribution/devices/device_ids.py.
_debug_encryption_key = urlsafe_b64encode(sha256(SECRET_KEY.encode()).digest()).decode()
FIELD_ENCRYPTION_KEYS = env.encryption_keys("FIELD_ENCRYPTION_KEY", _debug_encryption_key if DEBUG else None)
# A click that can't be stored within this time is answered with 503, and Ocean Engine calls again.
CLICK_STORE_TIMEOUT_S = env.seconds("CLICK_STORE_TIMEOUT_S", 3)
# Days until `manage.py purge` deletes rows: see attribution/purging.py. A click must outlive the longest click window
# of any app.
CLICK_RETENTION_DAYS = env.integer("CLICK_RETENTION_DAYS", 90, minimum=1)
DEVICE_ID_RETENTION_DAYS = env.integer("DEVICE_ID_RETENTION_DAYS", 90, minimum=1)
ATTEMPT_RETENTION_DAYS = env.integer("ATTEMPT_RETENTION_DAYS", 180, minimum=1)
CONVERSION_RETENTION_DAYS = env.integer("CONVERSION_RETENTION_DAYS", 730, minimum=1)
# Ways to authenticate reports; most accounts require none. With an app id and secret below (and neither of the first
# two), the token is fetched and renewed.
OCEANENGINE_ACCESS_TOKEN = env.text("OCEANENGINE_ACCESS_TOKEN", "")
OCEANENGINE_RS256_CREDENTIAL = env.text("OCEANENGINE_RS256_CREDENTIAL", "")
OCEANENGINE_RS256_PRIVATE_KEY = env.rsa_key("OCEANENGINE_RS256_PRIVATE_KEY", needed_by="OCEANENGINE_RS256_CREDENTIAL")
OCEANENGINE_SIGNATURE_SECRET = env.text("OCEANENGINE_SIGNATURE_SECRET", "")
# Codes in a 200 response. The vendor publishes no list: any other code is tried again a few times, then a refusal.
OCEANENGINE_FINAL_CODES = env.integers("OCEANENGINE_FINAL_CODES", "103,107")  # a refusal at once: callback invalid, old
OCEANENGINE_RETRY_CODES = env.integers("OCEANENGINE_RETRY_CODES", "")  # as if it could not be reached
OCEANENGINE_TOKEN_CODES = env.integers("OCEANENGINE_TOKEN_CODES", "40002,40101,40102,40103,40104,40105,40107")
OCEANENGINE_HARMONY_PLATFORM = env.text("OCEANENGINE_HARMONY_PLATFORM", "harmony")  # its word is not published
OCEANENGINE_CONNECT_TIMEOUT_S = env.seconds("OCEANENGINE_CONNECT_TIMEOUT_S", 3)
OCEANENGINE_READ_TIMEOUT_S = env.seconds("OCEANENGINE_READ_TIMEOUT_S", 10)
OCEANENGINE_TOTAL_TIMEOUT_S = env.seconds("OCEANENGINE_TOTAL_TIMEOUT_S", 15)

# Costs from Ocean Engine's Marketing API. It needs an app on Ocean Engine's developer site, to which advertisers grant
# access in the admin.
OCEANENGINE_MARKETING_BASE_URL = env.url("OCEANENGINE_MARKETING_BASE_URL", "https://api.oceanengine.com")
OCEANENGINE_OAUTH_BASE_URL = env.url("OCEANENGINE_OAUTH_BASE_URL", "https://ad.oceanengine.com")
OCEANENGINE_APP_ID = env.text("OCEANENGINE_APP_ID", "")
OCEANENGINE_APP_SECRET = env.text("OCEANENGINE_APP_SECRET", "")
OCEANENGINE_MARKETING_TIMEOUT_S = env.seconds("OCEANENGINE_MARKETING_TIMEOUT_S", 30)
COST_IMPORT_DAYS = env.integer("COST_IMPORT_DAYS", 8, minimum=1, maximum=60)  # today and the days before it
COST_IMPORT_INTERVAL_S = env.seconds("COST_IMPORT_INTERVAL_S", 3600, minimum=60)
COST_IMPORT_RETENTION_DAYS = env.integer("COST_IMPORT_RETENTION_DAYS", 90, minimum=1)  # for the log of imports
COST_RETRY_DELAYS_S = env.integers("COST_RETRY_DELAYS_S", "1,3,9")

# How long a worker owns a row that it claimed; then the row is due again (attribution.W001 checks it against timeouts).
CONVERSION_LEASE_S = env.seconds("CONVERSION_LEASE_S", 120)
CONVERSION_CONCURRENCY = env.integer("CONVERSION_CONCURRENCY", 32, minimum=1)  # requests in flight per worker process
CONVERSION_RETRY_DELAYS_S = env.integers("CONVERSION_RETRY_DELAYS_S", "5,30,120,600,1800,7200,18000,36000,36000")
# After a code other than success, unless the platform's table calls it final.
CONVERSION_REFUSAL_DELAYS_S = env.integers("CONVERSION_REFUSAL_DELAYS_S", "5,60,600,2700")
CONVERSION_RETRY_AFTER_MAX_S = env.seconds("CONVERSION_RETRY_AFTER_MAX_S", 3600)
CONVERSION_GIVE_UP_AFTER_S = env.seconds("CONVERSION_GIVE_UP_AFTER_S", 3 * 24 * 3600)
# When to ask again about an organic user: the SDK's launch report may reach Ocean Engine after our first query.
ORGANIC_LOOKUP_DELAYS_S = env.integers("ORGANIC_LOOKUP_DELAYS_S", "60,600,3600,21600,86400")
# The platform is asked again about an attributed user whose event, other than a payment, comes so long after its last
# answer. 0: never.
ATTRIBUTION_REFRESH_H = env.integer("ATTRIBUTION_REFRESH_H", 24)
# A destination's breaker: opens after this many failures in a row, first for the shorter time, which then doubles up to
# the longer one.
BREAKER_FAILURES = env.integer("BREAKER_FAILURES", 5, minimum=1)
BREAKER_OPEN_S = env.seconds("BREAKER_OPEN_S", 30)
BREAKER_OPEN_MAX_S = env.seconds("BREAKER_OPEN_MAX_S", 600)
EVENT_MAX_AGE_DAYS = env.integer("EVENT_MAX_AGE_DAYS", 7, minimum=1)

# --- Logging ----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "foundation.serving.logs.TextFormatter"},
        "json": {"()": "foundation.serving.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("LOG_FORMAT", "text", ["text", "json"]),
            "filters": ["repeats"],
        }
    },
    "filters": {
        "repeats": {"()": "foundation.serving.log_limit.LimitRepeats"},
        # A probe that asks every second would log every second what its response already says.
        "probes": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda line: not {"/readyz", "/statusz"} & set(line.args or ()),
        },
    },
    "loggers": {
        "django": {"handlers": []},  # in DEBUG Django adds its own handler, and every line would appear twice
        "django.request": {"filters": ["probes"]},
        # One line when a task arrives and one when it is done: with a sweep every few seconds they would fill the log.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])},
}

env.refuse_what_is_wrong()
