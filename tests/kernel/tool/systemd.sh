#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The units, as a real systemd runs them: the monitor says that it is ready and makes a
# store larger from within what its unit leaves it, comes back when it is killed, and
# only the end of the machine deletes the snapshots: then they go before
# the mounts, and the file system that held the store is left clean and without it.
#
# about: tool
# kernels: 6.1
# vm: --mem 1G --disk 64M --disk 300M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need systemctl snapset unshare nsenter dumpe2fs
units=/run/systemd/system
mkdir -p $units "$TMP/m"
# what belongs to the machine around it
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-tmpfiles-setup.service \
	systemd-tmpfiles-setup-dev.service systemd-sysctl.service systemd-modules-load.service \
	systemd-remount-fs.service systemd-random-seed.service systemd-update-utmp.service \
	systemd-udevd-control.socket systemd-udevd-kernel.socket lvm2-monitor.service \
	lvm2-lvmpolld.socket dm-event.socket blk-availability.service; do
	ln -sf /dev/null $units/$unit
done
mount=$(systemd-escape -p --suffix=mount "$TMP/m")
cat >"$units/$mount" <<EOS
[Unit]
Before=local-fs.target
[Mount]
What=$(readlink -f "$SCRATCH1")
Where=$TMP/m
Type=ext4
EOS
cat >$units/test.target <<EOS
[Unit]
Requires=basic.target $mount
Wants=snapset-monitor.service snapset-shutdown.service
After=basic.target $mount
AllowIsolate=yes
EOS
cat >$units/small.target <<EOS
[Unit]
Requires=basic.target $mount
After=basic.target $mount
AllowIsolate=yes
EOS
# what systemd and its clients give a slow machine
mkdir -p /run/systemd/system.conf.d
printf '%s\n' '[Manager]' DefaultTimeoutStartSec=900 DefaultTimeoutStopSec=900 >/run/systemd/system.conf.d/slow.conf
export SYSTEMD_BUS_TIMEOUT=900
on_exit rm -rf $units /run/systemd/system.conf.d/slow.conf /etc/snapset

load
must mkfs.ext4 -qF "$SCRATCH1"
must mkdir /sys/fs/cgroup/machine
# with those that systemd has made in it
on_exit find /sys/fs/cgroup/machine -depth -type d -exec rmdir {} \;
cat >boot <<'EOS'
echo 0 >/sys/fs/cgroup/machine/cgroup.procs
exec unshare --pid --fork --mount --cgroup --mount-proc --kill-child sh -c '
	umount /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	exec env -i container=snapset PATH="$PATH" /lib/systemd/systemd --system \
		--show-status=0 --unit=test.target'
EOS
sh boot &
outer=$!
on_exit kill -9 $outer
booted() { init=$(pgrep -P $outer) && [ "$(cat "/proc/$init/comm")" = systemd ]; }
wait_for 120 booted || fail "no systemd"
within() { timeout 180 nsenter -t "$init" --mount --pid --cgroup --wd="$TMP" "$@"; }
# what is dear is not systemd, but to ask it: nsenter and systemctl take a third of a second
active() { within systemctl is-active "$@"; }
state() {
	within systemctl --no-pager status "$@" 2>&1
	within journalctl --no-pager -n 30 2>&1
}
# the socket may be one that an earlier systemd has left
bus() {
	[ -S "/proc/$init/root/run/systemd/private" ] && within systemctl list-jobs && return
	pause 0.5
	return 1
}
wait_for 120 bus || fail "systemd does not listen"
# that waits until it is
units=(test.target snapset-monitor.service snapset-shutdown.service)
must within systemctl start "${units[@]}"
active "${units[@]}" >out || fail "not all are active: $(cat out) $(state "${units[@]}")"
note "$(within systemctl show -p Type,MainPID,StatusText snapset-monitor.service | paste -s -d ' ')"

must within mkdir "$TMP/m/stores"
must within snapset storage add --minimum 16M --maximum 200M "$SCRATCH0" "$TMP/m/stores"
fill "$SCRATCH0" model
must within snapset create --json --full wait:60000 "$SCRATCH0" >created
set=$(json created 'd["id"]') image=$(json created 'd["snapshots"][0]["device"]')
must blk churn "$SCRATCH0" model --engine aio --cover --min 64K --max 64K --depth 4 >churn.out
must blk verify "$image" model.then
must snapset show --json "$set" >shown
[ "$(json shown 'd["store"]["size"]')" -gt $((50 << 20)) ] ||
	fail "the store has not grown: $(cat shown) $(state snapset-monitor.service)"

# only the end of the machine is a reason to lose snapshots
must within systemctl restart snapset-shutdown.service
must within systemctl stop snapset-shutdown.service
must blk verify "$image" model.then
must within systemctl start snapset-shutdown.service
must within systemctl isolate small.target
pid=$(within systemctl show --value -p MainPID snapset-monitor.service)
[ "$pid" = 0 ] || fail "the monitor should be stopped by this: $pid"
must within systemctl start test.target
restarted() {
	local -A is

	while IFS='=' read -r key value; do
		is[$key]=$value
	done < <(within systemctl show -p ActiveState -p MainPID snapset-monitor.service)
	[ "${is[ActiveState]}" = active ] && [ "${is[MainPID]}" != "$pid" ] && return
	pause 0.5
	return 1
}
wait_for 120 restarted || fail "the monitor does not start: $(state snapset-monitor.service)"
pid=$(within systemctl show --value -p MainPID snapset-monitor.service)
must within kill -9 "$pid"
wait_for 120 restarted || fail "the monitor does not come back: $(state snapset-monitor.service)"
must blk verify "$image" model.then
must snapset show "$set" >shown

# the end; somebody still reads
exec 7<"$image"
within systemctl poweroff
wait_for 120 gone $outer || fail "it does not end: $(state)"
exec 7<&-
must_not snapset show "$set"
dumpe2fs -h "$SCRATCH1" 2>/dev/null >super
must grep -q '^Filesystem state: *clean' super
must_not grep -q needs_recovery super
must mount -o ro "$SCRATCH1" m
[ -z "$(ls -A m/stores)" ] || fail "left: $(ls -A m/stores)"
must umount m
finish
