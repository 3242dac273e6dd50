"""Settings: one flat file, every knob an environment variable, parsed strictly.

A value that cannot be read stops the start. Each NAME may also be given as NAME_FILE, the path of
a file that holds it, which keeps secrets out of the process list.
"""

import re
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv
from whitenoise.compress import Compressor

from ade.hosts import postgres_options

# A file written with `echo` ends in a newline that is no part of the secret.
env = FileAwareEnv(strip_whitespace=True)

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules

# --- The server -----------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "not-a-secret" if DEBUG or TESTING else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY, or SECRET_KEY_FILE to a file that holds it.")
# Keys of before, so that a new SECRET_KEY signs nobody out; remove them some days later.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# Behind TLS the cookies carry the __Host- prefix, which browsers accept over https only.
HTTPS = env.bool("HTTPS", False)
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)

# Requests a minute, 0 for no limit: of one key or member, and of one address without either.
RATE_PER_CALLER = env.int("RATE_PER_CALLER", 0 if TESTING else 6000)
RATE_PER_ADDRESS = env.int("RATE_PER_ADDRESS", 0 if TESTING else 600)

# Seconds that a body may take to arrive, and a second more for each 10 kB of it; seconds that a client
# may take nothing of its answer.
BODY_SECONDS = env.int("BODY_SECONDS", 20)
READ_SECONDS = env.int("READ_SECONDS", 60)

# A folder that the processes of one server share on this machine, for counts that need not be kept.
# Empty: the web server's processes share one in the folder for temporary files.
RUN_DIR = env.str("RUN_DIR", "")

ROOT_URLCONF = "ade.urls"
WSGI_APPLICATION = "ade.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# A collection answers with and without its slash; an item's stray slash must never be redirected.
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    # Always there, so that a database fits whatever is switched on; without their settings they
    # have no pages.
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "ninja",
    "django_tasks",
    "django_tasks_db",
    "ade",
    "agents",
]

