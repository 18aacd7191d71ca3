# Everything is done from here; « make » alone lists what there is.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := gateway tests docs
TEST_ARGS ?=
# A file of tests stays in one process: its tests share servers. TEST_ARGS="-n0 …" runs all in one.
TEST_PROCESSES := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
DEMO_ARGS ?=
BENCH_ARGS ?=
LOAD_ARGS ?=
FUZZ_ARGS ?=
FAULT_TESTS ?=
LOCK_ARGS ?=
MUTANTS ?=
SBOM ?= dist/sbom.cdx.json

# The lock files name no server: they are made from the public registry alone, whatever this machine's pip uses besides.
REGISTRY_ONLY := PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= PIP_INDEX_URL= CUSTOM_COMPILE_COMMAND="make lock"
PIP_COMPILE := $(REGISTRY_ONLY) $(BIN)/pip-compile $(LOCK_ARGS) --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
DEV_NEEDS := import tomllib; project = tomllib.load(open("pyproject.toml", "rb")); \
	print(*project["project"]["dependencies"], *project["build-system"]["requires"], \
	*project["project"]["optional-dependencies"]["demo"], *project["project"]["optional-dependencies"]["postgresql"], \
	*project["project"]["optional-dependencies"]["web"], \
	*project["dependency-groups"]["dev"], sep="\n")

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A command that is compiled anew each time starts a third later.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install system bench bench-audit bench-web bench-seal bench-bombs load screenshots test-system package-system demo test test-package test-several test-faults fuzz fuzz-api check format format-check lint dangers types imports docs docs-fresh words words-fresh lock sbom clean

help: ## cette liste
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' $(firstword $(MAKEFILE_LIST)) | \
		while read -r target text; do printf '  make %-13s %s\n' "$$target" "$$text"; done

install: $(STAMP) ## crée .venv et y installe les versions verrouillées, puis la passerelle

system:
	@PYTHON="$(PYTHON)" .ci/system-packages python3-venv gnupg

# Real mail servers, a clock that moves, faults of the system, and systemd's own judgement.
test-system:
	@PYTHON="$(PYTHON)" .ci/system-packages postfix dovecot-imapd dovecot-lmtpd libfaketime faketime strace openssl poppler-utils systemd postgresql sqop mutt chromium fonts-noto-core

# What builds a container without an engine.
package-system:
	@PYTHON="$(PYTHON)" .ci/system-packages buildah debootstrap

$(STAMP): requirements-dev.lock pyproject.toml | system
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Il faut Python 3.11 ou plus récent : $$($(PYTHON) --version 2>&1). Indiquez-en un : make PYTHON=/chemin/python3 …" >&2; exit 1; }
	@echo "Environnement virtuel : $(VENV), $$($(PYTHON) --version)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installation des versions verrouillées, une minute environ : requirements-dev.lock"
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@echo "Installation de la passerelle : $(BIN)/gateway"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## trois passerelles, deux histoires, une horloge virtuelle (DEMO_ARGS="--speed 6 --keep DOSSIER")
	@$(BIN)/gateway demo $(DEMO_ARGS)

test: install test-system ## les tests, sauf ceux du paquet (TEST_ARGS="tests/domain -x" pour en choisir)
	@$(BIN)/pytest $(TEST_PROCESSES) $(or $(TEST_ARGS),-m "not package")

test-faults: install test-system ## les pannes, à chaque écriture et à chaque envoi, et note ce qui tient (FAULT_TESTS="tests/faults/test_disk.py" pour une part)
	@FAULTS=all FAULTS_RECORD=docs/fault-results.toml $(BIN)/pytest $(TEST_PROCESSES) -m fault $(or $(FAULT_TESTS),tests)
	@$(BIN)/python docs/generate.py

test-package: install test-system package-system ## construit l'image du conteneur et le paquet pip, puis s'en sert
	@$(BIN)/pytest $(TEST_PROCESSES) -m package tests

test-several: install test-system ## trois passerelles sur une base, tuées au hasard pendant cinq minutes (SEVERAL_SECONDS=60 pour moins)
	@SEVERAL_SECONDS=$(or $(SEVERAL_SECONDS),300) $(BIN)/pytest -n0 --timeout 3600 tests/system/test_several_gateways.py

fuzz: install ## un million de courriers altérés, sans qu'aucun ne surprenne (FUZZ_ARGS="--seed 7 --executions 100000")
	@$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

