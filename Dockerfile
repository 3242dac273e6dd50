# Runs as any user with a read-only root: it writes only to /tmp and /var/lib/ade.
# Migrate the database in a separate step: `docker run ... python manage.py migrate`.

FROM docker.io/library/python:3.13-slim-trixie AS build
WORKDIR /srv/ade
RUN python3 -m venv .venv
COPY requirements.txt ./
RUN .venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY manage.py pyproject.toml LICENSE ./
COPY ade ./ade
COPY agents ./agents
COPY templates ./templates
COPY static ./static
RUN SECRET_KEY=only-to-collect-files STATIC_ROOT=/srv/ade/collected .venv/bin/python manage.py collectstatic --no-input
RUN .venv/bin/python -m compileall -q ade agents

FROM docker.io/library/python:3.13-slim-trixie
# pg_dump and pg_restore for manage.py backup and restore.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --shell /usr/sbin/nologin --home-dir /var/lib/ade --create-home ade
COPY --from=build /srv/ade /srv/ade
ENV PATH=/srv/ade/.venv/bin:/usr/local/bin:/usr/bin:/bin
ENV STATIC_ROOT=/srv/ade/collected
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
WORKDIR /srv/ade
USER 10001
EXPOSE 8283
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8283/healthz', timeout=4)"]
CMD ["granian", "--interface=wsgi", "--host=0.0.0.0", "--port=8283", "--workers=2", "--blocking-threads=64", "--backpressure=4096", "--http=1", "--no-ws", "--respawn-failed-workers", "--respawn-interval=30", "--http1-header-read-timeout=15000", "--workers-kill-timeout=25", "--log-level=error", "ade.wsgi:application"]
