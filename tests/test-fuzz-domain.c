// SPDX-License-Identifier: GPL-2.0-or-later
/* test-fuzz-domain.c - fuzz-domain.c over its seeds and all that it ever found */

#include "tests/fuzz-domain.c"