fuzz-api: install ## cent demandes par opération de l'API, permises ou non, jugées par sa description (API_EXAMPLES=1000 pour plus)
	API_EXAMPLES=$${API_EXAMPLES:-100} $(BIN)/python -m pytest tests/web/test_api_description.py --timeout 3600

check: install format-check lint dangers types imports docs-fresh words-fresh test-package test ## tout ce que demande l'intégration continue

bench: install test-system ## mesure tout, à côté de ses pairs et planchers, une à deux heures (BENCH_ARGS="--quick" en deux minutes)
	@$(BIN)/python -m tests.bench $(BENCH_ARGS)

bench-seal: install ## mesure le scellement et l'ouverture, à côté de leurs planchers, en deux minutes
	@$(BIN)/python -m tests.bench.seal $(BENCH_ARGS)

bench-bombs: install ## mesure ce que des bombes coûtent aux courriers honnêtes, en deux minutes
	@$(BIN)/python -m tests.bench.bombs $(BENCH_ARGS)

bench-audit: install ## mesure le journal d'audit, un quart d'heure au moins (BENCH_ARGS="--sizes 100000" pour moins)
	@$(BIN)/python -m tests.bench.audit $(BENCH_ARGS)

bench-web: install ## mesure les pages de la console, 100 000 dossiers et un million d'événements (BENCH_ARGS="--postgresql" : là)
	@$(BIN)/python -m tests.bench.web $(BENCH_ARGS)

screenshots: install test-system ## chaque page de la console, par rôle, large et étroite, dans dist/screenshots (SCREENSHOTS=DOSSIER pour un autre)
	@$(BIN)/python -m tests.web.screenshots --to $(or $(SCREENSHOTS),dist/screenshots)

load: install ## une journée de toute la France, mille fois, en une demi-heure (LOAD_ARGS="--mails 1500 --minutes 12" pour moins)
	@$(BIN)/python -m tests.bench.load $(LOAD_ARGS)

format: install ## met le code en forme
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix-only --quiet $(SOURCES)

format-check: install
	@$(BIN)/ruff format --check $(SOURCES)

lint: install ## règles de code (ruff)
	@$(BIN)/ruff check $(SOURCES)

dangers: install ## ce qui serait dangereux dans le code (bandit)
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml gateway

types: install ## types (mypy strict)
	@$(BIN)/mypy
	@$(BIN)/mypy docs/generate.py docs/words.py

imports: install ## les imports vont vers le bas, les adaptateurs s'ignorent
	@$(BIN)/lint-imports --no-logo

docs: install ## régénère les pages de docs/ qui viennent du code
	@$(BIN)/python docs/generate.py

docs-fresh: install ## échoue si ces pages sont périmées
	@$(BIN)/python docs/generate.py --check

words: install ## rassemble les textes du code dans les catalogues, nomme ceux qu'il reste à traduire
	@$(BIN)/python docs/words.py

words-fresh: install ## échoue si les catalogues sont périmés ou incomplets
	@$(BIN)/python docs/words.py --check

lock: install ## recalcule les fichiers de verrouillage (LOCK_ARGS=--upgrade pour monter les versions)
	@$(PIP_COMPILE) --extra postgresql --extra web --output-file requirements.lock pyproject.toml
	@$(BIN)/python -c '$(DEV_NEEDS)' | $(PIP_COMPILE) --constraint requirements.lock --output-file requirements-dev.lock -

sbom: install ## écrit dist/sbom.cdx.json : de quoi le programme livré est fait (CycloneDX)
	@mkdir -p dist
	@$(BIN)/python -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml \
		--mc-type application --output-reproducible --output-format JSON --output-file $(SBOM)
	@echo "$(SBOM)"

mutants: install ## change le délai légal et les automates, un détail à la fois : quels tests le voient ? une heure (MUTANTS="…")
	@$(BIN)/python -m mutmut run $(MUTANTS)
	@$(BIN)/python -m mutmut export-cicd-stats >/dev/null
	@$(BIN)/python -c 'import json; told = json.load(open("mutants/mutmut-cicd-stats.json")); \
		seen = told["killed"] + told["timeout"]; print(f"{seen} vus sur {told[\"total\"]} ({100 * seen / told[\"total\"]:.0f} %)")'

clean: ## enlève ce que les outils ont produit, y compris .venv
	@rm -rf $(VENV) build dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@find gateway tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
