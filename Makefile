# Every command of the house. `make` alone lists them.
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup setup-dev system run stop test test-all soak lint check bench docs lock clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## Install what Ementa needs to run (virtual environment + Tesseract)

setup-dev: $(VENV)/.installed-dev ## Install what developing and testing need as well

$(VENV)/.installed: requirements/base.txt pyproject.toml
	@deploy/setup.sh base $(PY)

$(VENV)/.installed-dev: requirements/dev.txt pyproject.toml
	@deploy/setup.sh dev $(PY)

run: setup ## Start the server and send examples/teste.jpg through it
	@deploy/run.sh

stop: ## Stop the server that `make run` left running
	@deploy/run.sh stop

test: setup-dev ## Run the default test suite (under 8 minutes on 2 cores)
	$(BIN)/pytest -m "not slow" -n 2

test-all: setup-dev ## Run everything, soaks included
	$(BIN)/pytest -n 2

soak: setup-dev ## 1,000 random kills of the job engine
	EMENTA_SOAK_KILLS=1000 $(BIN)/pytest tests/jobs -m slow -k chaos

lint: setup-dev ## Style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

check: lint test ## Exactly what CI runs

bench: setup-dev ## Measure, print ratios, write benchmarks/results/*.json
	$(BIN)/python -m benchmarks

docs: setup-dev ## Regenerate the reference pages under docs/reference
	$(BIN)/python -m ementa.cli.reference

lock: ## Compile the hashed locks from pyproject.toml (needs uv; records no address)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --extra redis --extra tracing pyproject.toml requirements/build.in -o requirements/base.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --group dev pyproject.toml requirements/build.in -c requirements/base.txt -o requirements/dev.txt

clean: ## Remove the virtual environment and local data
	rm -rf $(VENV) data .pytest_cache .ruff_cache
