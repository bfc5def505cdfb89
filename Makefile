# What people type. JOBS=4 limits the compiler; TORCH_HOME=/path names a libtorch of the right version that is already there.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup program build demo test bench lint docs clean

# One release build serves the demo and the benchmarks. The tests have a build of their own, without Swift's optimization: it
# takes half the time, and the heavy work lies in libraries that come optimized. Nobody reads its debugging information or its
# index of system libraries, and modules compiled as a whole are read once instead of once for every few files.
BUILD := swift build -c release $(if $(JOBS),--jobs $(JOBS))
TEST_BUILD := swift build --build-tests --disable-xctest -Xcc -g0 $(addprefix -Xswiftc ,-gnone -whole-module-optimization \
	-num-threads 2 -index-ignore-system-modules) $(if $(JOBS),--jobs $(JOBS))
PROGRAM := .build/release/animal2vec

help: ## Say what there is to make
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Put libtorch and the Debian packages in place (once; later calls find them there)
	@Scripts/setup

# Without the studio, whose server takes as long to build as all of the rest.
program: setup
	@$(BUILD) --product animal2vec

build: program ## Build the program: .build/release/animal2vec
	@$(BUILD) --product animal2vec-studio

demo: program ## The whole way on real recordings; ends with .demo/report.html
	@Scripts/fetch-demo-data
	@$(PROGRAM) demo

test: ## Build and run all tests
	@Scripts/setup test
	@$(TEST_BUILD)
	@swift test --skip-build --disable-xctest

bench: setup ## Measure this program beside FFmpeg and PyTorch, in one run
	@Scripts/setup python
	@$(BUILD) --product Benchmarks
	@Scripts/bench $(BENCH)

lint: ## Check format and scripts
	@Scripts/lint

docs: build ## Check that the commands and links in the documents exist
	@python3 Scripts/check-docs --program $(PROGRAM)

clean: ## Remove what was built and what the demo made; downloads stay
	rm -rf .build .demo
