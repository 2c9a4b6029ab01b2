#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The index of a snapshot takes RAM for as long as that lives. It is told; and where it
# would take more than the set may use the snapshot is lost with a sentence, while the
# origin and the set's other member go on. Its RAM comes back.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset python3
load
# nothing that is written is there afterwards: all that is read is zeros
null_disk vast size=1048576 queue_mode=2 irqmode=1 blocksize=4096
vast=$NULL_DISK
fill "$SCRATCH0" model

field() { snapraw snap "$1" | sed -n "s/ text .*//; s/.* $2 \([0-9]*\).*/\1/p"; }
scattered() { # FROM TO: a write each, so far from one another that nothing of the index is shared
	python3 - "$vast" "$1" "$2" <<-'EOF'
		import mmap, os, sys
		page = mmap.mmap(-1, 4096)
		fd = os.open(sys.argv[1], os.O_WRONLY | os.O_DIRECT)
		for i in range(int(sys.argv[2]), int(sys.argv[3])):
		    os.pwrite(fd, page, i << 27)
	EOF
}

must_not snapraw take --index-limit 1023K "$vast"
grep -q 'the limit of the index must be 1 MiB at least' "$TMP/must_not" || fail "$(cat "$TMP/must_not")"
snapraw events 300 >events.out &
events=$!
on_exit kill $events
wait_for 60 grep -q ready events.out || fail "no listener: $(cat events.out)"
take --store-limit 64M --index-limit 1M "$vast" "$SCRATCH0"
told() { grep -q "index-low .* $1 % of the 1 MiB of RAM for the set's index are used" events.out; }
must scattered 0 700
grep index-low events.out && fail "told of too early"
must scattered 700 1000
wait_for 60 told 50 || fail "not told: $(field "${SNAP[0]}" index) bytes: $(cat events.out)"
must scattered 1000 1450
wait_for 60 told 75 || fail "not told: $(field "${SNAP[0]}" index) bytes: $(cat events.out)"
[ "$(field "${SNAP[0]}" index)" -ge 100000 ] || fail "not told: $(snapraw snap "${SNAP[0]}")"
dead "${SNAP[0]}" && fail "lost below its limit: $(snapraw snap "${SNAP[0]}")"
must scattered 1450 8000
wait_for 60 dead "${SNAP[0]}" || fail "more than it may: $(snapraw snap "${SNAP[0]}")"
snapraw snap "${SNAP[0]}" | grep -q 'code E_OUTOFMEMORY .* text the index of what is kept takes more RAM than the set may use for it: 1048576 bytes' ||
	fail "$(snapraw snap "${SNAP[0]}")"
wait_for 60 told 90 || fail "not told: $(cat events.out)"
for at in 0 $((5 << 15)) $((7999 << 15)); do	# pages
	must_not dd if="${IMAGE[0]}" of=block bs=4k skip=$at count=1 iflag=direct
	grep -q 'Input/output error' "$TMP/must_not" || fail "$(cat "$TMP/must_not")"
done
# the other one has room again
given_back() { [ "$(field "${SNAP[0]}" index)" = 0 ]; }
wait_for 60 given_back || fail "$(snapraw snap "${SNAP[0]}")"
must blk churn "$SCRATCH0" model --engine direct --writes 500 --min 4K --max 4K >churn.out
dead "${SNAP[1]}" && fail "the other member is lost: $(snapraw snap "${SNAP[1]}")"
[ "$(field "${SNAP[1]}" index)" -ge 1000 ] || fail "not told: $(snapraw snap "${SNAP[1]}")"
must blk verify "${IMAGE[1]}" model.then
must scattered 8000 8100
must snapraw delete "$SET"

# however high the limit is, nothing is near it
take --store-limit 64M --index-limit 9223372036854775808 "$vast"
must scattered 0 100
[ "$(field "${SNAP[0]}" index)" -ge 1000 ] || fail "not told: $(snapraw snap "${SNAP[0]}")"
before=$(grep -c snap-deleted events.out)
must snapraw delete "$SET"
deleted() { [ "$(grep -c snap-deleted events.out)" -gt "$before" ]; }
wait_for 60 deleted || fail "the listener heard nothing of the delete: $(cat events.out)"
grep 'index-low .* of the 8796093022208 MiB' events.out && fail "told of a limit that is far"

# granules that lie densely cost no more than the place of each
take --store-limit 64M "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine direct --cover --min 4K --max 4K --align 4K >churn.out
index=$(field "${SNAP[0]}" index)
note "$index bytes for 8192 granules at random"
[ "$index" -le $((8192 * 9)) ] || fail "$index bytes for 8192 granules at random"
must snapset show --json "${SNAP[0]}" >shown
[ "$(json shown 'd["snapshots"][0]["index"] if "snapshots" in d else d["index"]')" = "$index" ] || fail "$(cat shown)"
must snapraw delete "$SET"
finish
