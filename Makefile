# Two commands do everything: `make serve` runs the product, `make test` runs all tests.
PYTHON ?= python3
PORT ?= 8000
TEST_EXTRAS ?= dev
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
export ZAHIR_HOME ?= $(HOME)/.zahir
export NUMBA_CACHE_DIR ?= $(ZAHIR_HOME)/numba
# our own threads share the cores; BLAS threads beside them only get in the way
export OMP_NUM_THREADS ?= 1

.PHONY: serve test check lint format simulate bench

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/installed-$(TEST_EXTRAS): .venv/installed
	$(PIP) --editable '.[$(TEST_EXTRAS)]'
	touch $@

serve: .venv/installed  ## the web app on the studio: the main job
	$(BIN)/zahir serve --port $(PORT)

lint: .venv/installed-$(TEST_EXTRAS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint  ## format, lint, types, layers, fast tests: two minutes at most
	$(BIN)/python -m pytest -q -m "not slow and not gpu and not network and not browser"

test: lint  ## everything but gpu and network: what CI runs
	$(BIN)/python -m pytest -m "not gpu and not network"

simulate: .venv/installed  ## the loop with simulated people, a few minutes: prints the rising curve
	$(BIN)/zahir simulate --people 3 --rows loop,retrieval --library 300 --jobs 2

bench: .venv/installed-$(TEST_EXTRAS)  ## every benchmark, one after the other
	for script in benchmarks/*.py; do $(BIN)/python $$script; done

format: .venv/installed-$(TEST_EXTRAS)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
