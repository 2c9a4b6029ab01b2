#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A store that grows by files while it is written to: a volume four times as large as
# the first one is overwritten and the snapshot is not lost; what each file holds is where
# the map says. Refusals of an extension change nothing.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 32M --disk 128M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
mounted ext4 "$SCRATCH1" m
for n in 0 1 2 3 4 5; do
	store_file m/s$n 8
done
take --full wait --full-wait 60000 --store-file m/s0 "$SCRATCH0"
blk churn "$SCRATCH0" model --engine aio --cover --min 4096 --max 4096 --depth 16 >churn.out &
churn=$!
# all at once, since emulated writers are faster than a shell that asks how full it is
for n in 1 2 3 4; do
	must snapraw extend "$SET" "m/s$n"
	gone $churn && note "extension $n came after the writes"
done
must wait $churn
dead "${SNAP[0]}" && fail "the snapshot is lost: $(snapraw snap "${SNAP[0]}")"
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
snapraw store "$SET" >store.out
note "$(cat store.out), $n extensions"
[ "$(awk '{ print $6 }' store.out)" -ge $((32 << 20)) ] || fail "that is not all of it: $(cat store.out)"
[ "$(awk '{ print $8 }' store.out)" = $((n + 1)) ] || fail "not $((n + 1)) files: $(cat store.out)"

not_extended() { # CODE SET FILE
	if snapraw extend "$2" "$3" >extend.out; then fail "extended by $3"; fi
	grep -q "^errno $1 .* text [^ ]* [^ ]" extend.out || fail "not $1: $(cat extend.out)"
}
# while nobody writes
must snapraw extend "$SET" m/s5
must blk verify "${IMAGE[0]}" model.then
n=5
snapraw store "$SET" >store.before
not_extended EINVAL "$SET" /dev/null
not_extended EBUSY "$SET" m/s0
must fallocate -l 8M m/plain
not_extended EINVAL "$SET" m/plain
store_file m/other 8
not_extended ENOENT 00000000-0000-0000-0000-000000000001 m/other
snapraw store "$SET" | cmp -s - store.before || fail "a refusal changed the store"
must snapraw delete "$SET"
for file in m/s*; do
	[ ! -e "$file" ] || fail "$file is left"
done
finish
