#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A hold that is longer than its limit is excused by one thing only: stall has said in the
# kernel's log that the machine stood still meanwhile.  It can do so on each kernel.
#
# about: release
# vm: --smp 1 --mem 1G
. "$(dirname "$0")/../lib.sh"

stall &
pid=$!
on_exit kill $pid
# shellcheck disable=SC2317 # wait_for calls it
scheduled() { chrt -p "$pid" | grep -q SCHED_FIFO; }
wait_for 60 scheduled || fail "it has no priority: $(chrt -p $pid)"
must sh -c "echo snapset-test: it is stopped >/dev/kmsg"
must kill -STOP $pid
pause 0.5
must kill -CONT $pid

# shellcheck disable=SC2317 # wait_for calls it
told() { dmesg | sed -n '/it is stopped/,$p' | grep -Eq 'snapset-test: stood still for [0-9]{3,} ms'; }
wait_for 60 told || fail "it did not say that it stood still"
kill -0 $pid || fail "it has died of it"
exit "$PASS"
