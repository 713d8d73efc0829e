# Two commands do all the set-up: `make run` and `make test`. Everything slow is kept in $(CACHE) and done once.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
UV_VERSION := 0.13.9
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ai-batteries-included
OWN_UV := $(CACHE)/uv-$(UV_VERSION)/bin/uv
# uv from the PATH where there is one, else our own from PyPI.
export UV := $(or $(shell command -v uv 2>/dev/null),$(OWN_UV))
# Python comes from the machine: uv would fetch one from where not everybody may fetch.
export UV_PYTHON_DOWNLOADS := never
BIN := .venv/bin
# The chart can only read files of its own folder, so it has a copy.
CRD_FOLDERS := crds helm/ai-batteries-included/files/crds
ADMISSION := helm/ai-batteries-included/files/admission-policies.yaml
# A core that has done its share takes half of what the other has left. Only the fuzz tests use schemathesis, which
# takes each process seconds to import. Which of the other tests stay on one core tests/conftest.py says.
UNIT := $(BIN)/pytest -p no:schemathesis -n auto --dist worksteal tests/unit

.PHONY: help
help: ## List the commands
	@echo "AI Batteries Included. Start with 'make run'."
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: sync ## Start the whole system, walk the journey, and stay up until Ctrl-C
	@$(BIN)/batteries-sandbox run

.PHONY: demo
demo: sync ## Start the whole system, walk the journey, and exit
	@$(BIN)/batteries-sandbox demo

.PHONY: test
test: sync chromium ## Run all tests: unit, integration (real kube-apiserver), e2e (the whole system)
	@$(BIN)/batteries-sandbox build --for-tests
	$(UNIT)
	$(BIN)/pytest -n 2 --dist loadscope tests/integration tests/e2e

