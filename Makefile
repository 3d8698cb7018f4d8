# Two commands matter: `make run` and `make test`. Both install what they need into .venv by themselves.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PAGES  := $(shell find player/src player/*.html player/*.ts player/*.json player/.npmrc -type f 2>/dev/null)
ARGS   ?=
FUZZ_SECONDS ?= 600
# Tests mostly wait, so three at once hardly want two cores; with more, those that wait for a deadline would miss it.
WORKERS ?= 3
# Files in their order: xdist's own begins with those of most tests and leaves long files of few tests for the end.

.DEFAULT_GOAL := help
.PHONY: help run test lint system fuzz pages doctor clean

help: ## This list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed player/dist/.built ## The whole platform with a demo event (ARGS="--port 8090 …")
	@exec $(BIN)/plenum run --demo $(ARGS)

test: $(VENV)/.tested player/dist/.built ## Style, types, layers, pages, every part on real servers, the platform in real browsers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m player.build_hook check
	@echo "First what may run side by side, then what needs the machine for itself …"
	@$(BIN)/pytest --turn together --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS); together=$$?; \
	 $(BIN)/pytest --turn alone $(ARGS); alone=$$?; \
	 case $$together,$$alone in 0,0|0,5|5,0) ;; *) exit 1 ;; esac # 5: ARGS chose none of these

lint: $(VENV)/.tested ## Style, types and layers alone
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

system: $(VENV)/.tested player/dist/.built ## Of these the platform in real browsers alone
	@$(BIN)/pytest -m system $(ARGS)

fuzz: $(VENV)/.fuzzing ## Search for inputs that break us, FUZZ_SECONDS=600 for each target (ARGS="stun offer" for some)
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

pages: player/dist/.built ## Build the web pages

doctor: $(VENV)/.installed ## Can this machine run it?
	@$(BIN)/plenum doctor

clean: ## Remove what was built and installed
	rm -rf $(VENV) player/dist player/node_modules .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@echo "Making $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Plenum needs Python 3.11 or later; name one with PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml player/build_hook.py | $(BIN)/python
	@echo "Installing Plenum and building its pages (first time: about a minute) …"
	@$(BIN)/python -m deploy.setup install
	@touch $@ player/dist/.built

$(VENV)/.tested: $(VENV)/.installed
	@echo "Installing what the tests need …"
	@$(BIN)/python -m deploy.setup tests
	@touch $@

$(VENV)/.fuzzing: $(VENV)/.installed
	@echo "Installing the fuzzer …"
	@$(BIN)/python -m deploy.setup fuzz
	@touch $@

player/dist/.built: $(PAGES) | $(VENV)/.installed
	@echo "Building the pages …"
	@$(BIN)/python -m player.build_hook
	@touch $@
