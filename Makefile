# Works on a bare Debian 12 with any python3 of 3.11 or later. `make` alone shows what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One file, folder or test: make test T=tests/unit/test_cli.py
T ?=

# Hundreds of processes begin in the tests, and four collect them: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# Environments of clients that others wrote, in the versions that tests/contract names.
CLIENTS := $(foreach version,5.4 5.5 5.7,.clients/celery-$(version)/.ready) \
	.clients/schemathesis/.ready .clients/node/.ready

READY := $(VENV)/.ready
SYSTEM := $(VENV)/.system

.DEFAULT_GOAL := help

##@ Start here

.PHONY: demo
demo: $(READY) ## Send all ten kinds of e-mail through real workers to a local Mailjet
	@$(BIN)/mailworker demo

.PHONY: dev
dev: $(READY) ## Run everything on this machine until Ctrl-C; no mail leaves it
	@$(BIN)/mailworker dev

.PHONY: setup
setup: $(READY) ## Make .venv with the pinned packages; quick the second time

##@ Look after the code

.PHONY: test
test: $(READY) ## Run the tests on all cores (T=path: some, one after the other; COVERAGE=1 measures; AGAIN=1 tries failures twice)
	@$(if $(COVERAGE),rm -f var/coverage var/coverage.*)
	@$(if $(COVERAGE),MEASURED=var/coverage) $(BIN)/python -m $(if $(AGAIN),tests.second_try,pytest) \
		$(if $(T),$(T),-m "not faults and not benchmark and not image" -n auto --dist loadfile)
	@$(if $(COVERAGE),$(BIN)/coverage combine --quiet)
	@$(if $(COVERAGE),printf 'Percent of the lines that tests execute: ' && $(BIN)/coverage report --format=total)
	@$(if $(COVERAGE),git rev-parse HEAD >var/coverage.revision 2>/dev/null || :)

.PHONY: lint
lint: $(READY) ## Check style, types and the layers between the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.dead_code

.PHONY: format
format: $(READY) ## Write the code as ruff would
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(READY) ## Pin every package anew in requirements.lock (needs uv)
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--no-emit-index-url --no-header --upgrade -o requirements.lock
	@$(MAKE) --no-print-directory lock-image

.PHONY: lock-image
lock-image: $(READY) ## Take what the image installs out of requirements.lock, with hashes (needs uv)
	@uv pip compile pyproject.toml deploy/image/build.in --extra worker --extra flower --extra mysql --extra s3 --extra otel --universal \
		--python-version 3.11 --no-emit-index-url --no-header --generate-hashes \
		--constraint requirements.lock --quiet -o requirements.image.lock

.PHONY: docs
docs: $(READY) ## Build the documentation as one searchable site in var/site
	@$(BIN)/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo "open var/site/index.html"

.PHONY: clients
clients: $(CLIENTS) ## Make the environments of other people's clients, for tests/contract (npm for the Node ones)

.PHONY: test-live
test-live: $(READY) ## Ask the real Mailjet what the local one answers (MAILJET_API_KEY, MAILJET_API_SECRET; reads only)
	@$(BIN)/python -m tests.live

##@ Measure and break

.PHONY: bench
bench: $(READY) ## Measure: mails a minute, latencies, invoices a second (T="lanes --quick" for some)
	@$(BIN)/python -m tests.benchmarks $(T)

.PHONY: faults
faults: $(READY) ## Kill workers and Redis at the worst moments; count what arrived (needs faketime)
	@$(BIN)/python -m pytest -m faults $(if $(T),$(T),tests/faults)

.PHONY: mutants
mutants: $(READY) ## Change the code that decides, one small thing at a time; tests must fail at 95 of 100 (S=revision)
	@[ -e var/coverage ] || $(MAKE) --no-print-directory test COVERAGE=1
	@$(BIN)/python -m tests.mutants $(if $(S),--since $(S)) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: image-test
image-test: $(READY) ## Build the image and run docker-compose.yml with podman, on Debian as root
	@tests/image/tools.sh
	@$(BIN)/python -m pytest -m image $(if $(T),$(T),tests/image)

##@ Help

.PHONY: help
help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  \033[36m%-8s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

# The steps behind `setup`, each done once until what it stands on changes.

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "There is no $(PYTHON) here: apt-get install python3 python3-venv, or name one: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11; name a later one: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# WeasyPrint draws with Pango; without libharfbuzz-subset0 invoices take 2.4 times as long.
$(SYSTEM): | $(BIN)/python
	@if $(BIN)/python -c 'import ctypes; [ctypes.CDLL(n) for n in ("libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0")]' 2>/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends \
			libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; \
	else \
		echo "Invoices need Pango: sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"; exit 1; \
	fi
	@touch $@

$(READY): requirements.lock pyproject.toml $(SYSTEM) | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

define MAKE_CLIENT
@$(BIN)/python -m venv $(@D)
@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
@touch $@
endef

.clients/celery-%/.ready: tests/contract/celery/requirements-%.txt | $(BIN)/python
	$(MAKE_CLIENT)

.clients/schemathesis/.ready: tests/contract/requirements-schemathesis.txt | $(BIN)/python
	$(MAKE_CLIENT)

.clients/node/.ready: tests/contract/node/package.json tests/contract/node/package-lock.json
	@if command -v npm >/dev/null; then \
		mkdir -p $(@D) && cp $^ $(@D)/ && \
		(cd $(@D) && npm ci --silent --ignore-scripts --no-audit --no-fund) && touch $@; \
	else \
		echo "The Node clients are skipped, for there is no npm: apt-get install nodejs npm"; \
	fi
