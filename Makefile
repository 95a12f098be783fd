# Every target does its own set-up. `make demo` and `make test` need Python 3.11, git and make, and
# root on a Debian machine where Docker is not installed yet; they print what they install before
# they do (NETDOCTOR_NO_INSTALL=1 forbids it) and stop an engine that they started.

VENV := .venv
BIN := $(VENV)/bin
LAB := compose/with_lab.sh
STANDIN := compose/images/qdrant
UNIT := -m "not docker and not browser"

.PHONY: help venv dev lint reformat test test-unit demo clinic faults kills lies bench bench-migrate bench-migrate-long bench-migrate-many bench-migrate-memory million engine images lock dist docs site clean

help:           ## this list
	@sed -n 's/^\([a-z-]*\): .*## /  make \1|/p' Makefile | column -t -s '|' 2>/dev/null || grep '##' Makefile

venv:           ## .venv with the locked requirements and netdoctor itself
	@compose/venv.sh

dev: venv images ## all that development needs: .venv, an engine, the lab images

lint: venv      ## ruff and mypy; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict $(STANDIN)
	@if command -v shellcheck >/dev/null; then \
	    echo shellcheck -x compose/*.sh compose/*/*.sh; shellcheck -x compose/*.sh compose/*/*.sh; fi

reformat: venv  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: venv      ## all tests; with ENGINES="26.1 28.5 podman" contract and clinic on these too (root)
ifeq ($(strip $(ARGS)),)
	$(BIN)/python -m pytest $(UNIT) -n auto || { [ $$? -eq 1 ] && echo "-- what was red, alone --" && \
	    $(BIN)/python -m pytest $(UNIT) --last-failed --last-failed-no-failures=none; }
	@compose/browser.sh
	@$(LAB) --images "busybox scratch python probe qdrant" $(BIN)/python compose/engine_tests.py $(ENGINES)
else
	@$(LAB) --images "busybox scratch python probe qdrant" $(BIN)/python -m pytest $(ARGS)
endif

test-unit: venv ## the tests that need no engine
	$(BIN)/python -m pytest $(UNIT) $(ARGS)

demo: venv      ## the incident from start to end: found, fixed, made permanent, migrated
	@$(LAB) --optional compose/incident/demo.sh

clinic: venv   ## every clinic stack on the engine, as a table
	@$(LAB) --images "busybox scratch python probe qdrant" $(BIN)/python compose/clinic/run.py $(ARGS)

faults: venv    ## a fix killed, interrupted and cut off from its engine at every single moment (minutes)
	@NETDOCTOR_FAULTS=every PYTEST_TIMEOUT=0 $(LAB) --images "busybox" $(BIN)/python -m pytest tests/fixes/test_faults.py $(ARGS)

kills: venv     ## a migration killed at a hundred seeded moments; after the next start it is as one run (minutes)
	@NETDOCTOR_KILLS=100 $(BIN)/python -m pytest tests/migration/test_kills.py $(ARGS)

lies: venv      ## every answer of an engine broken in every way, for every verb (half an hour)
	@NETDOCTOR_LIES=all $(BIN)/python -m pytest tests/lies $(ARGS)

bench: venv     ## the budgets, as ratios measured in one run
	@$(LAB) --images "busybox scratch python probe qdrant" compose/bench.sh

watch-endurance: venv ## watch --heal over 100 forced recreations and 5 engine restarts
	@NETDOCTOR_WATCH_RECREATIONS=100 NETDOCTOR_WATCH_RESTARTS=5 \
	    $(LAB) --images busybox $(BIN)/python -m pytest -s tests/live/test_endurance.py

bench-migrate: venv ## the migration's budgets: 10,000 x 1024 and 50,000 x 128, some minutes
	$(BIN)/python tests/bench/bench_migration.py $(ARGS)
	$(BIN)/python tests/bench/migration_memory.py 30 300

bench-migrate-long: venv ## the same at 100,000 x 1024
	$(BIN)/python tests/bench/bench_migration.py --points 100000 --dimension 1024 --rounds 1 $(ARGS)

bench-migrate-many: venv ## the same at 1,000,000 x 128
	$(BIN)/python tests/bench/bench_migration.py --points 1000000 --dimension 128 --rounds 1 $(ARGS)

bench-migrate-memory: venv ## its memory at 30 MB, 300 MB and 10 GB of export: needs 25 GB of disk
	$(BIN)/python tests/bench/migration_memory.py 30 300 10000

million: venv   ## a generated million goes through, killed three times on the way, and every point is proven (minutes)
	@$(BIN)/python tests/bench/million.py $(ARGS)

engines: venv   ## contract and clinic on Engine 20.10, 26.1, 28.5 and Podman 4.3, each beside this one (root, an hour)
	@$(LAB) --images "busybox scratch python probe qdrant" $(BIN)/python compose/engines/run.py $(ARGS)

engine:         ## find an engine or start one, and leave it running (compose/engine.sh stop)
	@compose/engine.sh ensure

images: engine  ## build the lab's images
	@compose/images/build.sh

lock: venv      ## compile the locked, hashed requirements anew
	@compose/lock.sh

dist: venv      ## wheel, source archive and list of parts (SBOM) into dist/
	@compose/dist.sh $(BIN)

docs: venv      ## write the pages that are made from the program (codes, commands, formats, ...)
	$(BIN)/python docs/generate.py

site: docs      ## the documentation as a site, in site/; a broken link or anchor fails it
	$(BIN)/python -m mkdocs build

clean:          ## remove what was built here; lab images and an engine started by `make engine` too
	@compose/clean.sh
