"""`python -m ade.gate`: run the gate until SIGTERM."""

import logging
import sys

from aiohttp import web

from ade.gate import settings
from ade.gate.server import make_app

STOP_SECONDS = 5


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        found = settings.read()
    except settings.BadSetting as error:
        sys.exit(f"The gate cannot start: {error}")
    if found.ade.startswith("http://"):
        logging.getLogger("ade.gate").warning("Keys go to ADE without TLS: %s", found.ade)
    web.run_app(
        make_app(found),
        host=found.host,
        port=found.port,
        access_log=None,
        print=None,
        shutdown_timeout=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
