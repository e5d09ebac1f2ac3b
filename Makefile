# Two commands do everything: `make serve` runs the product, `make test` runs all tests.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export ZAHIR_HOME ?= $(HOME)/.zahir

.PHONY: serve test check format simulate bench

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

serve: .venv/installed  ## the web app on the studio: the main job
	$(BIN)/zahir serve --port $(PORT)

check: .venv/installed-dev  ## format, lint, types, layers, fast tests: two minutes at most
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not slow and not gpu and not network and not browser"

test: .venv/installed-dev  ## everything but gpu and network: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not gpu and not network"

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
