# One word for each thing that people do here. Each target sets up .venv itself, once.
#   make test PYTHON=/path/to/python3.12     another interpreter
#   make test ARGS="-k registry"             more words for pytest

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check bench lab-venv dev-venv static

BIN := .venv/bin
COVERAGE_FLOOR := 85
ARGS ?=
export PYTHON

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile

demo: lab-venv ## watch Muster at work against simulated systems; needs no account anywhere
	@$(BIN)/muster demo $(ARGS)

test: static ## lint, format, types, import direction, then all tests but those on real servers
	$(BIN)/python -m pytest -n auto -m "not real" --durations=5 \
	  --cov --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR) $(ARGS)

check: static ## lint, format, types, import direction and architecture; no other tests
	$(BIN)/python -m pytest -q tests/architecture

bench: dev-venv ## measure how fast things are, one table per program in benchmarks/
	@for file in $$(grep -l '^if __name__' benchmarks/*.py); do \
	  name=benchmarks.$$(basename "$$file" .py); \
	  echo "== $$name"; $(BIN)/python -m "$$name" || exit 1; \
	done

static: dev-venv
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy --explicit-package-bases tests
	$(BIN)/lint-imports --no-cache

lab-venv:
	@.ci/venv lab

dev-venv:
	@.ci/venv dev