# Elsewhere, and where it can't be had, the tests that need a browser are skipped and say so.
.PHONY: chromium
chromium: ## Install Chromium for the browser tests, as root on Debian
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
	  || { echo "Installing Chromium for the browser tests" && apt-get update -qq \
	       && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
	  || echo "Chromium could not be installed; the browser tests will be skipped."

.PHONY: unit
unit: sync ## Run only the unit tests
	$(UNIT)

.PHONY: e2e-helm
e2e-helm: sync ## Test the chart with the real helm: install, upgrade, uninstall, permissions, a table of values
	@$(BIN)/batteries-sandbox build
	$(BIN)/pytest -q -s tests/e2e/alone/test_helm.py tests/integration/test_permissions.py tests/integration/test_chart_values.py

.PHONY: e2e-argocd
e2e-argocd: sync ## Test GitOps with the real Argo CD, watched for ten minutes (ARGOCD_MINUTES), and kstatus
	@$(BIN)/batteries-sandbox build --for-tests
	ARGOCD_MINUTES=$${ARGOCD_MINUTES:-10} $(BIN)/pytest -q -s tests/e2e/test_argocd.py tests/integration/test_kstatus.py

.PHONY: ha
ha: sync ## Time the operator's failover, and restart the API's replicas under load
	@$(BIN)/batteries-sandbox build
	$(BIN)/pytest -q -s tests/e2e/alone/test_failover.py tests/e2e/test_replicas.py

.PHONY: fuzz
fuzz: sync ## Send the sandbox ten thousand random requests (FUZZ_SEED= repeats a run)
	@$(BIN)/batteries-sandbox build
	@seed=$${FUZZ_SEED:-$$RANDOM}; echo "FUZZ_SEED=$$seed"; \
	  FUZZ_SEED=$$seed SANDBOX_RATE_LIMITS=off FUZZ_CASES=10000 $(BIN)/pytest tests/e2e/test_fuzz.py

.PHONY: rotation
rotation: sync ## Verify ten thousand tokens for AWS while their keys are rotated on two replicas
	@$(BIN)/batteries-sandbox build
	ROTATION_VERIFICATIONS=10000 $(BIN)/pytest -s tests/integration/test_token_rotation.py

.PHONY: crash
crash: sync ## Kill the operator at every AWS call and every write of an account's life (half an hour)
	@$(BIN)/batteries-sandbox build
	PYTHONPATH=tests $(BIN)/python -m crash

.PHONY: storm
storm: sync ## Make 200 accounts while AWS throttles, answers get lost and the operator is killed every ten seconds
	@$(BIN)/batteries-sandbox build
	PYTHONPATH=tests $(BIN)/python -m crash.storm

.PHONY: weather
weather: sync ## Walk 60 accounts through what people and AWS do behind our back (a quarter of an hour; SEED=, ACCOUNTS=, MINUTES=)
	@$(BIN)/batteries-sandbox build
	@SEED=$(SEED) ACCOUNTS=$(ACCOUNTS) MINUTES=$(MINUTES) WEATHER_DIR=$(WEATHER_DIR) PYTHONPATH=tests $(BIN)/python -m weather

.PHONY: mutants
mutants: sync ## Make small faults and count those that the tests see (N=120 SEED= PACKAGE=batteries_… ONLY=file:line WITH=integration)
	@PYTHONPATH=tests $(BIN)/python -m mutants --n=$(or $(N),120) --seed=$(or $(SEED),1) --only=$(ONLY) \
	  $(if $(PACKAGE),--package=$(PACKAGE)) $(if $(WITH),--$(WITH))

.PHONY: wrk
wrk: ## Install wrk, which the benchmark of the API loads it with, as root on Debian
	@command -v wrk >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
	  || { echo "Installing wrk for the benchmark" && apt-get update -qq \
	       && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends wrk >/dev/null; } \
	  || echo "wrk could not be installed; the benchmark will say so."

.PHONY: bench
bench: sync wrk ## Measure how fast it is (a quarter of an hour; QUICK=1 three minutes; ONLY=part,part; PEERS=1; DOCS=1)
	@$(BIN)/batteries-sandbox build
	@QUICK=$(QUICK) ONLY=$(ONLY) PEERS=$(PEERS) DOCS=$(DOCS) PYTHONPATH=tests $(BIN)/python -m bench

.PHONY: check
check: sync ## Check lint, format, types, import layers, generated files, the lock, and the chart with kube-score
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory check-generated
	$(BIN)/python -m batteries_tools.kube_score
	$(UV) lock --check --quiet || { echo "uv.lock is not current. Run 'make lock' and commit it."; exit 1; }

.PHONY: check-generated
check-generated: sync ## Fail where a generated file is not current: CRDs, admission policies, chart, tables
	$(BIN)/python -m batteries_crds.generate --check --admission $(ADMISSION) $(CRD_FOLDERS)
	$(BIN)/python -m batteries_tools.values_schema --check
	$(BIN)/python -m batteries_tools.dashboard --check
	$(BIN)/python -m batteries_tools.reference --check

.PHONY: structure
structure: sync ## Measure the packages: modules, lines, floors, imports; NAMED="word …" says which files have it
	@$(BIN)/python -m batteries_tools.structure $(if $(NAMED),--named $(NAMED))

.PHONY: fmt
fmt: sync ## Format the code and fix what the linter can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: crds
crds: sync ## Write the CRD YAML from the models, for people and for the chart, and its admission policies
	$(BIN)/python -m batteries_crds.generate --admission $(ADMISSION) $(CRD_FOLDERS)

.PHONY: chart
chart: sync ## Write the generated files of the chart: the values' schema and the dashboard
	$(BIN)/python -m batteries_tools.values_schema
	$(BIN)/python -m batteries_tools.dashboard

.PHONY: docs
docs: sync ## Write the generated tables of docs/: endpoints, settings, steps, conditions, reasons, metrics, permissions, calls of AWS
	$(BIN)/python -m batteries_tools.reference
	PYTHONPATH=tests $(BIN)/python -m fakes.aws_calls_page
	PYTHONPATH=tests $(BIN)/python -m fakes.guardrails_page

.PHONY: simulate
simulate: sync ## Evaluate the table of guardrails by iam-simulate, which needs Node.js and npm, and record what it says
	PYTHONPATH=tests $(BIN)/python -m fakes.simulated
	PYTHONPATH=tests $(BIN)/python -m fakes.guardrails_page

.PHONY: lock
lock: $(UV) ## Bring uv.lock up to date
	$(UV) lock

.PHONY: build
build: sync ## Build kube-apiserver and etcd for the sandbox (five minutes on two idle cores, once)
	@$(BIN)/batteries-sandbox build

.PHONY: sync
sync: .venv/.synced ## Install what the lock says into .venv

# Compiled at once, as in the image: a dozen processes that begin together would each compile what they import (and do
# so each time where PYTHONDONTWRITEBYTECODE is set), and it would count as their memory and the time of their start.
.venv/.synced: pyproject.toml uv.lock | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed. Install it, or name one: make PYTHON=python3.12"; exit 1; }
	@$(UV) sync --frozen --quiet --compile-bytecode --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" \
	  || { echo "The packages could not be installed. If PyPI can't be reached, set UV_INDEX_URL to a mirror."; exit 1; }
	@touch $@

$(OWN_UV):
	@echo "No uv on the PATH; taking $(UV_VERSION) from PyPI"
	@$(PYTHON) -m venv $(CACHE)/uv-$(UV_VERSION) \
	  || { echo "Python's venv module is missing. On Debian: apt install python3-venv. Or install uv."; exit 1; }
	@$(CACHE)/uv-$(UV_VERSION)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	  || { echo "uv $(UV_VERSION) could not be had from PyPI. Install uv by hand, or reach PyPI."; exit 1; }

# One version for the package, the image and the chart.
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= ai-batteries-included:$(VERSION)
IMAGE_BASE ?= docker.io/library/python:3.13-slim
IMAGE_TOOL ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))

.PHONY: image
image: ## Build the image (IMAGE=name:tag, IMAGE_BASE=python's image, IMAGE_ARGS=more for the tool)
	@test -n "$(IMAGE_TOOL)" || { echo "Install docker, podman or buildah to build an image."; exit 1; }
	$(IMAGE_TOOL) build --file Containerfile --build-arg BASE=$(IMAGE_BASE) --tag $(IMAGE) $(IMAGE_ARGS) .

# Where no registry can be reached: Debian's own Python, from Debian's mirror. Then: make image IMAGE_BASE=localhost/...
.PHONY: image-base
image-base: ## Make localhost/batteries-base from Debian, as root, with buildah and debootstrap
	@sandbox/image/debian-base.sh

.PHONY: sbom
sbom: sync ## Write dist/sbom.cdx.json (CycloneDX) and dist/licences.md: the packages in the image
	@mkdir -p dist
	@UV_PROJECT_ENVIRONMENT=dist/image-venv $(UV) sync --frozen --quiet --no-dev --no-editable --python $(BIN)/python
	@$(UV) tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment --pyproject pyproject.toml \
	  --output-reproducible --of JSON -o dist/sbom.cdx.json dist/image-venv/bin/python
	@$(UV) tool run --quiet pip-licenses==5.5.5 --python dist/image-venv/bin/python --format markdown --with-urls \
	  --order license --output-file dist/licences.md >/dev/null
	@echo "Wrote dist/sbom.cdx.json and dist/licences.md"

.PHONY: clean
clean: ## Remove everything that was built in the checkout (the cache outside it stays)
	rm -rf .venv .sandbox .mypy_cache .ruff_cache .pytest_cache dist
