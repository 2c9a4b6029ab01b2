#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's part of the demonstration: PostgreSQL on three disks, pgbench, a
# snapshot set of the three, a second PostgreSQL on the images; then the same
# with images taken one after the other.
#
#	guest.sh [ROUNDS]	how often the latter (4, if there is time)
set -u
ROUNDS=${1:-4}
# shellcheck disable=SC2034 # make_tables does
SCALE=2			# times 100 000 accounts
LIMIT=210		# no third round after so many seconds
APART=()		# what came of images taken one after the other
HERE=$(dirname "$0")
mkdir -p /share/out/log
# shellcheck source=tests/demo/lib.sh
. "$HERE/lib.sh"
# shellcheck source=tests/demo/judge.sh
. "$HERE/judge.sh"

show_times() {
	local key what

	line "The times of this set, in microseconds:"
	while read -r key what; do
		printf '     %-8s %9d   %s\n' "$key" "$(microseconds "$SET" "$key")" "$what"
	done <<-'EOF'
		prepare memory is reserved, file systems are synced; nothing is held yet
		freeze the three file systems are frozen
		hold writes are held on all three disks; the instant lies in here
		drain of it: waiting for the writes that were on their way
		frozen from the first file system frozen to the last thawed
		total from the call to the three devices
	EOF
}

# summary: what PostgreSQL made of images that were taken one after the other
summary() {
	local what text=''

	for what in "${WRONG[@]}"; do
		case $what in
		*"different times") ;;	# they are; but what comes of it?
		*"does not start")
			echo "$what"
			return
			;;
		*) [[ $text = *"$what"* ]] || text="$text${text:+, }$what" ;;
		esac
	done
	echo "PostgreSQL ${text:+starts, but }${text:-survived it, this time}"
}

# apart N WORD...: takes the images in this order, a second between one and the
# next; "checkpoint" is one of PostgreSQL, which makes them by itself now and then
apart() {
	local round=$1 order volume before after seen
	local -A sets=() image=()

	shift
	order="$*"
	[ "$round" -lt "$ROUNDS" ] || return
	[ "$round" -lt 2 ] || [ "$(cut -d . -f 1 /proc/uptime)" -lt $LIMIT ] || return
	if [ "$round" -gt 0 ]; then
		echo
		wake_load 4
	fi
	seen=$(checkpoints)
	before=$(last acknowledged)
	for volume; do
		[ ${#sets[@]} = 0 ] || sleep 1
		if [ "$volume" = checkpoint ]; then
			ask "$FIRST" checkpoint || die "no checkpoint"
			continue
		fi
		take "$OUT/log/create-$round-$volume" "/srv/$volume"
		sets[$volume]=$SET
		image[$volume]=$(image_of "$SET" "/srv/$volume")
	done
	after=$(last sent)
	rest_load
	stamp "round $round taken"
	line "${order// /, }, with a pause of a second; checkpoints of PostgreSQL meanwhile: $(($(checkpoints) - seen))"
	mount_images "${image[data]}" "${image[wal]}" "${image[space]}"
	judge "apart-$round" "$before" "$after"
	APART+=("${order// /, }: $(summary)")
	umount_images
	for volume in "${!sets[@]}"; do
		snapset delete --set "${sets[$volume]}" || die "the set cannot be deleted"
	done
	stamp "round $round judged"
}

section "1. A PostgreSQL on three disks"
make_volume data ext4 "$SCRATCH0"
make_volume wal xfs "$SCRATCH1"
make_volume space ext4 "$SCRATCH2"
start_first
make_tables
df --output=source,fstype,target /srv/data /srv/wal /srv/space | tail -n 3 | indent
stamp tables
start_load 8
stamp load
echo
line "/srv/wal holds its log, /srv/space the accounts and their index, /srv/data the rest."
line "pgbench changes all three in each transaction: 4 clients, $(tps 5) transactions a second."
line "A side client inserts 1, 2, 3, ... into a table; when PostgreSQL has acknowledged a"
line "number, it notes it on the three disks: first /srv/wal, then /srv/space, then /srv/data."

section "2. One snapshot set of the three, while they run"
modprobe snapset || die "the module does not load: $(dmesg | tail -n 3)"
before=$(last acknowledged)
begun=$EPOCHREALTIME
take "$OUT/log/create" /srv/data /srv/wal /srv/space
ended=$EPOCHREALTIME
after=$(last sent)
line "# snapset create /srv/data /srv/wal /srv/space"
indent <"$OUT/log/create"
echo
show_times
sleep 1
echo
line "The side client's longest wait for PostgreSQL: $(longest_wait "$begun" "$ended") ms while the set was made,"
line "$(longest_wait 0 "$begun") ms in the seconds before."

section "3. A second PostgreSQL on the three images, while the first goes on"
stamp taken
mount_images "$(image_of "$SET" /srv/data)" "$(image_of "$SET" /srv/wal)" \
	"$(image_of "$SET" /srv/space)"
judge together "$before" "$after"
together=("${WRONG[@]}")
umount_images
snapset delete --set "$SET" || die "the set cannot be deleted"
check_load
stamp judged

section "4. The same, but the images are taken one after the other"
line "A checkpoint at the wrong moment does the worst. A large server makes one every few"
line "minutes; here some come by themselves, and some rounds ask for one."
echo
apart 0 wal space data
apart 1 space checkpoint wal data
apart 2 wal checkpoint space data
apart 3 data space wal

section "5. The first PostgreSQL"
wake_load 0
stop_load
judge_first

section "Verdict"
if [ ${#together[@]} = 0 ]; then
	line "At one instant      PostgreSQL recovers, nothing is lost, all fits together"
else
	line "At one instant      WRONG: ${together[0]}"
fi
for result in "${APART[@]}"; do
	line "One after another   $result"
done
[ ${#WRONG[@]} = 0 ] || line "The first server    WRONG: ${WRONG[0]}"
[ ${#together[@]} = 0 ] && [ ${#WRONG[@]} = 0 ]
