# On Windows, or without make: the README has the same commands in plain pip.
PYTHON ?= python3
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

DEMO := .venv
TEST := .venv-test
TOOLS := .venv-tools
LOCK := requirements/ci.txt
DOCS := .venv-docs
SOURCES := pyproject.toml README.md $(shell find src -type f -not -name '*.pyc')
PICTURES := $(wildcard examples/images/*.jpg examples/images/*.png)

.DEFAULT_GOAL := help
.PHONY: help demo test test-oldest check lint types imports format docs models-report pages bench build try-wheel \
	lock locked coverage mutate fuzz audit clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(DEMO)/.installed ## Install the core package, and find and read the faces in examples/images
	$(DEMO)/bin/fer-toolkit recognize $(PICTURES) --annotate demo-output

test: $(TEST)/.installed ## Install everything and run the tests; ARGS="tests/test_images.py -k exif" runs some
	@scripts/install_chromium.sh || true
	$(TEST)/bin/python -m pytest $(ARGS)

test-oldest: $(TOOLS)/.installed ## Run the tests with the oldest versions that pyproject.toml allows, in .venv-oldest
	scripts/test_oldest.sh $(ARGS)

check: lint types imports ## Lint, types and import rules

lint: $(TEST)/.installed ## Ruff: rules and formatting
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .

types: $(TEST)/.installed ## Mypy, strict, on src
	$(TEST)/bin/mypy

imports: $(TEST)/.installed ## Which module may import which
	$(TEST)/bin/lint-imports

format: $(TEST)/.installed ## Put code in Ruff's format, and mend what it can
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

docs: $(DOCS)/.installed ## Build the documentation into site/
	$(DOCS)/bin/mkdocs build --strict

models-report: $(TEST)/.installed ## Measure the bundled networks on FER2013=fer2013.csv FERPLUS=fer2013new.csv, and write their pages
	@test -f "$(FER2013)" -a -f "$(FERPLUS)" || \
		{ echo "say where the data is: make models-report FER2013=fer2013.csv FERPLUS=fer2013new.csv" >&2; exit 2; }
	$(TEST)/bin/python scripts/model_page.py measure --data "$(FER2013)" --ferplus "$(FERPLUS)"
	$(TEST)/bin/python scripts/model_page.py render

pages: $(TEST)/.installed ## Write anew what docs/errors.md and docs/cli.md take from the code; FER2013=fer2013.csv for all of it
	$(TEST)/bin/python scripts/error_page.py
	$(TEST)/bin/python scripts/cli_page.py $(if $(FER2013),--fer2013 "$(FER2013)")

bench: ## Measure speed and memory beside other systems, and write docs/performance.md; ARGS="--only import" measures some
	$(PYTHON) benchmarks/run.py $(ARGS)

# With the environment's own hatchling: the same sources and the same hatchling give the same bytes. The wheel is built from
# the source distribution, so whoever has the one can make the other.
build: $(TEST)/.installed $(TOOLS)/.installed ## Build the wheel and the source distribution into dist/, and check them
	rm -rf dist
	$(TEST)/bin/python -m build --no-isolation
	$(TOOLS)/bin/twine check --strict dist/*

try-wheel: ## Install the wheel of dist/ alone on each Python that is here, and use it; ARGS="python3.12" names them
	scripts/try_wheel.sh $(ARGS)

lock: $(TOOLS)/.installed ## Write into requirements/ci.txt the newest versions that go together, with their sha256
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(TOOLS)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
		--extra all --extra dev --constraint requirements/limits.txt --generate-hashes --output-file $(LOCK) pyproject.toml

locked: ## Install into .venv-test what requirements/ci.txt names, as CI does
	test -x $(TEST)/bin/python || $(PYTHON) -m venv $(TEST)
	scripts/install_locked.sh $(TEST)/bin/python $(LOCK)

coverage: $(TEST)/.installed ## Run the tests, and list the lines and branches of src that none of them reached
	$(TEST)/bin/python -m pytest --cov --cov-report=term $(ARGS)

mutate: $(TEST)/.installed ## Change the code in small ways, and see that its own tests notice; ARGS="geometry" a module
	$(TEST)/bin/python -m pip install --quiet "mutmut>=3.8"
	$(TEST)/bin/python scripts/mutate.py $(ARGS)

fuzz: $(TEST)/.installed ## Feed each way in with hostile input, and write the counts into fuzz/README.md; ARGS="cards --runs 1000" some
	$(TEST)/bin/python -m pip install --quiet atheris
	$(TEST)/bin/python -m fuzz $(ARGS)

audit: $(TOOLS)/.installed ## Ask whether versions that requirements/ci.txt names have known faults; needs the internet
	$(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes --requirement $(LOCK)

clean: ## Remove the environments and everything that these commands write
	rm -rf .venv .venv-test .venv-tools .venv-oldest .venv-docs .mutation demo-output dist site
	rm -rf benchmarks/.environments benchmarks/.logs benchmarks/.pictures

# What is demonstrated is the package as users get it: installed anew whenever a source has changed.
$(DEMO)/.installed: $(SOURCES)
	test -x $(DEMO)/bin/python || $(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet .
	touch $@

# Editable, so only new dependencies ask for another installation. Python compiles what is imported, and TensorFlow is
# large: compiling all of it at once would take longer than the tests.
$(TEST)/.installed: pyproject.toml
	test -x $(TEST)/bin/python || $(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --no-compile --editable '.[all,dev]'
	touch $@

$(TOOLS)/.installed: Makefile
	test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet "uv>=0.5" "pip-audit>=2.9" "twine>=6.1"
	touch $@

$(DOCS)/.installed: pyproject.toml
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --editable '.[docs]'
	touch $@
