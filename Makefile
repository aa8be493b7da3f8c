# Thin targets: the commands are short, and CI runs these and nothing else.
# Everything needs only Python >= 3.11 (PYTHON=python3.12 chooses one), make and a network.

BIN := .venv/bin
PYTHON ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo check tools xvfb test versions chromium bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with everything pinned, and what Qt needs of the system
	@PYTHON="$(PYTHON)" packaging/setup.sh

demo: setup ## watch a LocalCluster at work; ARGS="--seconds 30 --theme dark"
	@$(BIN)/daskscope demo $(ARGS)

check: setup ## lint, format, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

tools: setup ## build the real Collector and Jaeger for the end-to-end tests, once
	@$(BIN)/python packaging/tools.py

xvfb:
	@command -v Xvfb >/dev/null || packaging/apt.sh "Xvfb, a display for the tests," xvfb

test: setup tools xvfb ## every test but the benchmarks; ARGS="-k store"
	$(BIN)/pytest $(ARGS)

versions: setup ## the instrumentation's tests with the oldest Dask and the newest Python that are supported
	@packaging/versions.sh

out/bokeh: constraints.txt # Dask's own page, to be measured beside ours; nothing else needs it
	$(BIN)/pip install --quiet --no-deps --upgrade --constraint constraints.txt --target $@ bokeh contourpy narwhals pillow xyzservices
	@touch $@

chromium: # what shows Dask's page
	@command -v chromium >/dev/null || packaging/apt.sh "Chromium, for the benchmark of Dask's page," chromium

bench: setup tools out/bokeh chromium ## measure the budgets, write out/bench.json; ARGS="latency"
	PYTHONPATH=packaging $(BIN)/python -m tests.bench $(ARGS)

clean: ## remove what was made here; the tools stay in their cache
	rm -rf .venv .venv-versions out build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
