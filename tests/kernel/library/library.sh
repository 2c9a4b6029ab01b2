#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The library against the module: sets, cancels from several threads, ends of every
# kind, events; and the example of README.md does what it says.
#
# about: library
# rounds: a set is cancelled at 20 moments between its start and a quarter more than it
# takes, by three threads at once; of no fault is it known how often it shows here, those of
# the library alone are found by "make tsan" in tests/lib.
#
# vm: --mem 1G --disk 64M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH0" /srv
must libsnap-api "$SCRATCH0" "$SCRATCH1"

mounted ext4 "$SCRATCH1" /var/lib/postgresql
must libsnap-example >out
image=$(sed -n 's/^the database of that instant: //p' out)
[[ $image = /dev/snapset[0-9]* ]] || fail "$(cat out)"
wait_for 60 no_objects || fail "the example lets nothing go"
must umount /var/lib/postgresql
must_not libsnap-example
grep -q '/var/lib/postgresql' must_not || fail "no sentence: $(cat must_not)"
must umount /srv
finish
