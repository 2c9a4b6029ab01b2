#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes that a suspended member has put off since before it was added come by the
# hook again when it is resumed: the set may be made, and they do not change it.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
dm stuck "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
must dmsetup suspend --nolockfs --noflush stuck
on_exit dmsetup resume stuck
blk churn /dev/mapper/stuck model --engine direct --threads 4 --seconds 3600 >churn.out &
churn=$!
on_exit kill $churn
# all four have been put off: they sleep in pwritev2()
stuck() {
	local task call stat n=0

	for task in "/proc/$churn/task"/*; do
		read -r call _ <"$task/syscall" && read -r stat <"$task/stat" || return
		[ "$call" != 328 ] || [[ $stat != *") D "* ]] || n=$((n + 1))
	done
	[ $n = 4 ]
}
wait_for 60 stuck || fail "the writers do not write"
if snapraw take --keep --hold-timeout 800 /dev/mapper/stuck >out; then
	taken out
else
	grep -q 'E_HOLD_WRITES_TIMEOUT' out || fail "$(cat out)"
fi
gone $churn && fail "nobody was stuck: nothing is proved"
written() { awk '{ print $5 }' "/sys/class/block/$(basename "$(readlink -f /dev/mapper/stuck)")/stat"; }
was=$(written)
must dmsetup resume stuck
# those, and as many again
gone_on() { [ "$(written)" -ge $((was + 8)) ]; }
wait_for 60 gone_on || fail "the writers do not go on"
kill -TERM $churn
must wait $churn
must blk verify /dev/mapper/stuck model
[ -z "${SET:-}" ] || must blk verify "${IMAGE[0]}" model.then
finish