MIDDLEWARE = [
    "ade.middleware.RequestIdMiddleware",
    "ade.requestlog.RequestLogMiddleware",
    "ade.middleware.SecurityHeadersMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ade.middleware.ProbeMiddleware",
    "ade.bodies.BodyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "agents.api.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ade.middleware.SessionLimitsMiddleware",
    "ade.middleware.RateMiddleware",
    "ade.middleware.SignInRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "agents.views.errors.DomainErrorMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
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
            "builtins": ["agents.templatetags.ade", "template_partials.templatetags.partials"],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", f"sqlite:///{BASE_DIR / 'data' / 'ade.sqlite3'}")
with env.prefixed(""):
    DATABASES: dict[str, Any] = {
        "default": env.dj_db_url("DATABASE_URL", DATABASE_URL, conn_max_age=None)
    }
_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the write lock when a transaction begins: a deferred one that upgrades later
    # fails with "database is locked" at once, whatever the timeout. WAL is set once, by a migration.
    _database["ENGINE"] = "ade.sqlite"  # Django's, with a fair wait for that lock
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    # A connection is kept for the life of its thread; a look at it before a request replaces a dead
    # one.
    _database["CONN_HEALTH_CHECKS"] = True
else:
    raise ImproperlyConfigured("DATABASE_URL must name sqlite or postgres (postgresql).")

# Seconds that the web server lets one statement run; 0 for no limit.
STATEMENT_SECONDS = env.int("STATEMENT_SECONDS", 30)

# Lists may be read from copies that streaming replication keeps: ade/replica.py, docs/scaling.md.
REPLICA_URL = env.str("REPLICA_URL", "")
REPLICA_MAX_LAG = env.int("REPLICA_MAX_LAG", 5)  # seconds; one that is further behind is not asked
REPLICA_APPS = ("agents",)  # people, sessions, work and counts are never read there
POOLER = env.str("POOLER", "")
if POOLER not in ("", "transaction"):
    raise ImproperlyConfigured("POOLER must be transaction, or not set.")
if REPLICA_URL:
    with env.prefixed(""):
        # Seconds; the next connection goes to any host at random, also to one that came back.
        DATABASES["replica"] = env.dj_db_url("REPLICA_URL", conn_max_age=20)
    if {_one["ENGINE"] for _one in DATABASES.values()} != {"django.db.backends.postgresql"}:
        raise ImproperlyConfigured("REPLICA_URL and DATABASE_URL must both name postgres.")
    if not 2 <= REPLICA_MAX_LAG <= 300:
        raise ImproperlyConfigured("REPLICA_MAX_LAG must be 2 to 300 seconds.")
    DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
    DATABASE_ROUTERS = ["ade.replica.Router"]
for _alias, _one in DATABASES.items():
    if _one["ENGINE"] == "django.db.backends.postgresql":
        _one["ENGINE"] = "ade.postgres"  # Django's, with that look, which asks the server nothing
        _one["OPTIONS"] = postgres_options(_alias, _one.get("OPTIONS", {}))
        if POOLER:
            # A cursor on the server outlives a transaction, and so the connection that is lent.
            _one["DISABLE_SERVER_SIDE_CURSORS"] = True
            if _alias == "default" and "," in str(_one["OPTIONS"].get("host", "")):
                # A pooler goes on answering for a primary that is gone, so the next is never tried.
                raise ImproperlyConfigured("With POOLER, DATABASE_URL must name one host.")

# The count of sign-in attempts has to be one for all processes. Culling deletes by key, so there is
# room enough that nobody can push out a count by making others.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "ade_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Long work waits in the database itself, in the transaction that asks for it; `manage.py db_worker`
# does it. Nothing else has to run, on SQLite as on PostgreSQL.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- People ---------------------------------------------------------------------------------

AUTH_USER_MODEL = "ade.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/agents/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_ADAPTER = "ade.accounts.StaffAdapter"
ACCOUNT_FORMS = {"login": "ade.forms.SignInForm", "reauthenticate": "ade.forms.ProofForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
# By address and by account. Five wrong passwords lock an account for five minutes, no longer: a
# lock that stays would let anyone shut anyone out.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
if BEHIND_PROXY:
    # The address counted from the right of X-Forwarded-For; what stands before it anyone can write.
    ALLAUTH_TRUSTED_PROXY_COUNT = env.int("PROXY_COUNT", 1)
# How long a link with which a member sets a password can be used.
PASSWORD_LINK_HOURS = env.int("PASSWORD_LINK_HOURS", 24)
PASSWORD_RESET_TIMEOUT = PASSWORD_LINK_HOURS * 3600

# Second factors: an authenticator app with recovery codes, and passkeys, which also sign in alone.
MFA = env.bool("MFA", False)
PASSKEYS = env.bool("PASSKEYS", False)
MFA_ADAPTER = "ade.accounts.FactorsAdapter"
MFA_SUPPORTED_TYPES = [
    *(["totp"] if MFA else []),
    *(["webauthn"] if PASSKEYS else []),
    *(["recovery_codes"] if MFA or PASSKEYS else []),
]
MFA_PASSKEY_LOGIN_ENABLED = PASSKEYS
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers allow it on localhost only
MFA_TOTP_ISSUER = "ADE"
MFA_TOTP_TOLERANCE = 1  # a clock may be half a minute off
MFA_RECOVERY_CODES_SHOW_ONCE = True

# An identity provider (OpenID Connect). It signs in members whom an admin has added, found by the
# claim that equals their user name; with a role in OIDC_AUTO_CREATE_ROLE, anyone it knows. Name a
# claim that people cannot choose for themselves there.
OIDC_ID = "sso"  # its place in the callback address: /accounts/oidc/sso/login/callback/
OIDC_NAME = env.str("OIDC_NAME", "Single sign-on")
OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", "")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
OIDC_USERNAME_CLAIM = env.str("OIDC_USERNAME_CLAIM", "preferred_username")
OIDC_AUTO_CREATE_ROLE = env.str("OIDC_AUTO_CREATE_ROLE", "")
# Where its sign-in form may send the browser, besides the server itself.
OIDC_ORIGINS: list[str] = env.list("OIDC_ORIGINS", [])
OIDC = bool(OIDC_SERVER_URL)
if OIDC and not (OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
    raise ImproperlyConfigured("OIDC_SERVER_URL needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET too.")
if OIDC_AUTO_CREATE_ROLE not in ("", "viewer", "editor", "manager", "admin"):
    raise ImproperlyConfigured("OIDC_AUTO_CREATE_ROLE must be viewer, editor, manager or admin.")
SOCIALACCOUNT_ADAPTER = "ade.identity.IdentityAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": OIDC_ID,
                "name": OIDC_NAME,
                "client_id": OIDC_CLIENT_ID,
                "secret": OIDC_CLIENT_SECRET,
                "settings": {"server_url": OIDC_SERVER_URL},
            }
        ],
    }

# A session ends after so long without use, and after so long whatever its use.
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", 30 * 60)
SESSION_ABSOLUTE_SECONDS = env.int("SESSION_ABSOLUTE_SECONDS", 12 * 3600)
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_ENGINE = "ade.session_store"
# The default falls back on a cookie of its own, which would have no __Host- name.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_NAME = "__Host-ade-session" if HTTPS else "ade-session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-ade-csrf" if HTTPS else "ade-csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "agents.views.errors.csrf_failure"

# --- Browsers -------------------------------------------------------------------------------

_identity_origins = ["{0.scheme}://{0.netloc}".format(urlsplit(OIDC_SERVER_URL))] if OIDC else []
_identity_origins += OIDC_ORIGINS
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        # Chromium holds what a form is redirected to against this as well.
        " ".join(["form-action 'self'", *_identity_origins]),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
