"""Settings, read from environment variables.

A wrong value stops the start. NAME_FILE, the path of a file, can replace any NAME, and keeps secrets
out of the process list.
"""

import re
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv
from whitenoise.compress import Compressor

from ade.db.hosts import postgres_options

# A file written with `echo` ends in a newline that is not part of the secret.
env = FileAwareEnv(strip_whitespace=True)

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules

_Number = TypeVar("_Number", int, float)
_YEAR = 365 * 86_400  # seconds


def _number(name: str, default: _Number, least: _Number, most: _Number) -> _Number:
    """Read a number; an integer if the default is one. Raises ImproperlyConfigured."""
    read: Any = {int: env.int, float: env.float}[type(default)]
    value: _Number = read(name, default)
    if not least <= value <= most:  # also false for NaN
        raise ImproperlyConfigured(f"{name} must be a number from {least:,} to {most:,}.")
    return value


def _networks(name: str) -> list[Any]:
    """Read IP networks. Raises ImproperlyConfigured."""
    try:
        return list(map(ip_network, env.list(name, [])))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from error


# --- The server -----------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "not-a-secret" if DEBUG or TESTING else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY, or SECRET_KEY_FILE to a file that contains it.")
# Former keys, so that a new SECRET_KEY signs nobody out. Remove them some days later.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# Behind TLS cookies have the __Host- prefix, which browsers accept over https only.
HTTPS = env.bool("HTTPS", False)
# Proxies set `Forwarded`, the only header that ADE trusts: ade/server/proxy.py.
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
PROXY_COUNT = _number("PROXY_COUNT", 1, 1, 20)

# Requests per minute of a key or member, and of an address without either. 0: no limit.
RATE_PER_CALLER = _number("RATE_PER_CALLER", 0 if TESTING else 6000, 0, 10**9)
RATE_PER_ADDRESS = _number("RATE_PER_ADDRESS", 0 if TESTING else 600, 0, 10**9)

# Seconds until the connection of a client that is gone, or takes none of its answer, is closed.
READ_SECONDS = _number("READ_SECONDS", 60, 1, 3600)

# A folder for counts that the processes of a server share on this machine. Empty: the web server's
# processes share one in the folder for temporary files.
RUN_DIR = env.str("RUN_DIR", "")

ROOT_URLCONF = "ade.urls"
WSGI_APPLICATION = "ade.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# A collection answers with and without a final slash. An item with a final slash is not redirected.
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
    # Always installed, so that a database fits any settings. Without their settings they have no
    # pages.
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "ninja",
    "django_tasks",
    "ade",
    "agents",
    "django_tasks_db",  # after agents, whose db_worker first resumes bulk changes
]

MIDDLEWARE = [
    "ade.ops.middleware.RequestIdMiddleware",
    "ade.ops.request_log.RequestLogMiddleware",
    "ade.server.representation.HeadMiddleware",
    "ade.server.representation.RepresentationMiddleware",
    "ade.ops.middleware.SecurityHeadersMiddleware",
    "ade.server.proxy.ProxyMiddleware",
    "ade.ops.failure_pages.EmptyRefusalMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "agents.api.door.authorize.AuthorizeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ade.ops.middleware.ProbeMiddleware",
    "ade.server.body_limits.BodyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "agents.api.core.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "ade.ops.middleware.MemberMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ade.ops.middleware.SessionLimitsMiddleware",
    "ade.ops.middleware.RateMiddleware",
    "ade.ops.middleware.SignInRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "agents.views.core.errors.DomainErrorMiddleware",
    "agents.views.core.query_text.QueryTextMiddleware",
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
                "ade.accounts.looks.context",
                "agents.views.core.agent_list.address.context",
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
    # IMMEDIATE takes the write lock when a transaction begins. A deferred transaction that upgrades
    # later fails at once with "database is locked", whatever the timeout. A migration sets WAL.
    _database["ENGINE"] = "ade.db.sqlite"  # Django's backend, with a fair queue for that lock
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    # A connection stays open. A check before each request replaces a dead one.
    _database["CONN_HEALTH_CHECKS"] = True
else:
    raise ImproperlyConfigured("DATABASE_URL must name sqlite or postgres (postgresql).")

# Seconds that a statement of the web server may take; 0 for no limit.
STATEMENT_SECONDS = _number("STATEMENT_SECONDS", 30, 0, 86_400)

# Lists may be read from replicas: ade/db/replica.py, docs/operate/scaling.md.
REPLICA_URL = env.str("REPLICA_URL", "")
REPLICA_MAX_LAG = _number(
    "REPLICA_MAX_LAG", 5, 2, 300
)  # seconds; a replica further behind is not read
REPLICA_APPS = ("agents",)  # members, sessions, tasks and counts are never read there
POOLER = env.str("POOLER", "")
if POOLER not in ("", "transaction"):
    raise ImproperlyConfigured("POOLER must be transaction, or not set.")
if REPLICA_URL:
    with env.prefixed(""):
        # Seconds. The next connection goes to a random host, so also to one that came back.
        DATABASES["replica"] = env.dj_db_url("REPLICA_URL", conn_max_age=20)
    if {_options["ENGINE"] for _options in DATABASES.values()} != {"django.db.backends.postgresql"}:
        raise ImproperlyConfigured("REPLICA_URL and DATABASE_URL must both name postgres.")
    DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
    DATABASE_ROUTERS = ["ade.db.replica.Router"]
for _alias, _options in DATABASES.items():
    if _options["ENGINE"] == "django.db.backends.postgresql":
        _options["ENGINE"] = (
            "ade.db.postgres"  # Django's backend, with that check, which sends no query
        )
        _options["OPTIONS"] = postgres_options(_alias, _options.get("OPTIONS", {}))
        if POOLER:
            # A server-side cursor outlives its transaction, for which the pooler lends the connection.
            _options["DISABLE_SERVER_SIDE_CURSORS"] = True
            if _alias == "default" and "," in str(_options["OPTIONS"].get("host", "")):
                # A pooler answers even if its primary is gone, so the next host would never be tried.
                raise ImproperlyConfigured("With POOLER, DATABASE_URL must name one host.")

# All processes share the counts of sign-in attempts. Culling deletes by key, so the table is large enough
# that nobody can push out a count by making others.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "ade_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    # Parts of pages that {% cache %} keeps in each process until it ends. With DEBUG, templates change.
    "template_fragments": {
        "BACKEND": f"django.core.cache.backends.{'dummy.DummyCache' if DEBUG else 'locmem.LocMemCache'}",
        "TIMEOUT": None,
        "OPTIONS": {"MAX_ENTRIES": 1_000},
    },
}

