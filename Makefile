# The table of contents. Each target is one or two plain commands; the README shows them without make.
# SCOREDESK_PORT, SCOREDESK_HOME and the other SCOREDESK_ variables pass through to the commands.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test bench bench-quick lint format lock clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: ## a server with six months of demo data on http://127.0.0.1:8000
	@$(PYTHON) .ci/environment.py
	@exec $(BIN)/scoredesk demo

test: ## lint, types and all tests on a real PostgreSQL
	@$(PYTHON) .ci/environment.py dev
	@$(BIN)/python -m tests

bench: ## how fast it is, beside the plain way of doing the same
	@$(PYTHON) .ci/environment.py dev
	@$(BIN)/python -m tests.bench

bench-quick: ## the same in under two minutes, with less data
	@$(PYTHON) .ci/environment.py dev
	@$(BIN)/python -m tests.bench --quick

lint: ## what `make test` checks before the tests
	@$(PYTHON) .ci/environment.py dev
	@$(BIN)/python -m tests --lint

format: ## the code as ruff wants it
	@$(PYTHON) .ci/environment.py dev
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

lock: ## requirements*.lock with the newest versions that pyproject.toml allows
	@$(PYTHON) .ci/environment.py dev
	@$(PYTHON) .ci/environment.py lock

clean: ## away with caches and builds; the environment and the data stay
	rm -rf build dist htmlcov .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find backend schema tenants migrations tests -name __pycache__ -prune -exec rm -rf {} +
