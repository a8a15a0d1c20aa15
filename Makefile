# Bare `make` lists what there is. ARGS are handed on: make test ARGS='-k calendar'

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ARGS ?=
PYTHON ?=
BIN := .venv/bin
CODE := $(wildcard envguard tests benchmarks)
LOCK := requirements-dev.lock
# Half of the tests wait for a process or a clock, so there are more workers than cores.
WORKERS := $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores + (cores + 1) / 2)))

# An interpreter serves if it is recent enough and can make a virtual environment.
serves = -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1

.PHONY: help
help:  ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf 'make %-8s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: .venv/installed  ## a small team on this machine, in a temporary folder
	@exec $(BIN)/envguard demo $(ARGS)

.PHONY: test
test: .venv/installed  ## all tests, on all cores
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

.PHONY: lint
lint: .venv/installed  ## style, types, layers, sizes
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check --diff $(CODE)
	@$(BIN)/python -m mypy --no-error-summary $(CODE)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/architecture

.PHONY: format
format: .venv/installed  ## mend what can be mended without thinking
	@$(BIN)/ruff check --quiet --fix $(CODE) || true
	@$(BIN)/ruff format --quiet $(CODE)

.PHONY: bench
bench: .venv/installed  ## ratios against other tools, measured in one run
	@exec $(BIN)/python -m benchmarks $(ARGS)

.PHONY: docs
docs: .venv/installed  ## write the pages and schemas that are made from the code
	@$(BIN)/python -m envguard.cli.reference > docs/commands.md
	@$(BIN)/python -m envguard.cli.schemas docs/schemas

.PHONY: lock
lock: .venv/locked  ## resolve the lock again (ARGS=--upgrade for newer versions)
	@cp -p $(LOCK) .venv/lock.before
	@$(BIN)/uv pip compile --quiet pyproject.toml --output-file $(LOCK) --all-extras --universal \
	    --python-version 3.10 --generate-hashes --no-config --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command 'make lock' $(ARGS)
	@if cmp -s .venv/lock.before $(LOCK); then touch -r .venv/lock.before $(LOCK); fi

.PHONY: clean
clean:  ## remove .venv, caches and what was built
	@rm -rf .venv .bench .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +

# What the lock says, in an environment of its own. The stamp is written last: what was cut off begins anew.
# --no-deps: the lock is the whole closure. Left to resolve, pip meets `coverage[toml]`, tries the newest coverage that
# the index has on that day, and refuses it for want of a hash.
.venv/locked: $(LOCK)
	@python=''; \
	for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.10); do \
	    if "$$candidate" $(serves); then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo 'no Python 3.10 or newer with venv and ensurepip was found$(if $(PYTHON),: $(PYTHON)); name one: make PYTHON=/path/to/python3' >&2; \
	    exit 1; \
	fi; \
	echo "making .venv with $$("$$python" --version); this is done once, and takes about half a minute"; \
	rm -rf .venv; \
	"$$python" -m venv .venv; \
	fetched=0; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --progress-bar off --no-deps --require-hashes -r $(LOCK) 2>.venv/pip.log \
	| while read -r line; do \
	    case "$$line" in \
	        Collecting*|Processing*) fetched=$$((fetched + 1)); if [ $$((fetched % 20)) = 0 ]; then echo "  $$fetched packages fetched"; fi ;; \
	        Installing*) echo "  installing $$fetched packages" ;; \
	    esac; \
	done || { cat .venv/pip.log >&2; exit 1; }
	@touch $@

# The project itself, editable; asked at the end: does the lock still hold what the project requires?
.venv/installed: .venv/locked pyproject.toml
	@export PIP_DISABLE_PIP_VERSION_CHECK=1; \
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	$(BIN)/python -m pip check --quiet || { echo 'the lock is behind pyproject.toml: make lock' >&2; exit 1; }
	$(BIN)/python -m compileall -q envguard    # else the first runs write beside what they look at
	@touch $@
