#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A few rounds of kill-test.sh, others each time: the seed is the first thing that
# it prints.

BUSFLIP_KILL_ROUNDS=${BUSFLIP_KILL_ROUNDS:-6} exec "${BASH_SOURCE[0]%/*}/kill-test.sh" "$@"
