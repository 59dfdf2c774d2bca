# SPDX-License-Identifier: GPL-2.0-or-later
# busflip: hook/ and conf/ are built into busflip-hook and busflip, helper/ into
# busflip-helper. All object files go to build/. New source files in these folders are
# found automatically.

# The version is kept in one place: the first line of the changelog.
VERSION     := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' conf/debian/changelog)

PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
LIBEXECDIR  ?= $(PREFIX)/libexec/busflip
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man
STATEDIR    ?= /var/lib/busflip
RUNDIR      ?= /run/busflip
DESTDIR     ?=

B           ?= build
CC          ?= cc
PKG_CONFIG  ?= pkg-config
CFLAGS      ?= -O2 -g

# The project's own flags; a packager's CFLAGS come after them.
WARN := -Wall -Wextra -Wshadow -Wvla -Wconversion -Wcast-qual -Wformat=2 \
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
	-Wwrite-strings -Wswitch-enum $(if $(WERROR),-Werror)
HARDEN ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection
HARDEN_LD ?= -Wl,-z,relro,-z,now,-z,noexecstack
STD  := -std=c17 -pedantic -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
DEFS := -DBUSFLIP_VERSION='"$(VERSION)"' -DBUSFLIP_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DBUSFLIP_LIBEXECDIR='"$(LIBEXECDIR)"' -DBUSFLIP_SBINDIR='"$(SBINDIR)"' \
	-DBUSFLIP_STATEDIR='"$(STATEDIR)"' -DBUSFLIP_RUNDIR='"$(RUNDIR)"'

# libvirt, libnbd and libarchive are loaded at run time: see hook/libvirt/virt.c,
# helper/shared/nbdclient.c and helper/drivers/drivers.c.
HOOK_PKGS   := libvirt libxml-2.0
HELPER_PKGS := libnbd libntfs-3g hivex libarchive libseccomp
HOOK_LIBS    = $(shell $(PKG_CONFIG) --libs libxml-2.0) -linih -ldl -pthread
HELPER_LIBS  = $(shell $(PKG_CONFIG) --libs libntfs-3g hivex libseccomp) -ldl
TEST_LIBS    = $(shell $(PKG_CONFIG) --libs libarchive)
PKG_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(HOOK_PKGS) $(HELPER_PKGS) 2>/dev/null)

# No warnings about headers of libraries.
ALL_CFLAGS = $(STD) $(WARN) -fPIE $(HARDEN) $(DEFS) -I. \
	$(patsubst -I%,-isystem %,$(PKG_CFLAGS)) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pie $(HARDEN_LD) $(LDFLAGS) $(SANITIZE)

HOOK_SRC   := $(wildcard hook/*/*.c conf/*.c helper/shared/*.c)
HELPER_SRC := helper/sandbox.c $(wildcard helper/*/*.c)
TEST_SRC   := $(wildcard tests/test-*.c)
TESTS      := $(TEST_SRC:tests/%.c=$(B)/tests/%)
REPLAYS    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz-*.c))
TEST_TOOLS := $(B)/tests/mkvol $(B)/tests/hunter $(B)/tests/killer.so $(B)/tests/denier.so \
	$(B)/tests/capabilities.so $(B)/tests/listed.so $(B)/tests/unkilled.so \
	$(B)/tests/late.so $(B)/tests/inside.so
obj = $(patsubst %.c,$(B)/%.o,$(1))

PROGRAMS := $(B)/busflip-hook $(B)/busflip $(B)/busflip-helper

all: $(PROGRAMS)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/hook/busflip.o $(B)/helper/main.o: conf/debian/changelog

