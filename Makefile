# Everything runs in .venv, made from requirements.lock. `make` shows the targets.
PYTHON ?= python3
BIN := .venv/bin
# Our own modules may be kept compiled too: a process starts faster.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test slow bench bench-features bench-history bench-leakage bench-quality bench-recipe repro reference ui format lock
help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready ## make .venv from the lock; nothing to do the second time

.venv/.ready: requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh "$(PYTHON)"

demo: setup ## run the credit decision on the shipped data
	$(BIN)/python -m runner +experiment=credit_risk

test: setup ## lint, types, layers and the whole fast suite
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src docs conf benchmarks README.md CHANGELOG.md CONTRIBUTING.md
	$(BIN)/python -m pytest -n 2 --dist loadgroup

slow: setup ## fault drills, real tracking servers, both ways on all samples: minutes to an hour
	$(BIN)/python -m pytest -m slow tests

bench: setup ## speed and overhead, as ratios taken in one run
	$(BIN)/python benchmarks/speed.py

bench-recipe: setup ## a recipe of forty steps against the same query by hand, single rows, streamed rows
	$(BIN)/python -m benchmarks.recipe

bench-history: setup ## histories of 336,776 flights, and a store of their events
	$(BIN)/python benchmarks/history.py

bench-leakage: setup ## planted leaks found in public tables, and what is said of clean ones: minutes
	PYTHONPATH=src $(BIN)/python -m benchmarks.leakage

bench-features: setup ## what proposed features are worth on public tables: a quarter of an hour
	$(BIN)/python -m benchmarks.features --write

MINUTES ?= 120
bench-quality: setup ## quality, size and speed beside other systems on public tables: hours, in pieces of MINUTES
	PYTHONPATH=src $(BIN)/python -m benchmarks.quality install
	PYTHONPATH=src $(BIN)/python -m benchmarks.quality run --budget 60 --minutes $(MINUTES)
	PYTHONPATH=src $(BIN)/python -m benchmarks.quality report

repro: setup ## rebuild every adopted experiment, then send the records to the tracking server
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro --keep-going
	$(BIN)/python -m runner track

reference: setup ## write the schema for editors and docs/reference.md from the specs
	$(BIN)/python -m scripts.reference

ui: setup ## look at the tracked runs in a browser
	$(BIN)/mlflow ui --backend-store-uri sqlite:///.runner/mlflow/mlflow.db

format: setup ## put the code in form
	$(BIN)/ruff check --fix src tests benchmarks scripts
	$(BIN)/ruff format src tests benchmarks scripts

lock: ## resolve requirements.lock again from pyproject.toml
	.venv/uv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --all-extras pyproject.toml -o requirements.lock
