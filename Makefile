# SPDX-License-Identifier: GPL-2.0
#
# The entry for people: `make help` lists the goals.  Kbuild, which the kernel's
# own make reads, is the file of that name.

MAKEFLAGS += --no-builtin-rules
# `make test T=name` is no business of the makes below.
MAKEOVERRIDES :=
export KDIR V T DESTDIR PREFIX B

.PHONY: all
all: modules userspace

help:
	@echo 'make            build the kernel modules and the tools (the first time also the'
	@echo '                kernel to build against: about 15 minutes)'
	@echo 'make demo       see it work, in a virtual machine'
	@echo 'make test       all tests; T=NAME runs the one of that name, QUICK=1 those that take'
	@echo '                no longer than three minutes'
	@echo 'make test-debug tests in guests again, on a kernel that looks for bugs (the first'
	@echo '                time builds it: about 15 minutes); T=NAME runs the one of that name'
	@echo 'make test-kcsan likewise, on a kernel that looks for data races'
	@echo 'make fuzz       fuzz the parsers, each for MINUTES=1; T=NAME only one, JOBS=2 two at a time'
	@echo 'make power-cuts kill guests that write, N=100 times, and look whether anything is lost'
	@echo 'make life-cycle take everything away under load, and give it back, N=10 rounds'
	@echo 'make soak       all that at once, and faults at random, for HOURS=2'
	@echo 'make faults     what the tests here have tried, and how often: a table in'
	@echo '                Documentation/testing.md'
	@echo 'make hostile    an initiator that does N=200000 things that no initiator should, on the'
	@echo '                debug kernel'
	@echo 'make shell      a shell in a virtual machine with the modules loaded'
	@echo 'make bench      measure against LIO and write Documentation/performance/;'
	@echo '                B=NAME only instructions, concurrency or memory;'
	@echo '                PROFILE=1 where the instructions go, by function'
	@echo 'make bench-control   what it takes to manage 10,000 logical units, and LIO beside'
	@echo 'make lint       formatting, Clippy, shellcheck, YAML, no unsafe code'
	@echo 'make audit      licences, origin and known faults of the crates of the tools'
	@echo 'make miri       unit tests of the crates that are shared with the tools, in Miri'
	@echo 'make doc        documentation of the crates, below build/doc'
	@echo 'make modules    only the kernel modules; modules-debug for the debug kernel'
	@echo 'make userspace  only the tools'
	@echo 'make rust-project.json   for rust-analyzer'
	@echo 'make man        manual pages and shell completion, below build/share'
	@echo 'make install    modules, tools, units, manual pages; DESTDIR and PREFIX are'
	@echo '                honoured; make uninstall removes them'
	@echo 'make deb        packages for Debian, in build/deb: the tools, and the modules by dkms'
	@echo 'make clean      remove what was built here; the kernel stays in its cache'
	@echo
	@echo 'KDIR=DIR builds against a kernel tree of your own. Documentation/building.md'
	@echo 'says more.'

# Quick when everything is there.
setup:
	@tools/setup

modules: setup
	+@tools/kmake modules

modules-debug:
	@tools/setup --debug
	+@tools/kmake --debug modules

modules-kcsan:
	@tools/setup --kcsan
	+@tools/kmake --kcsan modules

userspace: setup
	@tools/cargo build --release --locked --quiet

man: setup
	@tools/cargo run --release --locked --quiet -p docgen -- "$(CURDIR)/build/share"

# Builds what is missing, but not as root what was built before.
install: all man
	@tools/install install

uninstall:
	@tools/install uninstall

# Only the tools are built; dkms builds the modules where they are to run.
deb: userspace man
	@tools/deb

demo: all
	@tools/demo

test: all
	@tests/run $(if $(QUICK),--quick) $(T)

test-debug: userspace modules-debug
	@tests/run --debug --guest-only $(T)

test-kcsan: userspace modules-kcsan
	@tests/run --kcsan --guest-only $(T)

fuzz: setup
	@tools/fuzz --minutes $(or $(MINUTES),1) --jobs $(or $(JOBS),1) $(T)

power-cuts: all
	@tests/power/cuts.py --cuts $(or $(N),100) --seed $(or $(SEED),1)

life-cycle: all
	@tests/run --guest-only --time-limit $$(($(or $(N),10) * 300)) --set ROUNDS=$(or $(N),10) \
		$(if $(SEED),--set SEED=$(SEED)) life_cycle

soak: all
	@tests/soak/run --hours $(or $(HOURS),2) $(if $(SEED),--seed $(SEED))

# What has been tried so far, not what this tries.
faults:
	@tests/faults

hostile: userspace modules-debug
	@tests/run --debug --guest-only --time-limit 30000 --set CASES=$(or $(N),200000) hostile_initiator

bench: all
	@tests/bench/run $(if $(PROFILE),profile) $(B)

bench-control: all
	@tests/bench/run control

shell: all
	@tools/guest --shell

lint: setup
	+@tools/lint

audit: setup
	@tools/audit

miri:
	@tools/miri

doc: modules
	@tools/doc

rust-project.json: modules
	+@tools/kmake rust-analyzer
	@tools/rust-project

clean:
	+@tools/kmake clean
	@tools/cargo clean --quiet
	rm -rf build rust-project.json

.PHONY: help setup modules modules-debug modules-kcsan userspace man install uninstall deb demo test test-debug test-kcsan fuzz power-cuts life-cycle soak faults hostile bench bench-control shell lint audit miri doc \
	rust-project.json clean