$(B)/libbusflip.a: $(call obj,$(HOOK_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/libhelper.a: $(call obj,$(HELPER_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

# The hook runs five times for each start and stop of every guest on the host. It is
# static, because the dynamic linker takes most of the run time of a small program.
# FRONT_STATIC= links it dynamically, for hosts without a static libc.
FRONT_STATIC ?= $(if $(SANITIZE),,-static)
$(B)/busflip-hook: $(call obj,hook/front.c helper/shared/text.c helper/shared/base.c)
	$(CC) $(if $(FRONT_STATIC),$(HARDEN_LD) $(LDFLAGS) -static,$(ALL_LDFLAGS)) -o $@ $^

$(B)/busflip: $(B)/hook/busflip.o $(B)/libbusflip.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(HOOK_LIBS)

$(B)/busflip-helper: $(B)/helper/main.o $(B)/libhelper.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(HELPER_LIBS)

$(B)/tests/%: $(B)/tests/%.o $(B)/libbusflip.a $(B)/libhelper.a
	$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(HOOK_LIBS) $(HELPER_LIBS) \
		$(TEST_LIBS)

# Fuzzers without libFuzzer: they run their seeds and fixed mutations of the seeds.
FUZZ_NTFS  = $(B)/tests/fuzz-ntfs.base
FUZZ_DEFS  = -DFUZZ_NTFS_BASE='"$(abspath $(FUZZ_NTFS))"'
$(B)/tests/fuzz-%.o: DEFS += $(FUZZ_DEFS)
$(B)/tests/fuzz-ntfs: | $(FUZZ_NTFS)

# The volume that fuzz-ntfs changes: small, with a SYSTEM file, a driver and
# a folder of many entries.
$(FUZZ_NTFS): $(B)/tests/mkvol
	rm -f $@
	truncate -s 3M $@
	PATH=$$PATH:/usr/sbin:/sbin mkntfs -F -Q -q -c 512 -p 0 -H 0 -S 0 $@ >/dev/null 2>&1
	head -c 20000 Makefile > $@.text
	$(B)/tests/mkvol $@ mkdir Windows/System32/config \
		mkdir Windows/System32/drivers \
		put Windows/System32/config/SYSTEM $@.text \
		text Windows/System32/drivers/old.sys old many Windows 40

# Loaded by tests into busflip, its helper or libvirtd.
$(B)/tests/%.so: tests/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) -fPIC -shared -o $@ $<

clean:
	rm -rf $(B) $(B)-guestfs build-asan build-analyzer build-fuzz

# ---- tests ----------------------------------------------------------------

-include tests/guest/windows/model.mk

# All tests: unit tests, rules of the tree, and end-to-end tests in their own labs (as
# root). BUSFLIP_TESTS="NAME..." runs all unit tests and only these shell tests. (Only
# "check" evaluates it: tests call make in copies of the tree that have no tests.)
RUN    = BUSFLIP_BUILD=$(abspath $(B)) tests/run.sh
MODULAR_SH := tests/test-busflip-modular.sh
SH_TESTS := $(filter-out $(MODULAR_SH), \
	$(wildcard tests/check-*.sh tests/test-*.sh)) $(MODEL_SH)
ifneq ($(and $(BUSFLIP_TESTS),$(filter check,$(MAKECMDGOALS))),)
BUSFLIP_NONE := $(filter-out $(notdir $(SH_TESTS)),$(BUSFLIP_TESTS))
$(if $(BUSFLIP_NONE),$(error no such test: $(BUSFLIP_NONE)))
SH_TESTS := $(foreach test,$(BUSFLIP_TESTS),$(filter %/$(test),$(SH_TESTS)))
endif
check: all $(TESTS) $(REPLAYS) $(TEST_TOOLS) $(MODEL_TOOLS) $(MODEL_TESTS)
	$(RUN) -t 900 $(SH_TESTS) $(TESTS) $(REPLAYS) $(MODEL_TESTS)

check-unit: $(TESTS) $(MODEL_TESTS)
	$(RUN) $(TESTS) $(MODEL_TESTS)

# The tests that are relevant where libvirt has a daemon for each of its drivers (virtqemud
# and so on). tests/modular.sh builds these daemons if needed.
MODULAR_TOO = hooks lifecycle crash bounce watched daemon save status pools
check-modular: all $(TEST_TOOLS) $(MODEL_TOOLS)
	tests/modular.sh build
	LAB_DAEMON=modular $(RUN) -t 900 $(MODULAR_SH) \
		$(MODULAR_TOO:%=tests/test-busflip-%.sh) tests/test-units.sh tests/test-systemd.sh

# Both commands of the README, complete, in another release of Debian; tests/distro.sh makes
# its tree. CI runs the shell tests of tests/distro.list in one of the two.
check-12: suite := bookworm
check-13: suite := trixie
check-12 check-13:
	tests/distro.sh $(suite) ./install.sh --demo
	tests/distro.sh $(suite) ./install.sh --test

# The whole fleet; "check" runs some of its rows. BUSFLIP_FLEET="NAME..." and
# BUSFLIP_UEFI="NAME..." select rows. For its packages: install.sh --deps=test,fleet.
fleet: all $(TEST_TOOLS) $(MODEL_TOOLS)
	BUSFLIP_FLEET="$${BUSFLIP_FLEET:-all}" BUSFLIP_UEFI="$${BUSFLIP_UEFI:-all}" \
		$(RUN) -t 3600 tests/test-fleet.sh tests/test-uefi.sh

# Kills busflip, its parts and the daemon at random, in BUSFLIP_KILL_ROUNDS (200) rounds;
# "check" runs a few of them. Prints its table.
kill-test: all $(TEST_TOOLS) $(MODEL_TOOLS)
	BUSFLIP_BUILD=$(abspath $(B)) tests/kill-test.sh

# The guest of install.sh --demo
demo-guest: $(MODEL_TOOLS)
	tests/guest/windows/build.sh $(B)/windows

# Only the tests of the Windows model
check-model: all $(MODEL_TOOLS) $(MODEL_TESTS)
	$(RUN) $(MODEL_TESTS) $(MODEL_SH)

# FORTIFY_SOURCE hides calls from the address sanitizer, so it is off here. The hook starts
# busflip with a new environment, so tests/asan-options.c sets the path of the reports
# inside the program; any report is a failure. libvirt is linked, because its RPC calls
# functions that the sanitizer intercepts, and the sanitizer can only forward calls to
# libraries that are loaded at the start.
ASAN_B    := build-asan
ASAN_E2E  ?= tests/test-front.sh tests/test-busflip-lifecycle.sh \
	tests/test-helper-refusals.sh tests/test-units.sh
ASAN_MAKE  = $(MAKE) B=$(ASAN_B) HARDEN='-U_FORTIFY_SOURCE' \
	SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
	LDFLAGS='$(LDFLAGS) $(ASAN_B)/asan-options.o -Wl,--no-as-needed -lvirt'
check-asan:
	@mkdir -p $(ASAN_B)
	$(CC) $(STD) $(WARN) -g -c -o $(ASAN_B)/asan-options.o tests/asan-options.c
	$(ASAN_MAKE) all $(TEST_TOOLS:$(B)/%=$(ASAN_B)/%) check-unit
	rm -rf $(ASAN_B)/reports
	BUSFLIP_BUILD=$(abspath $(ASAN_B)) LAB_KEEP=$(abspath $(ASAN_B))/reports \
		tests/run.sh $(ASAN_E2E)
	@if ls $(ASAN_B)/reports/sanitizer.* >/dev/null 2>&1; then \
		cat $(ASAN_B)/reports/sanitizer.*; exit 1; fi

VALGRIND := valgrind -q --leak-check=full --error-exitcode=99 \
	--show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible
# Except tests that enter a jail and then execute another program: valgrind cannot leave the
# jail, and does not support Landlock.
VALGRIND_TESTS = $(filter-out %/test-sandbox %/test-nbdserver %/test-journal,$(TESTS))
check-valgrind: $(VALGRIND_TESTS)
	@mkdir -p $(B)/valgrind
	@for test in $(abspath $(VALGRIND_TESTS)); do \
		printf '#!/bin/sh\nexec $(VALGRIND) %s\n' $$test \
			> $(B)/valgrind/$${test##*/}; \
		chmod +x $(B)/valgrind/$${test##*/}; \
	done
	$(RUN) $(VALGRIND_TESTS:$(B)/tests/%=$(B)/valgrind/%)

bench: all
	@for bench in tests/bench-*.sh; do \
		echo "== $$bench"; \
		BUSFLIP_BUILD=$(abspath $(B)) $$bench || exit; \
	done

# ---- fuzzers --------------------------------------------------------------

# Runs each tests/fuzz-NAME.c on its seeds, from tests/data/NAME/ or built in, for
# FUZZ_SECONDS; two at a time. Findings are in build-fuzz/found/; a finding becomes a seed
# after it has been reduced, and "make check" runs all seeds. Leak detection is off: libntfs-3g
# leaks inodes of damaged volumes, which are freed when the helper exits. The unit tests
# detect other leaks.
FUZZ_B       := build-fuzz
FUZZ_SECONDS ?= 60
FUZZ_NAMES   ?= $(patsubst tests/fuzz-%.c,%,$(wildcard tests/fuzz-*.c))
FUZZ_FLAGS   := -fno-sanitize-recover=all -fno-omit-frame-pointer
# The same limit as in the sandbox: libntfs-3g allocates whatever a boot sector asks for.
FUZZ_ASAN    := detect_leaks=0:max_allocation_size_mb=768:allocator_may_return_null=1
FUZZ_RUN     := $(FUZZ_NAMES:%=fuzz-run-%)
fuzz-smoke: $(REPLAYS) $(FUZZ_NTFS)
	@mkdir -p $(FUZZ_B)/found
	$(MAKE) B=$(FUZZ_B) CC=clang CFLAGS='-O1 -g' HARDEN='-U_FORTIFY_SOURCE' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined $(FUZZ_FLAGS)' \
		$(FUZZ_B)/libbusflip.a $(FUZZ_B)/libhelper.a
	$(MAKE) -j2 --output-sync $(FUZZ_RUN)

$(FUZZ_RUN): fuzz-run-%:
	clang $(STD) $(DEFS) $(FUZZ_DEFS) -DFUZZING -I. $(PKG_CFLAGS) -O1 -g $(FUZZ_FLAGS) \
		-fsanitize=fuzzer,address,undefined -o $(FUZZ_B)/fuzz-$* \
		tests/fuzz-$*.c $(FUZZ_B)/libbusflip.a $(FUZZ_B)/libhelper.a \
		$(HOOK_LIBS) $(HELPER_LIBS)
	mkdir -p $(FUZZ_B)/corpus/$* $(FUZZ_B)/seeds/$*
	if [ -d tests/data/$* ]; then cp tests/data/$*/* $(FUZZ_B)/seeds/$*/; \
		else $(B)/tests/fuzz-$* --write-seeds $(FUZZ_B)/seeds/$*; fi
	ASAN_OPTIONS=$(FUZZ_ASAN) nice $(FUZZ_B)/fuzz-$* \
		-max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=4000 \
		-verbosity=0 -print_final_stats=1 -artifact_prefix=$(FUZZ_B)/found/$*- \
		$$([ ! -e tests/data/$*.dict ] || echo -dict=tests/data/$*.dict -max_len=6000) \
		$(FUZZ_B)/corpus/$* $(FUZZ_B)/seeds/$*

# ---- lint -----------------------------------------------------------------

# Not the unit tests: they do on purpose what these tools warn about.
LINT_C   := $(wildcard hook/*.c hook/*/*.c conf/*.c helper/*.c helper/*/*.c)
LINT_SH   = $(shell grep -lE '^\#!/bin/(ba)?sh' install.sh .ci/run \
	$(wildcard conf/*.sh conf/debian/p* tests/*.sh tests/*/*.sh tests/*/*/*.sh)) \
	conf/completion/busflip.bash hook/engine/onDefineDomain hook/engine/before_vm_start
MANPAGES := hook/busflip.8 hook/busflip-hook.8 helper/busflip-helper.8 conf/busflip.conf.5 \
	hook/busflip-recipes.7 hook/engine/busflip-engines.7

lint: lint-cppcheck lint-clang-tidy lint-analyzer lint-shell lint-man

# Suppressed warnings: variables are declared at the top of a function; argv, what AUTO_FREE
# frees, and parameters of callbacks (reported by cppcheck 2.17 of Debian 13) are not const;
# cppcheck did not follow every branch; ctuuninitvar does not see that a callee initialises
# its argument, nor ctunullpointer that the callee checks it; memleak and unreadVariable do
# not know AUTO_FREE and AUTO_FD (the sanitizers and valgrind find leaks); some members of
# structs are read only by the kernel.
lint-cppcheck:
	cppcheck -q --std=c11 --enable=warning,style,performance,portability \
		--inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
		--suppress=variableScope --suppress=constParameter \
		--suppress=constParameterPointer --suppress=constParameterCallback \
		--suppress=constVariablePointer --suppress=normalCheckLevelMaxBranches \
		--suppress=ctuuninitvar --suppress=ctunullpointer --suppress=memleak \
		--suppress=unreadVariable --suppress=unusedStructMember -D_GNU_SOURCE $(DEFS) \
		-I. $(LINT_C)

# One file per run: with several files, clang-tidy 14 loses the effect of va_start().
TIDY := clang-tidy -quiet -warnings-as-errors=* "$$1" -- $(STD) $(DEFS) -I. $(PKG_CFLAGS)
lint-clang-tidy:
	@echo "clang-tidy on $(words $(LINT_C)) files, one run for each"
	@printf '%s\n' $(LINT_C) | xargs -n 1 -P $$(nproc) sh -c \
		'out=$$($(subst ','\'',$(TIDY)) 2>&1) || { echo "$$out"; exit 1; }' sh

# The sanitizers and valgrind find leaks and uninitialised values: gcc's analyzer knows
# neither AUTO_FREE and AUTO_FD nor what steal() does through its void **, and gcc 14
# (Debian 13) reports the standard input that dup2() sets as a leaked descriptor.
lint-analyzer:
	$(MAKE) B=build-analyzer WERROR=1 \
		CFLAGS='-O2 -g -fanalyzer -Wno-analyzer-malloc-leak \
		-Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-fd-leak' all

lint-shell:
	shellcheck -x $(LINT_SH)

# Ignore references to pages that this machine does not have.
lint-man:
	@for page in $(MANPAGES); do mandoc -T lint -W style $$page 2>&1; done | \
		grep -v -e 'referenced manual not found' -e 'outdated mandoc.db' && exit 1 || :
	@for page in $(MANPAGES); do MAN_KEEP_STDERR=1 man --warnings -l $$page 2>&1 >/dev/null; \
		done | grep . && exit 1 || :

# ---- install --------------------------------------------------------------

HOOKDIR ?= $(SYSCONFDIR)/libvirt/hooks
# systemd looks for units only below these two prefixes and in /etc.
UNITDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX)/lib,/etc)/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# Installed files contain the paths of this build.
PATHS    = sed 's,/usr/local/sbin,$(SBINDIR),; s,/usr/local/libexec/busflip,$(LIBEXECDIR),; \
	s,/usr/local/share/busflip,$(PREFIX)/share/busflip,'
# Each manual page goes to the folder of its section: man8/busflip.8
MANFILES := $(foreach page,$(MANPAGES),man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page)))

