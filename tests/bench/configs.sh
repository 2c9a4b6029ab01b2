# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # guest.sh uses the variables
#
# The configurations: take_NAME puts something on $ORIGIN and sets TARGET, where the
# row writes; drop_NAME takes it away again and says, by its status, if the figure
# means anything.

ORIGIN=/dev/nullb0
STORE=/dev/nullb1
META=/dev/nullb2
OTHER=/dev/nullb3
ROW_MIB=860	# of a row in a file beside its store of 950, on a device of 2 GiB

# The device of Documentation/performance.rst: 50 us, 1000 MB/s, if nobody says otherwise.
DISK_US=50 DISK_MBPS=1000
device() { # NAME MIB
	local d=/sys/kernel/config/nullb/$1

	mkdir "$d"
	echo "$2" >"$d/size"
	echo 1 >"$d/memory_backed"
	echo 2 >"$d/irqmode"
	echo "${DISK_US}000" >"$d/completion_nsec"
	echo "$DISK_MBPS" >"$d/mbps"
	echo 4096 >"$d/blocksize"
	echo 1 >"$d/submit_queues"
	echo 64 >"$d/hw_queue_depth"
	echo 1 >"$d/power"
}

# What a memory-backed device allocates on the first write is not to be measured.
devices() { # [MIB to write, of each]
	modprobe null_blk nr_devices=0
	mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
	device nullb0 2048
	device nullb1 2304
	device nullb2 32
	device nullb3 32
	dd if=/dev/zero of=$ORIGIN bs=1M count="${1:-2048}" oflag=direct status=none
	dd if=/dev/zero of=$STORE bs=1M count="${1:-2304}" oflag=direct status=none
}

take_raw() { TARGET=$ORIGIN; }
drop_raw() { :; }

# the module is there, and no device is snapshotted
take_loaded() { modprobe snapset; TARGET=$ORIGIN; }
drop_loaded() { modprobe -r snapset; }

# its hook is in, for another device
take_hooked() { modprobe snapset; snapraw take --keep --store-limit 16M $OTHER >/dev/null; TARGET=$ORIGIN; }
drop_hooked() { snapraw clear >/dev/null; modprobe -r snapset; }

# a set is in the making, and the device's writes are counted
take_counted() {
	modprobe snapset
	rm -f /tmp/added
	snapraw take --touch /tmp/added --until /tmp/never $ORIGIN >/dev/null 2>&1 &
	MAKING=$!
	until [ -e /tmp/added ]; do sleep 0.01; done
	TARGET=$ORIGIN
}
drop_counted() {
	kill "$MAKING"
	wait "$MAKING" 2>/dev/null || :
	until [ "$(snapraw counters)" = 0 ]; do sleep 0.01; done
	modprobe -r snapset
}

# the least that a device upon another costs
take_linear() {
	dmsetup create linear --table "0 $(blockdev --getsz $ORIGIN) linear $ORIGIN 0"
	TARGET=/dev/mapper/linear
}
drop_linear() { dmsetup remove linear; }

take_memory() { snaps 1 memory:1280M; }
drop_memory() { unsnap; }
take_device() { snaps 1 $STORE; }
drop_device() { unsnap; }
take_device8() { snaps 8 $STORE; }
drop_device8() { unsnap; }
take_device64() { snaps 64 $STORE; }
drop_device64() { unsnap; }

# a store in a file, on the second device
take_file() {
	file_system $STORE
	snaps 1 $FILES:1280M
}
drop_file() {
	local status=0

	unsnap || status=1
	umount $FILES
	return $status
}

# a file of a file system is overwritten, without a snapshot; and with one, whose store is
# a file beside it
take_plainfile() {
	modprobe snapset
	row_file
}
drop_plainfile() {
	umount $FILES
	modprobe -r snapset
}
take_samefile() {
	row_file
	modprobe snapset
	snapset create --keep --store $FILES:950M $FILES >/dev/null
}
drop_samefile() { drop_file; }

