# Short names for what a developer runs; ./demo and ./test need no make.
BIN := .venv/bin

.PHONY: help setup demo test unit lint format types torture bench clean

help:
	@echo "make demo | test | unit | lint | format | types | torture | bench | clean"

setup:
	@. scripts/setup.sh && setup test

demo:
	@./demo

test:
	@./test

unit:
	@$(BIN)/python -m pytest tests/unit -q

lint:
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format:
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types:
	@$(BIN)/mypy -p pallet -p tests.support

# Kills pallet at random moments, 200 times, and checks the store after each.
torture: setup
	@PALLET_TORTURE=200 $(BIN)/python -m pytest tests/integration -k "torture or at_once"

# Beside docker, podman and skopeo; as root. BENCH="--scale small --repeat 1" takes minutes, all of it an hour.
bench:
	@. scripts/setup.sh && setup bench && $(BIN)/python -m benchmarks.run $(BENCH)
	@PALLET_LARGE=1 $(BIN)/python -m pytest tests/integration/test_memory.py tests/integration/containers/test_many.py -q -s

clean:
	@rm -rf .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
