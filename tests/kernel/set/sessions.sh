#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A session belongs to its socket and ends with it: not before, not later, not with
# another socket that has the same port id, and not only when the module stays.
#
# rounds: a build that ends sessions by their port id alone ended a new one in one round of
# ten, with one processor and with two; it passes 200 with a probability below 1e-9. How
# often the module goes while sessions come is not measured: no build is known that it
# would find.
# about: release
# vm: --smp 1 --mem 1G
. "$(dirname "$0")/../lib.sh"

load
must sessions check
must sessions reuse 200

sessions_made() {
	local name made

	while read -r name _ made; do
		[ "$name" != session ] || [ "$made" -lt "$1" ] || return 0
	done </sys/kernel/debug/snapset/counters
	return 1
}

# the module goes while sessions are open, are opened and are closed
snapraw events 3600 >events.out &
on_exit kill $!
sessions churn >churn.out &
churn=$!
on_exit kill $churn
for ((i = $(often 16 6); i > 0; i--)); do
	wait_for 60 sessions_made 20 ||
		fail "no sessions come: $(cat /sys/kernel/debug/snapset/counters)"
	modprobe -r snapset || fail "the module does not go: $(lsmod | grep snapset)"
	modprobe snapset || fail "the module does not come back"
done
must kill $churn
must wait $churn
note "$(cat churn.out)"
must sessions check
finish
