#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A session belongs to its socket and ends with it: not before, not later, not with
# another socket that has the same port id, and not only when the module stays.
#
# vm: --smp 2 --mem 1G --timeout 200
. "$(dirname "$0")/../lib.sh"

load
must sessions check
must sessions reuse "$(often 3000 500)"

# the module goes while sessions are open, are opened and are closed
snapraw events 100 >events.out &
on_exit kill $!
sessions churn 12 >churn.out &
churn=$!
while ! gone $churn; do
	sleep 0.2
	modprobe -r snapset || fail "the module does not go: $(lsmod | grep snapset)"
	modprobe snapset || fail "the module does not come back"
done
must wait $churn
note "$(cat churn.out)"
must sessions check
finish
