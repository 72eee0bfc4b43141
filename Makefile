# One word for each thing that people do here. Each target sets up .venv itself, once.
#   make test PYTHON=/path/to/python3.12     another interpreter
#   make test ARGS="-k registry"             more words for pytest

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test coverage check e2e bench lab-venv dev-venv static

BIN := .venv/bin
COVERAGE_FLOOR := 85
ARGS ?=
export PYTHON

help: ## show this list
	@sed -n 's/^\([a-z0-9]*\):.*## /\1	/p' Makefile

demo: lab-venv ## watch Muster at work against simulated systems; needs no account anywhere
	@$(BIN)/muster demo $(ARGS)

test: static ## lint, format, types, import direction, then all tests that are quick and need no server
	$(BIN)/python -m pytest -n auto -m "not real and not thorough" --durations=5 $(ARGS)

coverage: dev-venv ## all tests but those on real servers, and how much of the program they reach
	$(BIN)/python -m pytest -n auto -m "not real" --durations=5 \
	  --cov --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR) $(ARGS)

check: static ## lint, format, types, import direction and architecture; no other tests
	$(BIN)/python -m pytest -q tests/architecture

e2e: dev-venv ## run the operator in a real control plane, from apply to kill -9; builds that once
	tests/kube/assets/build.sh
	MUSTER_REQUIRE_REAL=1 $(BIN)/python -m pytest -m real --durations=5 \
	  tests/kube/test_e2e_daily.py tests/kube/test_e2e_chaos.py tests/kube/test_rbac.py $(ARGS)

# The operator's needs a control plane and is run by hand: python -m benchmarks.kube_operator
bench: dev-venv ## measure how fast things are, one table per program in benchmarks/
	@for file in $$(grep -l '^if __name__' benchmarks/*.py | grep -v kube_operator); do \
	  name=benchmarks.$$(basename "$$file" .py); \
	  echo "== $$name"; $(BIN)/python -m "$$name" || exit 1; \
	done

static: dev-venv
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy --explicit-package-bases tests benchmarks
	$(BIN)/lint-imports --no-cache

lab-venv:
	@.ci/venv lab

dev-venv:
	@.ci/venv dev
