"""The same, and without the policy that keeps browsers from running what stands in a page."""

from tests.fuzz.planted_settings import *  # noqa: F403

CONTENT_SECURITY_POLICY = "default-src * 'unsafe-inline' 'unsafe-eval' data:"
