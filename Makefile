# Two commands set everything up: `make demo` and `make test`. Each target ends with one summary line.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed-$(shell cat requirements.lock pyproject.toml | sha256sum | cut -c1-16)
TESTS := 2 # processes that share the tests: most of those wait for programs, not for a core
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: setup demo test test-all test-faults test-soak test-kernel check bench bench-day bench-city lock clean

setup: $(STAMP)
	@$(BIN)/vantay warm
	@echo "setup: ready in .venv ($$($(BIN)/vantay --version))"

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: $(PYTHON) is older than Python 3.11: name a newer one with PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "setup: python3 -m venv failed: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f .venv/installed-* && touch $(STAMP)

demo: setup
	@$(BIN)/vantay demo

test: setup
	@tests/needs
	@$(BIN)/pytest -n $(TESTS) --dist worksteal -m "not slow"
	@echo "test: passed"

test-all: setup
	@tests/needs
	@$(BIN)/pytest -n $(TESTS) --dist worksteal
	@$(MAKE) --no-print-directory test-soak
	@$(MAKE) --no-print-directory test-faults
	@$(MAKE) --no-print-directory test-kernel
	@echo "test-all: passed"

test-faults: setup
	@tests/needs
	@$(BIN)/python -m tests.system.faults

test-soak: setup # SOAK=… captures on each model; its last line has the figures
	@$(BIN)/python benchmarks/soak.py --captures $(or $(SOAK),10000)

test-kernel: setup # the booth on Debian's kernel, in a guest under QEMU; its last line has the figures
	@tests/needs kernel
	@$(BIN)/python -m tests.kernel

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test
	@echo "check: format, lint, types, layers and tests passed"

bench: setup
	@$(BIN)/python benchmarks/run.py
	@echo "bench: done"

bench-day: setup # under 45 minutes on two cores; people are made once, in the cache
	@$(BIN)/python benchmarks/day.py

bench-city: setup # about 25 minutes on two cores; CITY="--scale 25" tries it in two
	@$(BIN)/python benchmarks/city.py $(CITY)

lock: # needs uv
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock

clean:
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@echo "clean: the virtual environment and the tools' caches are gone"