install: install-files install-bait install-hook

install-files: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBEXECDIR) \
		$(addprefix $(DESTDIR)$(MANDIR)/,$(sort $(dir $(MANFILES)))) $(DESTDIR)$(UNITDIR) \
		$(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR) \
		$(DESTDIR)$(SYSCONFDIR)
	install -m 755 $(B)/busflip $(DESTDIR)$(SBINDIR)/.busflip-new
	mv -f $(DESTDIR)$(SBINDIR)/.busflip-new $(DESTDIR)$(SBINDIR)/busflip
	install -m 755 $(B)/busflip-helper $(DESTDIR)$(LIBEXECDIR)/.busflip-new
	mv -f $(DESTDIR)$(LIBEXECDIR)/.busflip-new \
		$(DESTDIR)$(LIBEXECDIR)/busflip-helper
	for page in $(MANPAGES); do \
		to=$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; \
		$(PATHS) $$page > $$to && chmod 644 $$to || exit; \
	done
	for unit in busflip-stage.path busflip-stage.service; do \
		$(PATHS) conf/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit; \
		chmod 644 $(DESTDIR)$(UNITDIR)/$$unit; \
	done
	install -m 644 conf/completion/busflip.bash $(DESTDIR)$(BASHDIR)/busflip
	install -m 644 conf/completion/busflip.zsh $(DESTDIR)$(ZSHDIR)/_busflip
	install -m 644 conf/completion/busflip.fish $(DESTDIR)$(FISHDIR)/
	install -d $(DESTDIR)$(PREFIX)/share/busflip
	install -m 755 hook/engine/onDefineDomain hook/engine/before_vm_start \
		$(DESTDIR)$(PREFIX)/share/busflip/
	install -m 644 conf/kubevirt.yaml $(DESTDIR)$(PREFIX)/share/busflip/
	[ -e $(DESTDIR)$(SYSCONFDIR)/busflip.conf ] || \
		install -m 644 conf/busflip.conf $(DESTDIR)$(SYSCONFDIR)/busflip.conf