SECURE_REFERRER_POLICY = "same-origin"  # user ids stand in URLs
X_FRAME_OPTIONS = "DENY"
# What watches the server asks it by its address, beside the proxy.
PROBES = ["/healthz", "/readyz", "/metrics"]
SECURE_REDIRECT_EXEMPT = [f"^{path[1:]}$" for path in PROBES]
if HTTPS:
    SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31536000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Pages of these origins may call the API, with a key of their own; nobody's cookie goes with it.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
for _origin in CORS_ALLOWED_ORIGINS:
    # Compared as browsers write it: lower case, no path, no slash at the end.
    if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?", _origin):
        raise ImproperlyConfigured(
            f"CORS_ALLOWED_ORIGINS: {_origin!r} is not like https://app.example.org or "
            "http://localhost:3000."
        )
CORS_URLS_REGEX = r"^/v1/"
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE"]
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "if-match",
    "user_id",
    # What Letta's own clients send with each call.
    *(
        f"x-stainless-{name}"
        for name in (
            "arch", "async", "custom-poll-interval", "helper-method", "lang", "os",
            "package-version", "poll-helper", "raw-response", "read-timeout", "retry-count",
            "runtime", "runtime-version", "timeout",
        )
    ),
]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
]

STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / "data" / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
# Hashed names are cached for ever; tests and DEBUG read the files where they lie.
_hashed = "whitenoise.storage.CompressedManifestStaticFilesStorage"
_plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _plain if DEBUG or TESTING else _hashed},
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = DEBUG or TESTING  # otherwise it wants collected files at the start
# Source maps are large and only developers' tools read them: compressing them took most of a start.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- ADE ------------------------------------------------------------------------------------

# Answers /v1/ without a key. Only for local use: with it on, ADE refuses foreign origins, hosts
# that are not loopback and forwarded requests.
API_OPEN = env.bool("API_OPEN", False)
# How long a key may last that is made over the API by a key with manage scope, in seconds.
KEY_SECONDS_BY_API = env.int("KEY_SECONDS_BY_API", 86400)
# The largest body a request may have, in bytes (agent files included).
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("MAX_BODY_BYTES", 20 * 1024 * 1024)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_HANDLERS = ["ade.uploads.BoundedUploadHandler"]
# Tags an agent may carry.
MAX_TAGS_PER_AGENT = env.int("MAX_TAGS_PER_AGENT", 1000)
# Which tags name a user of the application: {id} stands for the user's id; the first is used to
# create. A tag that fits one of these gets the user badge and the users directory.
USER_TAG_PATTERNS: list[str] = env.list("USER_TAG_PATTERNS", ["user_{id}", "user:{id}"])
if not USER_TAG_PATTERNS or any(one.count("{id}") != 1 for one in USER_TAG_PATTERNS):
    raise ImproperlyConfigured(
        "Each of USER_TAG_PATTERNS holds {id} once, and there is at least one."
    )
# Tags that change how a Letta agent behaves: only managers change them. * stands for any text.
PROTECTED_TAGS = env.list(
    "PROTECTED_TAGS", ["git-memory-enabled", "origin:*", "view:*", "favorite:*"]
)
# From so many agents on, the plan of a merge or a deletion says how long other writers will wait.
WARN_AGENTS = env.int("WARN_AGENTS", 20_000)

# Webhooks. Addresses that are not of the internet, which a webhook may send to all the same.
try:
    WEBHOOK_ALLOWED_NETWORKS = list(map(ip_network, env.list("WEBHOOK_ALLOWED_NETWORKS", [])))
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_ALLOWED_NETWORKS: {error}.") from error
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", False)
WEBHOOK_TIMEOUT_SECONDS = env.int("WEBHOOK_TIMEOUT_SECONDS", 10)
# Before the second attempt of a delivery; each pause after is three times as long, up to six hours.
WEBHOOK_RETRY_SECONDS = env.float("WEBHOOK_RETRY_SECONDS", 5)
WEBHOOK_DISABLE_DAYS = env.int("WEBHOOK_DISABLE_DAYS", 5)
WEBHOOK_KEEP_DAYS = env.int("WEBHOOK_KEEP_DAYS", 14)

# --- Logs -----------------------------------------------------------------------------------

# One JSON object a line, or lines to read.
LOG_FORMAT = env.str("LOG_FORMAT", "text" if DEBUG or TESTING else "json")
if LOG_FORMAT not in ("json", "text"):
    raise ImproperlyConfigured("LOG_FORMAT must be json or text.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "ade.logs.JsonFormatter"},
        "text": {"()": "ade.logs.TextFormatter"},
    },
    "filters": {"no_outage": {"()": "ade.outage.NoOutageFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        # Each request has its line already; here are the tracebacks of faults.
        "django.request": {"level": "ERROR", "filters": ["no_outage"]},
        # These write whole addresses, query and all.
        "httpx": {"level": "WARNING"},
        # The web server's processes speak as the rest does.
        "_granian": {"handlers": [], "propagate": True},
    },
}
