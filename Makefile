# On Windows, or without make: the README has the same commands in plain pip.
PYTHON ?= python3
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

DEMO := .venv
TEST := .venv-test
DOCS := .venv-docs
SOURCES := pyproject.toml README.md $(shell find src -type f -not -name '*.pyc')
PICTURES := $(wildcard examples/images/*.jpg examples/images/*.png)

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports format docs models-report bench build clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(DEMO)/.installed ## Install the core package, and find and read the faces in examples/images
	$(DEMO)/bin/fer-toolkit recognize $(PICTURES) --annotate demo-output

test: $(TEST)/.installed ## Install everything and run the tests; ARGS="tests/test_images.py -k exif" runs some
	@scripts/install_chromium.sh || true
	$(TEST)/bin/python -m pytest $(ARGS)

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

models-report: $(TEST)/.installed ## Measure the bundled networks on FER2013=fer2013.csv, and write their pages
	@test -f "$(FER2013)" || { echo "say where the data is: make models-report FER2013=fer2013.csv" >&2; exit 2; }
	$(TEST)/bin/python scripts/model_page.py measure --data "$(FER2013)"
	$(TEST)/bin/python scripts/model_page.py render

bench: ## Measure speed and memory beside other systems, and write docs/performance.md; ARGS="--only import" measures some
	$(PYTHON) benchmarks/run.py $(ARGS)

build: $(TEST)/.installed ## Build the wheel and the source distribution into dist/
	$(TEST)/bin/python -m build

clean: ## Remove the environments and everything that these commands write
	rm -rf .venv .venv-test .venv-docs demo-output dist site
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

$(DOCS)/.installed: pyproject.toml
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --editable '.[docs]'
	touch $@