# Tasks are queued in the database, in the transaction that creates them, and run by
# `manage.py db_worker`. No other service is needed.
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
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_ADAPTER = "ade.accounts.adapters.StaffAdapter"
ACCOUNT_FORMS = {
    "login": "ade.accounts.forms.SignInForm",
    "reauthenticate": "ade.accounts.forms.ProofForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
# For second factors. PROOF_SECONDS is for changes of members, keys and webhooks.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
PROOF_SECONDS = 4 * 3600
# By address and by account. Five wrong passwords lock an account for only five minutes: with a permanent
# lock, anyone could lock out anyone.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
# Hours for which a link to set a password works.
PASSWORD_LINK_HOURS = _number("PASSWORD_LINK_HOURS", 24, 1, 24 * 365)
PASSWORD_RESET_TIMEOUT = PASSWORD_LINK_HOURS * 3600

# Second factors: an authenticator app with recovery codes, and passkeys, which can also sign in alone.
MFA = env.bool("MFA", False)
PASSKEYS = env.bool("PASSKEYS", False)
MFA_ADAPTER = "ade.accounts.adapters.FactorsAdapter"
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

# An identity provider (OpenID Connect). It signs in members that an admin has added, if a claim equals
# their username. With a role in OIDC_AUTO_CREATE_ROLE it signs in everyone it knows. Use a claim that
# people cannot choose for themselves.
OIDC_ID = "sso"  # its place in the callback address: /accounts/oidc/sso/login/callback/
OIDC_NAME = env.str("OIDC_NAME", "Single sign-on")
OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", "")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
OIDC_USERNAME_CLAIM = env.str("OIDC_USERNAME_CLAIM", "preferred_username")
OIDC_AUTO_CREATE_ROLE = env.str("OIDC_AUTO_CREATE_ROLE", "")
# Claims that set the role and the limit of a member at each sign-in. Empty: admins set them in ADE.
OIDC_ROLE_CLAIM = env.str("OIDC_ROLE_CLAIM", "")
OIDC_LIMIT_CLAIM = env.str("OIDC_LIMIT_CLAIM", "")
# Other origins to which the provider's sign-in may send the browser.
OIDC_ORIGINS: list[str] = env.list("OIDC_ORIGINS", [])
OIDC = bool(OIDC_SERVER_URL)
if OIDC and not (OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
    raise ImproperlyConfigured("OIDC_SERVER_URL needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET too.")
if OIDC_AUTO_CREATE_ROLE not in ("", "viewer", "editor", "manager", "admin"):
    raise ImproperlyConfigured("OIDC_AUTO_CREATE_ROLE must be viewer, editor, manager or admin.")
SOCIALACCOUNT_ADAPTER = "ade.accounts.identity_provider.IdentityAdapter"
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

# Seconds after which a session ends without use, and in any case.
SESSION_IDLE_SECONDS = _number("SESSION_IDLE_SECONDS", 30 * 60, 60, _YEAR)
SESSION_ABSOLUTE_SECONDS = _number("SESSION_ABSOLUTE_SECONDS", 12 * 3600, 60, _YEAR)
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_ENGINE = "ade.accounts.session_store"
# Django's default may use a cookie of its own, without the __Host- prefix.
MESSAGE_STORAGE = "ade.accounts.session_messages.SessionStorage"
SESSION_COOKIE_NAME = "__Host-ade-session" if HTTPS else "ade-session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-ade-csrf" if HTTPS else "ade-csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "agents.views.core.errors.csrf_failure"

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
        # Chromium also applies this to the address that a form is redirected to.
        " ".join(["form-action 'self'", *_identity_origins]),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
SECURE_REFERRER_POLICY = "same-origin"  # URLs contain user ids
X_FRAME_OPTIONS = "DENY"
# Probes use the server's own address, not the proxy.
PROBES = ["/healthz", "/readyz", "/metrics"]
SECURE_REDIRECT_EXEMPT = [f"^{path[1:]}$" for path in PROBES]
if HTTPS:
    SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = _number("HSTS_SECONDS", 31536000, 0, 10 * _YEAR)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

# Pages of these origins may call the API with a key. Cookies are never sent.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
for _origin in CORS_ALLOWED_ORIGINS:
    # Browsers write origins in lower case, without a path or a final slash.
    if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?", _origin):
        raise ImproperlyConfigured(
            f"CORS_ALLOWED_ORIGINS: {_origin!r} is not like https://app.example.org or "
            "http://localhost:3000."
        )
# Handles that /v1/models/ lists though no agent names them.
MODEL_HANDLES: list[str] = env.list("MODEL_HANDLES", [])
EMBEDDING_HANDLES: list[str] = env.list("EMBEDDING_HANDLES", [])
for _handle in MODEL_HANDLES + EMBEDDING_HANDLES:
    if not re.fullmatch(r"[^/\s]+/\S+", _handle):
        raise ImproperlyConfigured(
            f"MODEL_HANDLES, EMBEDDING_HANDLES: {_handle!r} is not like openai/gpt-4.1."
        )
CORS_URLS_REGEX = r"^/(v1/|latest/|authorize$)"
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE"]
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "user_id",
    # Letta's own clients send these with each call.
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
    "X-ADE-Crossing",
    "X-ADE-Second-Owner",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
]

STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / "data" / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files with hashed names are cached for ever. Tests and DEBUG read the original files.
_hashed = "whitenoise.storage.CompressedManifestStaticFilesStorage"
_plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _plain if DEBUG or TESTING else _hashed},
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = DEBUG or TESTING  # otherwise it needs collected files at the start
# Source maps are large, and only developer tools read them. Compressing them took most of the start.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- ADE ------------------------------------------------------------------------------------

