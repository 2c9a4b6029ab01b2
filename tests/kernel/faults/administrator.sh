#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What an administrator may do to the members in the middle of a take, at each place of
# it: thaw, freeze, unmount, remount, resize, another elevator, detach, suspend. There is a
# set that is right, or a refusal with a sentence; and afterwards everything can be
# mounted, frozen, thawed and written.
#
# rounds: one of each thing at each place, surely while the take stands still there, so no
# chance is in it. On other kernels at the places where what he meets differs: the file
# system is frozen, and writes are held.
# about: interface
# vm: --smp 1 --mem 1G --disk 8M --disk 24M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
A=$(readlink -f "$SCRATCH0") E=$TMP/e
mounted ext4 "$SCRATCH1" "$E"
echo "what was there" >"$E/file"
dm d "0 16384 linear $SCRATCH2 0"
truncate -s 4M "$TMP/backing"
sched=/sys/block/${A##*/}/queue/scheduler
elevator=$(sed -n 's/.*\[\(.*\)\].*/\1/p' "$sched")
on_exit sh -c "echo ${elevator:-none} >$sched"
# shellcheck disable=SC2016 # for the shell that does it
on_exit sh -c 'losetup -j "$1" -O NAME -n | xargs -r losetup -d' sh "$TMP/backing"

read -ra places <<<"$(often "prepare sync frozen hold commit release publish" "frozen hold")"
python3 "$TESTS/faults/administrator.py" "$E" "$SCRATCH1" "$A" /dev/mapper/d "$TMP/backing" \
	"${places[@]}" >said 2>&1 || fail "$(cat said)"
note "$(cat said)"
must umount "$E"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
