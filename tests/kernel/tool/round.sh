#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool's round: create, list, show, delete, in words and in JSON; the numbers agree
# with the kernel's, and its refusals have their exit codes.
#
# about: tool
# vm: --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset
load
mounted ext4 "$SCRATCH1" "$TMP/e"
# a set that is left holds the file system with its store
on_exit snapset delete --all --force
fill "$SCRATCH0" model

must snapset create --json "$SCRATCH0" "$TMP/e" >created
set=$(json created 'd["id"]')
[ "$(json created 'd["state"]')" = created ] || fail "$(cat created)"
[ "$(json created 'len(d["snapshots"])')" = 2 ] || fail "$(cat created)"
[ "$(json created 'd["snapshots"][1]["volume"]')" = "$TMP/e" ] || fail "$(cat created)"
[ "$(json created 'd["times"]["hold_ns"] > 0 and d["times"]["freeze_ns"] > 0')" = true ] ||
	fail "no times: $(cat created)"
image=$(json created 'd["snapshots"][0]["device"]') id=$(json created 'd["snapshots"][0]["id"]')
must test -b "$image"

must blk churn "$SCRATCH0" model --engine aio --depth 4 --writes 100 --max 64K >churn.out
must blk verify "$image" model.then

must snapset list --json >listed
[ "$(json listed '[s["id"] for s in d["sets"]]')" = "['$set']" ] || fail "$(cat listed)"
must snapset show --json "$id" >shown
[ "$(json shown 'd["device"]')" = "$image" ] || fail "$(cat shown)"
kept=$(snapraw snap "$id" | awk '{ print $5 }')
[ "$(json shown 'd["copied"]')" = "$kept" ] || fail "the kernel has kept $kept: $(cat shown)"
[ "$(json shown 'd["allocated"] > 0 and d["exclusive"] == d["allocated"]')" = true ] ||
	fail "it is not all its own: $(cat shown)"
[ "$(json listed '[x["snapshots"] for x in d["devices"]]')" = "[1, 1]" ] || fail "$(cat listed)"
must snapset show "$set" >words
grep -q "$image" words || fail "$(cat words)"
must snapset list >words
[ "$(grep -c snapset words)" = 2 ] || fail "$(cat words)"

# while it is open: exit code 7, and nothing is deleted; then by force
exec 9<"$image"
snapset delete --set "$set" >out 2>&1
[ $? = 7 ] || fail "deleting an open image: exit $?: $(cat out)"
must test -b "$image"
exec 9<&-
must snapset delete --json --set "$set" >deleted
[ "$(json deleted 'd["deleted"]')" = 2 ] || fail "$(cat deleted)"
snapset show "$set" >out 2>&1
[ $? = 3 ] || fail "showing what is gone: exit $?: $(cat out)"
snapset create /nowhere >out 2>&1 && fail "/nowhere was taken"
snapset create >out 2>&1
[ $? = 2 ] || fail "create without a volume: exit $?"
must snapset list --json >listed
[ "$(json listed 'd["sets"]')" = "[]" ] || fail "$(cat listed)"

# a refusal leaves nothing behind, and says why
snapset create "$SCRATCH0" /dev/null >out 2>&1 && fail "/dev/null was taken"
grep -q '0x80' out || fail "$(cat out)"
[ "$(snapraw sets)" = 0 ] || fail "a refused set is left"

# with a command the set lives as long as the command
# shellcheck disable=SC2016 # for the command
must snapset create "$SCRATCH0" --exec sh -c 'blk verify $SNAP_DEVICES model && echo $SNAP_DEVICES' >out
image=$(cat out)
wait_for 60 test ! -e "$image" || fail "$image outlives the command"
finish