FILES=/tmp/files
file_system() { # DEVICE
	mkdir -p $FILES
	# nothing goes on in the background
	mkfs.ext4 -qF -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$1"
	mount -o noatime "$1" $FILES
}
row_file() {
	file_system $ORIGIN
	dd if=/dev/zero of=$FILES/row bs=1M count=$ROW_MIB oflag=direct conv=fsync status=none
	TARGET=$FILES/row
}

# so many snapshots of the origin, of which the newest has the store
snaps() { # N STORE
	local i

	modprobe snapset
	for ((i = 1; i < $1; i++)); do
		snapraw take --keep --store-limit 1M $ORIGIN >/dev/null
	done
	snapset create --keep --store "$2" $ORIGIN >/dev/null
	TARGET=$ORIGIN
}
# a figure of a snapshot that did not live through its row means nothing
unsnap() {
	local bad=0

	if snapset list --json | grep -q '"dead"'; then
		snapset list
		echo "a snapshot died"
		bad=1
	fi >&2
	snapset delete --all >/dev/null
	modprobe -r snapset
	return $bad
}

# the image, of which nothing has been kept: what is read lies in the origin
take_image() {
	snaps 1 $STORE
	TARGET=$(image)
}
drop_image() { unsnap; }
# the same when all that is read has been kept
take_kept_image() {
	snaps 1 $STORE
	fio_quiet --filename=$ORIGIN --bs=1m --rw=write --size=1g --iodepth=4
	TARGET=$(image)
}
drop_kept_image() { unsnap; }
# and while the origin is being overwritten
take_busy_image() {
	snaps 1 $STORE
	TARGET=$(image)
	keep_writing
}
drop_busy_image() {
	drop_busy
	unsnap
}

# what two who want all of one processor do to each other without a snapshot
take_busy() {
	TARGET=$ORIGIN
	keep_writing
}
drop_busy() {
	kill "$WRITER"
	wait "$WRITER" || :
}
keep_writing() {
	$FIO --filename=$ORIGIN --bs=4k --rw=randwrite --size=512m --iodepth=16 --time_based \
		--runtime=3600 >/dev/null &
	WRITER=$!
	sleep 1
}

image() {
	snapset list --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["sets"][0]["snapshots"][0]["device"])'
}

dm_take() { # CHUNK in sectors
	local n

	n=$(blockdev --getsz $ORIGIN)
	dmsetup create o --table "0 $n linear $ORIGIN 0"
	dmsetup suspend o
	dmsetup load o --table "0 $n snapshot-origin $ORIGIN"
	dmsetup create s --table "0 $n snapshot $ORIGIN $STORE N $1"
	# only a resume makes the origin know that it has a snapshot
	dmsetup resume o
	TARGET=/dev/mapper/o
}
take_dm4k() { dm_take 8; }
take_dm64k() { dm_take 128; }
drop_dm() {
	local used

	# used/total metadata: an origin that does not know its snapshot copies nothing
	used=$(dmsetup status s | awk '{ split($4, u, "/"); print u[1] - $5 }')
	dmsetup remove s
	dmsetup remove o
	[ "$used" -ge $((WRITTEN / 512)) ] && return
	echo "dm-snapshot has kept $used sectors only of $((WRITTEN / 512))" >&2
	return 1
}
drop_dm4k() { drop_dm; }
drop_dm64k() { drop_dm; }

# A thin volume over an external origin: what is written goes elsewhere, and of
# blocks of 64 KiB that are not written whole the rest is copied there.
take_thin() {
	local n

	n=$(blockdev --getsz $ORIGIN)
	dd if=/dev/zero of=$META bs=4k count=1 oflag=direct status=none
	dmsetup create pool --table "0 $(blockdev --getsz $STORE) thin-pool $META $STORE 128 0"
	dmsetup message pool 0 "create_thin 0"
	dmsetup create thin --table "0 $n thin /dev/mapper/pool 0 $ORIGIN"
	TARGET=/dev/mapper/thin
}
drop_thin() { dmsetup remove thin && dmsetup remove pool; }
