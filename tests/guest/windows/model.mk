# SPDX-License-Identifier: GPL-2.0-or-later
#
# model.mk - the programs of the Windows model, for the Makefile of the project. The model
# shares no code with the project: a program that tests the code must not be built from it.
# build.sh makes kernel and initrd when a test needs them.

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

# The guest's only program. It is static, because a dynamic linker takes time under
# emulation. Without static libraries it is dynamic, and build.sh adds the libraries that it
# needs. For the static program, the linker warns about name service lookups in libntfs-3g,
# which the model never makes.
$(B)/windows/init: $(call model,init machine iconv) $(MODEL)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -static -s -o $@ $^ -lhivex -lntfs-3g 2>$@.log || \
		$(CC) $(LDFLAGS) $(SANITIZE) -pie -s -o $@ $^ -lhivex -lntfs-3g
