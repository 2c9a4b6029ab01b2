#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# While nothing is tracked nothing is hooked: not before the first member, not for long
# after the last snapshot, not after a refusal. The module says so, and so does ftrace.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

enabled=/sys/kernel/tracing/enabled_functions
must test -r $enabled

hook() {
	local word name

	while read -r word name _; do
		[ "$word" != hook ] || echo "$name"
	done < <(snapraw info)
}

# not often: it takes 5 s and more, and to ask is a program
unhooked() { [ -z "$(hook)" ] || { pause 0.5; return 1; }; }
ftraced() { grep -E '^(__)?submit_bio' $enabled; }

not_hooked() { # WHEN
	[ -z "$(hook)" ] || fail "$1: $(hook) is said to be hooked"
	! ftraced >hooks || fail "$1: $(cat hooks)"
}

hooked() { # WHEN
	[ -n "$(hook)" ] || fail "$1: nothing is said to be hooked"
	ftraced >hooks || fail "$1: ftrace has no hook"
	grep -q "^$(hook) " hooks || fail "$1: $(hook) should be hooked, but: $(cat hooks)"
}

! ftraced || fail "somebody else has a hook there"
load
not_hooked "loaded"
take "$SCRATCH0"
hooked "with a snapshot"
one=$SET
take "$SCRATCH1"
must snapraw delete "$one"
sleep 6
hooked "6 s after one of two was deleted"
deleted=$(now_ms)
must snapraw delete "$SET"
# a machine that is too slow to look within 5 s looks at nothing
at_once=$(hook)
[ $(($(now_ms) - deleted)) -ge 4500 ] || [ -n "$at_once" ] || fail "the hook went with the last snapshot"
wait_for 60 unhooked || fail "the hook is still in $(($(now_ms) - deleted)) ms after the last snapshot"
note "out after $(($(now_ms) - deleted)) ms"
not_hooked "after the last snapshot"

# a member that was taken before the take was refused
refused EEXIST "$SCRATCH0" "$SCRATCH0"
must wait_for 60 unhooked
not_hooked "after a refusal"
finish
