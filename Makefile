# Each target is one script in bin/, which says what it does and what it needs.
# `make test ARGS="-k history -x"` hands arguments on to pytest.
.PHONY: help run test test-fast prove check audit bench format screenshots lock
ARGS ?=

help: ## Say what there is
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*## /	/' | expand -t 12

run: ## Serve ADE with demo data on http://127.0.0.1:8283 (PORT, DATABASE_URL change that)
	@bin/run

test: ## Run the tests on SQLite, on PostgreSQL and in Chromium
	@bin/test all $(ARGS)

test-fast: ## Run the tests on SQLite only, without a browser
	@bin/test fast $(ARGS)

prove: ## Run the heavy proofs: 100,000 rows and more, soak, faults
	@bin/test prove $(ARGS)

check: ## Check format, lint, types, layers, templates and migrations
	@bin/check

bench: ## Measure it at 10,000 and 1,000,000 agents (ARGS="--help" says what else)
	@bin/bench $(ARGS)

audit: ## Say which pinned package has a known hole (ARGS=--strict fails where nobody can tell)
	@bin/setup dev
	@.venv/bin/python bin/audit.py $(ARGS)

format: ## Format Python and templates as make check wants them
	@bin/setup dev
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format --quiet .
	@.venv/bin/djlint --reformat --quiet templates || true

screenshots: ## Take the pictures of docs/images anew (ARGS="list tag-editor" takes these)
	@bin/screenshots $(ARGS)

lock: ## Write the pinned requirements again (ARGS=--upgrade takes the newest)
	@bin/lock $(ARGS)
