# SPDX-License-Identifier: GPL-2.0-or-later
# model.mk - the programs of the Windows model, for the Makefile of the project.
# Not a line of them is shared with it: what judges the code must not be built
# from it. Kernel and initrd are made by build.sh, when a test wants them.

M       := tests/guest/windows
MODEL   := $(addprefix $(B)/$(M)/,base.o disk.o volume.o hive.o hivelog.o pci.o \
	loader.o pnp.o enum.o sweep.o inf.o install.o session.o hiber.o nt.o)
model    = $(addprefix $(B)/$(M)/,$(addsuffix .o,$(1)))

MODEL_TOOLS := $(addprefix $(B)/windows/,mkdisk ntsim ntpeek init)
MODEL_TESTS := $(addprefix $(B)/windows/,test-decisions test-registry)
MODEL_SH    := $(wildcard $(M)/test-*.sh)

$(B)/windows/mkdisk: $(call model,mkdisk mkfiles mkhive mkinbox mkvirtio) $(MODEL)
$(B)/windows/ntsim: $(call model,ntsim) $(MODEL)
$(B)/windows/ntpeek: $(call model,ntpeek base disk volume hive hivelog)
$(B)/windows/test-decisions: $(call model,test-decisions) $(MODEL)
$(B)/windows/test-registry: $(call model,test-registry base hive hivelog)

$(filter-out %/init,$(MODEL_TOOLS)) $(MODEL_TESTS):
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ -lhivex -lntfs-3g

# The guest's only program: static, since a dynamic linker takes time under
# emulation. Without static libraries it is dynamic, and build.sh puts what it
# needs beside it. Where it is static the linker warns of what libntfs-3g could
# look up in a name service, which the model never asks for.
$(B)/windows/init: $(call model,init machine iconv) $(MODEL)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -static -s -o $@ $^ -lhivex -lntfs-3g 2>$@.log || \
		$(CC) $(LDFLAGS) $(SANITIZE) -pie -s -o $@ $^ -lhivex -lntfs-3g