# Answer /v1/ without a key, for local use only: ADE then refuses foreign origins, hosts other than
# loopback, and forwarded requests.
API_OPEN = env.bool("API_OPEN", False)
# The front door: docs/operate/front-door.md. The proxy shows this secret; without it /authorize says no.
DOOR_SECRET = env.str("DOOR_SECRET", "")
if DOOR_SECRET and len(DOOR_SECRET) < 32:
    raise ImproperlyConfigured("DOOR_SECRET must have at least 32 characters.")
# Limited keys may write to single conversations. Letta then resumes a stream for a request with the same
# otids as an earlier one, whose ever it was: set false if your application does not choose them at random.
DOOR_CONVERSATION_MESSAGES = env.bool("DOOR_CONVERSATION_MESSAGES", True)
# Seconds that a key may last if a key with manage scope makes it over the API.
KEY_SECONDS_BY_API = _number("KEY_SECONDS_BY_API", 86400, 60, _YEAR)
# Bytes that a request body may have (including agent files).
DATA_UPLOAD_MAX_MEMORY_SIZE = _number("MAX_BODY_BYTES", 20 * 1024 * 1024, 100_000, 2**30)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
DATA_UPLOAD_MAX_NUMBER_FILES = 500
FILE_UPLOAD_HANDLERS = ["ade.server.uploads.BoundedUploadHandler"]
# Tags that an agent may have.
MAX_TAGS_PER_AGENT = _number("MAX_TAGS_PER_AGENT", 1000, 1, 10_000)
# Patterns of user tags; {id} is the user's id. A matching tag gets the user
# badge and is listed under users.
USER_TAG_PATTERNS: list[str] = env.list("USER_TAG_PATTERNS", ["user_{id}", "user:{id}"])
if not USER_TAG_PATTERNS or any(pattern.count("{id}") != 1 for pattern in USER_TAG_PATTERNS):
    raise ImproperlyConfigured(
        "USER_TAG_PATTERNS needs at least one pattern, and each must contain {id} once."
    )
