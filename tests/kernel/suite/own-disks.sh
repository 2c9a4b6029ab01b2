#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests on somebody's machine, who names disks to write over: what is in use or carries
# anything is refused and stays as it was; pieces are cut of disks that are larger than a
# test wants; what comes out is KTAP with the exit codes of kselftest; nothing is left.
#
# about: tool
# kernels: 6.1
# vm: --smp 1 --mem 1G --disk 400M --disk 64M
. "$(dirname "$0")/../lib.sh"

A=$SCRATCH0 B=$SCRATCH1
cp -r "$TESTS" kernel
rm -rf kernel/*/
mkdir kernel/hook kernel/store kernel/try
cp "$TESTS/hook/idle.sh" kernel/hook/
cp "$TESTS/store/full.sh" kernel/store/

try() { # NAME BODY: a test
	# shellcheck disable=SC2016 # for the test
	printf '#!/bin/bash\n# vm: --disk 32M\n. "$(dirname "$0")/../lib.sh"\n%s\n' "$2" >"kernel/try/$1.sh"
}

# runs STATUS SCRATCH NAME...: the runner, as it is for its user
runs() {
	local want=$1 status=0

	env -u SNAPSET_KERNEL -u SNAPSET_TEST_PART -u SNAPSET_SCRATCH_CHECKED \
		SCRATCH="$2" FORCE="${FORCE:-0}" kernel/runner "${@:3}" >out 2>&1 || status=$?
	[ $status = "$want" ] || fail "exit $status, not $want: $(cat out)"
}

says() { grep -Eq "$1" out || fail "nothing says '$1': $(cat out)"; }

try passes 'exit 0'
try fails 'fail "it was two and not one"'
try skips 'skip "no reason"'
try leaves 'losetup -f --show /etc/passwd; exit 0'
try hangs 'sleep 1000'
sed -i '2s/$/ --timeout 3/' kernel/try/hangs.sh

# what must not be written over
must mkfs.ext4 -qF "$A"
before=$(head -c 8M "$A" | sha256sum)
runs 1 "$A" try/passes
says "$A carries a signature.*FORCE=1"
mounted ext4 "$B" "$TMP/m"
runs 1 "$B" try/passes
says "$B is in use"
FORCE=1 runs 1 "$B" try/passes
must umount "$TMP/m"
must wipefs -qa "$B"
dm holder "0 8 linear $B 0"
FORCE=1 runs 1 "$B" try/passes
says "$B is held by"
must dmsetup remove holder
runs 1 /dev/null try/passes
says 'no block device'
[ "$(head -c 8M "$A" | sha256sum)" = "$before" ] || fail "a disk that was refused has been written to"

# results
FORCE=1 runs 1 "$A" try/passes try/fails try/skips
cat >want <<'EOT'
KTAP version 1
1..3
  KTAP version 1
  1..1
  ok 1 try/passes
ok 1 try/passes
  KTAP version 1
  1..1
  not ok 1 try/fails
not ok 2 try/fails
  KTAP version 1
  1..1
  ok 1 try/skips # SKIP no reason
ok 3 try/skips # SKIP
EOT
grep -v '^  #' out | sed 's/ # exit=.*//; s/ # [0-9]* s .*//; s/SKIP [0-9].*/SKIP/' >got
diff want got >difference || fail "other output: $(cat difference)"
says '^  # FAIL: it was two and not one'
runs 4 "$A" try/skips
runs 2 "$A" try/leaves try/passes
says 'leaves the machine other than it was'
must_not grep -q 'try/passes' out
losetup -j /etc/passwd | cut -d: -f1 | xargs losetup -d
runs 1 "$A" try/hangs
says 'no end after 3 s'
says '^not ok 1 try/hangs'

# real tests, on pieces and on a disk of just the size
runs 0 "$A $B" hook/idle store/full try/passes
says 'is 33554432 bytes of'
[ "$(grep -c '^ok ' out)" = 3 ] || fail "not all passed: $(cat out)"
[ -z "$(dmsetup ls | grep -v 'No devices')" ] || fail "left: $(dmsetup ls)"
must_not blkid -p "$A"
exit "$PASS"
