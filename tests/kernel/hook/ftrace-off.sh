#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.ftrace_enabled=0 never leaves a hook that does not see writes: either the
# knob cannot be turned, or there is no snapshot, and somebody says why.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

knob=/proc/sys/kernel/ftrace_enabled
[ -e $knob ] || skip "this kernel has no such knob"
on_exit sh -c "echo 1 >$knob"
fill "$SCRATCH0" model

proven() { # WHEN: the snapshot works
	must blk churn "$SCRATCH0" model --engine aio --depth 4 --cover --min 4K --max 512K >churn.out
	blk verify "${IMAGE[0]}" model.then || fail "$1: the hook is dead and nobody said so"
	must blk verify "$SCRATCH0" model
}

# turned before
if echo 0 2>/dev/null >$knob; then
	note "the knob turns while nothing is hooked"
	dmesg -C
	if ! modprobe snapset 2>err; then
		dmesg | grep -q 'snapset.*ftrace' || fail "not loaded, without a word: $(dmesg)"
	else
		on_exit rmmod snapset
		if snapraw take --keep "$SCRATCH0" >out; then
			taken out
			proven "turned before"
			must snapraw delete "$SET"
		else
			grep -q 'text .*ftrace' out || fail "refused without the reason: $(cat out)"
		fi
		must rmmod snapset
	fi
	echo 1 >$knob || fail "the knob does not turn back"
fi

# turned after
load
cp model model.then
take "$SCRATCH0"
if echo 0 2>/dev/null >$knob; then
	note "the knob turns although something is hooked"
fi
proven "turned after"
echo 1 >$knob 2>/dev/null
finish
