#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A few rounds of kill-test.sh, different ones each time. It prints the seed first.

BUSFLIP_KILL_ROUNDS=${BUSFLIP_KILL_ROUNDS:-6} exec "${BASH_SOURCE[0]%/*}/kill-test.sh" "$@"