# busflip itself makes the bait on the host, and decides who may read it.
install-bait: install-files
	install -d $(DESTDIR)$(STATEDIR)
	[ "$(DESTDIR)" ] || $(SBINDIR)/busflip bait || \
		echo "busflip makes the bait when it stages a domain" >&2

install-hook: $(B)/busflip-hook
	@conf/setup.sh hook-add $(B)/busflip-hook $(DESTDIR)$(HOOKDIR)

# The contents of a package. conf/setup.sh puts hook and bait into place when the package
# is installed.
install-package: install-files
	install -m 755 $(B)/busflip-hook $(DESTDIR)$(LIBEXECDIR)/
	install -m 755 conf/setup.sh $(DESTDIR)$(PREFIX)/share/busflip/
	install -m 644 conf/security.sh conf/busflip-hook.cil $(DESTDIR)$(PREFIX)/share/busflip/

# Keeps a changed configuration and unfinished work.
uninstall:
	@conf/setup.sh hook-drop $(DESTDIR)$(HOOKDIR)
	@[ "$(DESTDIR)" ] || conf/setup.sh watchers-end $(SBINDIR)/busflip
	rm -f $(DESTDIR)$(UNITDIR)/busflip-stage.path \
		$(DESTDIR)$(UNITDIR)/busflip-stage.service \
		$(addprefix $(DESTDIR)$(MANDIR)/,$(MANFILES)) \
		$(DESTDIR)$(BASHDIR)/busflip $(DESTDIR)$(ZSHDIR)/_busflip \
		$(DESTDIR)$(FISHDIR)/busflip.fish \
		$(DESTDIR)$(LIBEXECDIR)/busflip-helper \
		$(DESTDIR)$(SBINDIR)/busflip $(DESTDIR)$(STATEDIR)/bait.img \
		$(wildcard $(DESTDIR)$(STATEDIR)/bait.[0-9]*) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/busflip/, \
			onDefineDomain before_vm_start kubevirt.yaml)
	rmdir $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(PREFIX)/share/busflip 2>/dev/null || :
	if cmp -s conf/busflip.conf $(DESTDIR)$(SYSCONFDIR)/busflip.conf; then \
		rm -f $(DESTDIR)$(SYSCONFDIR)/busflip.conf; fi
	rm -rf $(addprefix $(DESTDIR)$(STATEDIR)/,session last story)
	rmdir $(DESTDIR)$(STATEDIR)/pending $(DESTDIR)$(STATEDIR) 2>/dev/null || :
	rm -rf $(DESTDIR)$(RUNDIR)

