/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h - what the guest's kernel reports about the machine */
#ifndef MODEL_MACHINE_H
#define MODEL_MACHINE_H

#include "nt.h"

void machine_mounts(void);
/* machine_options() - the words of the kernel's command line that begin "nt." */
void machine_options(struct options *o);
void machine_modules(void);
/* machine_find_system() - waits for the disk that Windows is on, opens it, and
 * fills in @nt's machine, functions and controller. */
bool machine_find_system(struct nt *nt);
/* machine_firmware_write() - a count in bootstat.dat, as bootmgr makes it, past
 * everything that Windows would need */
void machine_firmware_write(struct nt *nt);
/* tcdrain_console() - until the serial port has sent all */
void tcdrain_console(void);

#endif
