# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# What the kernel must never say while a test runs.

splat_pattern() {
	paste -s -d '|' <<-'EOF'
		WARNING:
		BUG:
		BUG at
		kernel BUG
		Oops
		general protection
		KASAN
		KFENCE
		KCSAN
		UBSAN
		kmemleak: unreferenced object
		kmemleak: [0-9]+ new suspected
		turning off the locking correctness
		possible recursive locking
		possible circular locking
		possible irq lock inversion
		inconsistent lock state
		suspicious RCU usage
		held lock freed
		lock held when returning to user space
		bad unlock balance
		nested lock was not taken
		Invalid wait context
		rcu: INFO: rcu_.*detected
		rcu_.* kthread starved
		blocked for more than
		soft lockup
		hard LOCKUP
		hung_task
		Kernel panic
		unregister_netdevice
		refcount_t:
		scheduling while atomic
		sleeping function called from invalid context
		stack guard
		stack-protector
		list_(add|del) corruption
		ODEBUG:
		slab-out-of-bounds
		Slab corruption
		Objects remaining in
		Bad page state
		invoked oom-killer
		Out of memory: Killed
		Unable to handle kernel
		divide error
		invalid opcode
		double fault
		EXT4-fs error
		EXT4-fs .*(failed to convert|Delayed block allocation failed)
		Aborting journal on device
		XFS .*([Cc]orruption|I/O error|Internal error|[Ss]hut(ting)? down)
		BTRFS:? (error|critical)
		lost .*page write
		snapset: leak:
		snapset: cannot be unloaded any more
	EOF
}

# splats FILE: prints the lines of a kernel log that fail a test; status 0 if there are any
# (advice about the processor at boot is no complaint, nor is what a file system says of a
# disk called doomed, which a test takes out)
splats() {
	grep -a -n -E -- "$(splat_pattern)" "$1" |
		grep -a -v -E 'Spectre V2 : WARNING|((device|dev) doomed|XFS \(doomed\))'
}
