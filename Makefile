# SPDX-License-Identifier: GPL-2.0-or-later
# busflip: hook/ and conf/ make busflip-hook and busflip, helper/ makes
# busflip-helper. Every object file goes to build/; a source file that is added
# to one of the folders is found by itself.

VERSION     := 0.1.0

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

# What the project itself wants; a packager's CFLAGS come after it.
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

HOOK_PKGS   := libvirt libxml-2.0
HOOK_LIBS    = $(shell $(PKG_CONFIG) --libs $(HOOK_PKGS)) -linih
PKG_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(HOOK_PKGS) 2>/dev/null)

# Library headers are not ours to warn about.
ALL_CFLAGS = $(STD) $(WARN) -fPIE $(HARDEN) $(DEFS) -I. \
	$(patsubst -I%,-isystem %,$(PKG_CFLAGS)) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pie $(HARDEN_LD) $(LDFLAGS) $(SANITIZE)

HOOK_SRC   := $(filter-out hook/front.c hook/busflip.c,$(wildcard hook/*.c)) \
	$(wildcard conf/*.c) helper/base.c
TEST_SRC   := $(wildcard tests/test-*.c)
TESTS      := $(TEST_SRC:tests/%.c=$(B)/tests/%)
obj = $(patsubst %.c,$(B)/%.o,$(1))

PROGRAMS := $(B)/busflip-hook $(B)/busflip

all: $(PROGRAMS)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libbusflip.a: $(call obj,$(HOOK_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

# The hook runs five times for each start and stop of every guest on the host:
# static, because the dynamic linker is most of what a small program costs.
# FRONT_STATIC= builds it dynamic where there is no static libc.
FRONT_STATIC ?= $(if $(SANITIZE),,-static)
$(B)/busflip-hook: $(B)/hook/front.o
	$(CC) $(if $(FRONT_STATIC),$(HARDEN_LD) $(LDFLAGS) -static,$(ALL_LDFLAGS)) -o $@ $^

$(B)/busflip: $(B)/hook/busflip.o $(B)/libbusflip.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(HOOK_LIBS)

$(B)/tests/%: $(B)/tests/%.o $(B)/libbusflip.a
	$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(HOOK_LIBS)

clean:
	rm -rf $(B)

.PHONY: all clean
.SECONDARY:
-include $(wildcard $(B)/*/*.d)
