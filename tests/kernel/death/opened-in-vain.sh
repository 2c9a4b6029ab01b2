#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image is opened again and again while it is deleted by force: an open that comes too
# late, between the last reference and the removal of the disk, removes nothing and uses
# nothing that has been freed. The moment is made 100 ms long.
#
# Two processors: one deletes, the other opens.
#
# about: engine
# vm: --smp 2 --mem 1G --disk 8M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" a
cat >opener.py <<'EOF'
import os, sys
end, opened = False, 0
while not end:
    try:
        fd = os.open(sys.argv[1], os.O_RDONLY)
        opened += 1
        os.close(fd)
    except OSError as e:
        end = e.errno == 2      # the node has gone
print("opened", opened)
EOF
for round in 1 2 3 4 5; do
	take "$SCRATCH0"
	udevadm settle
	fault 'image-last 1 0 100 0'
	python3 opener.py "${IMAGE[0]}" >opener.out &
	opener=$!
	pause 0.2
	must snapraw delete --force "$SET"
	must wait $opener
	must test ! -e "${IMAGE[0]}"
	must fault_hit image-last
	fault off
done
note "round $round: $(cat opener.out)"
finish
