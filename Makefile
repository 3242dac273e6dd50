# Each target runs a script in bin/. `make test ARGS="-k history -x"` passes arguments to pytest.
.PHONY: help run test test-fast prove check audit bench format screenshots lock
ARGS ?=

help: ## List the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*## /	/' | expand -t 12

run: ## Serve ADE with demo data on http://127.0.0.1:8283 (PORT and DATABASE_URL change that)
	@bin/run

test: ## Run the tests on SQLite, on PostgreSQL and in Chromium
	@bin/test all $(ARGS)

test-fast: ## Run the tests on SQLite only, without a browser
	@bin/test fast $(ARGS)

prove: ## Run the heavy proofs: 100,000 rows and more, soak, faults
	@bin/test prove $(ARGS)

check: ## Check format, lint, types, layers, templates and migrations
	@bin/check

bench: ## Measure the speed at 10,000 and 1,000,000 agents (ARGS="--help" lists options)
	@bin/bench $(ARGS)

audit: ## List pinned packages with known vulnerabilities (ARGS=--strict fails if that cannot be checked)
	@bin/setup dev
	@.venv/bin/python bin/audit.py $(ARGS)

format: ## Format Python and templates as make check requires
	@bin/setup dev
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format --quiet .
	@.venv/bin/djlint --reformat --quiet templates || true

screenshots: ## Take the pictures of docs/images again (ARGS="list tag-editor" takes only these)
	@bin/screenshots $(ARGS)

lock: ## Pin the requirements again (ARGS=--upgrade takes the newest versions)
	@bin/lock $(ARGS)