# The page of a user in another application; {id} is the user's id. Empty: no link.
USER_LINK = env.str("USER_LINK", "")
if USER_LINK and (
    USER_LINK.count("{id}") != 1 or not USER_LINK.startswith(("http://", "https://"))
):
    raise ImproperlyConfigured(
        "USER_LINK must be an http or https address that contains {id} once."
    )
# What happens when a write gives an agent a second owner: allow, warn or refuse.
SECOND_OWNER = env.str("SECOND_OWNER", "warn")
if SECOND_OWNER not in ("allow", "warn", "refuse"):
    raise ImproperlyConfigured("SECOND_OWNER must be allow, warn or refuse.")
# Tags that change how a Letta agent behaves: only managers may change them. * matches any text.
PROTECTED_TAGS = env.list(
    "PROTECTED_TAGS",
    ["git-memory-enabled", "origin:*", "view:*", "favorite:*", "role:subagent"],
)
# Tags that programs write for themselves. Pages show them after people's tags.
MACHINE_TAGS: list[str] = env.list(
    "MACHINE_TAGS", ["git-memory-enabled", "origin:*", "view:*", "favorite:*", "role:subagent"]
)
# Days that a deleted agent can be restored. 0: an agent is deleted for good at once.
TRASH_DAYS = _number("TRASH_DAYS", 30, 0, 3650)
# Agents from which the plan of a merge or deletion says how long other writers will wait.
WARN_AGENTS = _number("WARN_AGENTS", 20_000, 0, 10**9)
# The worker merges, deletes or off-boards a tag on more agents than this, in batches.
WHOLE_TAG_AT_ONCE = _number("WHOLE_TAG_AT_ONCE", 5_000, 0, 10**9)

# Webhooks. Private networks that a webhook may send to.
WEBHOOK_ALLOWED_NETWORKS = _networks("WEBHOOK_ALLOWED_NETWORKS")
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", False)
WEBHOOK_TIMEOUT_SECONDS = _number("WEBHOOK_TIMEOUT_SECONDS", 10, 1, 300)
# Seconds before the second attempt of a delivery. Each later pause is three times as long, up to 6 hours.
WEBHOOK_RETRY_SECONDS = _number("WEBHOOK_RETRY_SECONDS", 5.0, 0.01, 21_600.0)
WEBHOOK_DISABLE_DAYS = _number("WEBHOOK_DISABLE_DAYS", 5, 1, 365)
WEBHOOK_KEEP_DAYS = _number("WEBHOOK_KEEP_DAYS", 14, 1, 3650)

# Sources: connected servers. Private networks that ADE may connect to, and networks to which it sends a
# token without TLS (always allowed to this machine).
SOURCE_ALLOWED_NETWORKS = _networks("SOURCE_ALLOWED_NETWORKS")
# Seconds between two looks at what changed at a source. A large App Server is asked less often.
SOURCE_POLL_SECONDS = _number("SOURCE_POLL_SECONDS", 2.0, 0.05, 3600.0)
SOURCE_PLAIN_NETWORKS = _networks("SOURCE_PLAIN_NETWORKS")
# The name of the source where POST /v1/agents/ creates agents. Empty: in ADE only.
DEFAULT_SOURCE = env.str("DEFAULT_SOURCE", "")
# Keys that encrypt the tokens of sources. The first encrypts, all decrypt: agents/domain/sources/tokens.py.
SOURCE_KEYS = re.findall(
    r"[^\s,]+", env.str("SOURCE_KEYS", "not-a-secret-" * 3 if DEBUG or TESTING else "")
)
if any(len(key) < 32 or key == SECRET_KEY for key in SOURCE_KEYS):
    raise ImproperlyConfigured(
        "Each of SOURCE_KEYS must have at least 32 characters and differ from SECRET_KEY."
    )

# --- Logs -----------------------------------------------------------------------------------

# json: one object per line. text: readable lines.
LOG_FORMAT = env.str("LOG_FORMAT", "text" if DEBUG or TESTING else "json")
if LOG_FORMAT not in ("json", "text"):
    raise ImproperlyConfigured("LOG_FORMAT must be json or text.")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured("LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "ade.ops.logs.JsonFormatter"},
        "text": {"()": "ade.ops.logs.TextFormatter"},
    },
    "filters": {"no_outage": {"()": "ade.ops.outage.NoOutageFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Tracebacks of errors only: each request has a line of its own already.
        "django.request": {"level": "ERROR", "filters": ["no_outage"]},
        # It logs whole URLs with their query.
        "httpx": {"level": "WARNING"},
        # Their debug lines contain parts of requests.
        "httpcore": {"level": "WARNING"},
        # The web server's processes use the same format.
        "_granian": {"handlers": [], "propagate": True},
    },
}
