# Everything a newcomer needs; each target sets up .venv by itself. PYTHON=python3.12 picks another interpreter.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
TESTS := $(RUN) -m pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage test-slow test-long test-all check format lint types bench

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(READY) ## .venv with the project and its tools

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (a few minutes: PyTorch is large)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev,tensorboard,optimam,dask]'
	@touch $@

demo: $(READY) ## the whole line on a phantom archive; prints the report's path last
	@$(RUN) -m mammo_gan.run experiment=cigan_ddsm source=phantom scale=demo

test: $(READY) ## tests
	OMP_NUM_THREADS=1 $(TESTS) -m "not slow and not long" --durations=15

coverage: $(READY) ## the same tests, and which lines they reach
	OMP_NUM_THREADS=1 $(TESTS) -m "not slow and not long" --cov --cov-report=term:skip-covered

test-slow: $(READY) ## the tests that take minutes together
	OMP_NUM_THREADS=1 $(TESTS) -m slow

test-long: $(READY) ## the tests that take a quarter of an hour each
	$(TESTS) -m long

test-all: test test-slow test-long ## all tests

check: lint types ## what a commit must pass

lint: $(READY) ## ruff: rules and format
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(READY) ## mypy --strict
	$(RUN) -m mypy

format: $(READY) ## let ruff write the format
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

bench: $(READY) ## measure; a table on screen, JSON in outputs/
	$(RUN) -m tests.bench
