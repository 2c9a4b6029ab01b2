#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "snapset doctor" finds what is wrong, says it, and its exit status does; it leaves nothing.
#
# about: tool
# vm: --mem 1G --disk 64M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset mkfs.ext4
export SNAPSET_CONF_DIR=$TMP/conf
mkdir conf
rules=/usr/lib/udev/rules.d/59-snapset.rules

# doctor STATUS [ARGUMENT...]: into out
doctor() {
	local want=$1 status=0

	shift
	snapset doctor "$@" >out 2>&1 || status=$?
	[ $status = "$want" ] || fail "doctor $*: exit $status, not $want: $(cat out)"
}
# says LEVEL CHECK TEXT
says() { grep -Eq "^$1 +$2 +.*$3" out || fail "it does not say '$1 $2 $3': $(cat out)"; }

# a module that does not come
mkdir -p /run/modprobe.d
on_exit rm -f /run/modprobe.d/none.conf
echo 'install snapset /bin/false' >/run/modprobe.d/none.conf
modprobe -q -r snapset
doctor 11
says problem module 'snapset.ko.* cannot be loaded'
rm /run/modprobe.d/none.conf

load
# the function tracer; as long as nothing is hooked it can be turned off, on kernels that still let it
if sh -c 'echo 0 >/proc/sys/kernel/ftrace_enabled' 2>err; then
	on_exit sh -c 'echo 1 >/proc/sys/kernel/ftrace_enabled'
	doctor 4
	says problem hook 'ftrace_enabled is 0'
	echo 1 >/proc/sys/kernel/ftrace_enabled
else
	dmesg | grep -q 'ftrace_enabled file is deprecated' || fail "the tracer is not turned off: $(cat err)"
fi

mounted ext4 "$SCRATCH0" "$TMP/m"
doctor 0
note "$(cat out)"
says ok module '0\.'
says ok hook 'tracer is on'
says ok udev "$rules"
says ok storage 'nothing is set up'
says ok volume "$TMP/m can be taken"
doctor 0 --json
[ "$(json out 'd["ok"] and {c["level"] for c in d["checks"]} <= {"ok", "note"}')" = true ] || fail "$(cat out)"

# what cannot be taken: a problem for who names it
doctor 4 /run
says problem volume '/run: .*SNAP_E_VOLUME_NOT_SUPPORTED'
doctor 3 /dev/nothing "$TMP/m"
says problem volume '/dev/nothing: '
says ok volume "$TMP/m can be taken"
doctor 4 --json /run
[ "$(json out 'not d["ok"] and "error" not in d')" = true ] || fail "$(cat out)"

# directories of stores
must snapset storage add "$TMP/m" "$TMP/m/stores"
doctor 0
says ok storage "$TMP/m in $TMP/m/stores"
rmdir m/stores
doctor 6
says problem storage "$TMP/m/stores, for $TMP/m: No such file"
echo wrong >conf/storage.conf
doctor 2
says problem storage 'storage.conf:1: '
rm conf/storage.conf

# the udev rules
must mv $rules rules
on_exit sh -c "[ ! -e '$TMP/rules' ] || mv '$TMP/rules' $rules"
doctor 12
says problem udev '59-snapset.rules is nowhere'
must mv rules $rules

[ -z "$(snapraw list)" ] || fail "it left: $(snapraw list)"
must umount m
finish