# ---- packages -------------------------------------------------------------

# Built in $(B)/deb and $(B)/rpm from a copy of the tree, with debian/ where dpkg expects it.
# The build does not inherit the settings of this make.
TREE    := hook helper conf tests install.sh Makefile README.md LICENSE
PACK_ENV = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B -u PREFIX -u DESTDIR
NAME     = busflip-$(VERSION)

deb:
	rm -rf $(B)/deb
	mkdir -p $(B)/deb/$(NAME)
	cp -a $(TREE) $(B)/deb/$(NAME)/
	cp -a conf/debian $(B)/deb/$(NAME)/debian
	cd $(B)/deb/$(NAME) && $(PACK_ENV) dpkg-buildpackage -b -us -uc $(DEBFLAGS)
	rm -rf $(B)/deb/$(NAME)
	@ls $(B)/deb/*.deb

# The spec gets version and changelog from the Debian changelog.
RPMTOP = $(abspath $(B))/rpm
rpm:
	rm -rf $(B)/rpm
	mkdir -p $(B)/rpm/SPECS $(B)/rpm/SOURCES
	tar -czf $(B)/rpm/SOURCES/$(NAME).tar.gz --transform 's,^,$(NAME)/,' $(TREE)
	{ sed 's/@VERSION@/$(VERSION)/' conf/busflip.spec; \
		awk -f conf/changelog.awk conf/debian/changelog; } > $(B)/rpm/SPECS/busflip.spec
	cd $(B)/rpm && $(PACK_ENV) rpmbuild -bb --define '_topdir $(RPMTOP)' $(RPMFLAGS) SPECS/busflip.spec
	rm -rf $(B)/rpm/BUILD $(B)/rpm/BUILDROOT
	@ls $(B)/rpm/RPMS/*/*.rpm

.PHONY: all clean check check-12 check-13 check-unit check-model check-modular demo-guest fleet \
	kill-test check-asan check-valgrind bench \
	fuzz-smoke $(FUZZ_RUN) \
	lint lint-cppcheck lint-clang-tidy lint-analyzer lint-shell lint-man \
	install install-files install-bait install-hook install-package uninstall deb rpm
.SECONDARY:
-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/$(M)/*.d)
