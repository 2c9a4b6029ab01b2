# SPDX-License-Identifier: GPL-2.0-only
#
# fish completion for snapset(8). What a command prints is offered as it is, and quoted; it
# is never expanded.

function __snapset_ids # KEY
	snapset list --json 2>/dev/null | string replace -rf "^ *\"$argv[1]\": *\"([0-9a-f-]*)\".*" '$1' | sort -u
end

# A name with a newline or tab cannot be offered: a line is a candidate, which a tab ends.
function __snapset_volumes
	while read -l line
		set -l device (string split ' ' -- (string replace -r '^.* - ' '' -- $line))[2]
		string match -q '/dev/*' -- $device; or continue
		set -l target (string split ' ' -- $line)[5]
		string match -qr '\\\\01[12]' -- $target; and continue
		# fields of mountinfo have \040 for a blank, and so on
		string replace -a '\\040' ' ' -- $target | string replace -a '\\134' '\\'
	end </proc/self/mountinfo
	for name in /dev/sd* /dev/vd* /dev/nvme*n* /dev/dm-* /dev/md* /dev/mapper/*
		test -b $name; and echo $name
	end
end

# Of a list the last one is typed.
function __snapset_columns
	set -l before (string replace -r '[^,+-]*$' '' -- (commandline -ct))
	printf '%s\n' $before{id,set,image,volume,origin,size,kept,allocated,maximum,exclusive,state,consistency,created,age,why}
end

function __snapset_command # NAME...
	set -l words (commandline -opc)
	contains -- --exec $words; and return 1
	test (count $words) -ge 2; and contains -- $words[2] $argv
end

function __snapset_storage # NAME...
	set -l words (commandline -opc)
	test (count $words) -ge 3; and test $words[2] = storage; and contains -- $words[3] $argv
end

function __snapset_first
	test (count (commandline -opc)) -eq 1
end

function __snapset_behind_exec
	contains -- --exec (commandline -opc)
end

# What comes there is another command.
function __snapset_exec
	set -l words (commandline -opc)
	set -l at (contains -i -- --exec $words)
	complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..-1]) (commandline -ct))
end

complete -c snapset -f
complete -c snapset -n __snapset_first -a 'create list show delete mount umount storage monitor watch doctor'
complete -c snapset -n __snapset_first -l help
complete -c snapset -n __snapset_first -l version
complete -c snapset -n '__snapset_command create' -l store -x -a 'memory shared:'
complete -c snapset -n '__snapset_command create' -l store -x -a '(__snapset_volumes)'
complete -c snapset -n '__snapset_command create' -l store -x -a '(__fish_complete_directories (commandline -ct))'
complete -c snapset -n '__snapset_command create' -l store -x -a 'shared:(__snapset_ids set_id)'
complete -c snapset -n '__snapset_command create' -l full -x -a 'set oldest wait'
for option in quota hold-timeout freeze-timeout stall-timeout budget index-limit wait mount-namespace label expire retry-delay transaction-timeout window
	complete -c snapset -n '__snapset_command create' -l $option -x
end
for option in transactions mount
	complete -c snapset -n '__snapset_command create' -l $option -x -a '(__fish_complete_directories (commandline -ct))'
end
for option in retry keep auto-release allow-held require-frozen
	complete -c snapset -n '__snapset_command create' -l $option
end
complete -c snapset -n '__snapset_command create' -l exec -x
complete -c snapset -n __snapset_behind_exec -a '(__snapset_exec)'
complete -c snapset -n '__snapset_command create list doctor' -a '(__snapset_volumes)'
complete -c snapset -n '__snapset_command create list show delete mount storage watch doctor' -l json
complete -c snapset -n '__snapset_command list delete' -l all
complete -c snapset -n '__snapset_command list' -l exclusive
complete -c snapset -n '__snapset_command list' -s n -l noheadings
complete -c snapset -n '__snapset_command list' -s o -l output -x -a '(__snapset_columns)'
complete -c snapset -n '__snapset_command list' -l sort -x -a '(__snapset_columns)'
complete -c snapset -n '__snapset_command show mount umount' -a '(__snapset_ids set_id)'
complete -c snapset -n '__snapset_command show delete mount umount' -a '(__snapset_ids id)'
complete -c snapset -n '__snapset_command delete' -l set -x -a '(__snapset_ids set_id)'
complete -c snapset -n '__snapset_command delete' -l volume -x -a '(__snapset_volumes)'
complete -c snapset -n '__snapset_command delete' -l older-than -x
complete -c snapset -n '__snapset_command delete' -l label -x
for option in oldest dry-run
	complete -c snapset -n '__snapset_command delete' -l $option
end
complete -c snapset -n '__snapset_command delete umount storage' -l force
complete -c snapset -n '__snapset_command storage; and test (count (commandline -opc)) -eq 2' -a 'add resize remove list extend'
complete -c snapset -n '__snapset_storage add resize' -l minimum -x
complete -c snapset -n '__snapset_storage add resize' -l maximum -x
complete -c snapset -n '__snapset_storage add resize remove' -a '(__snapset_volumes)'
complete -c snapset -n '__snapset_storage extend' -a '(__snapset_ids set_id)'
complete -c snapset -n '__snapset_command mount umount' -a '(__fish_complete_directories (commandline -ct))'
complete -c snapset -n '__snapset_storage extend add' -a '(__fish_complete_directories (commandline -ct))'
