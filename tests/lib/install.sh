#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# "make install" puts there what README.md and the packages count on, and its
# example in C builds from that, by pkg-config, shared and static.
#	install.sh top-directory directory-to-use where-it-was-built
set -eu
top=$1 dir=$2 root=$2/root host=$3
cc=${CC:-cc} pkg_config=${PKG_CONFIG:-pkg-config}
rm -rf "$root"
mkdir -p "$dir"
failed=0

bad() {
	echo "$*"
	failed=1
}

# modes are not left to whoever installs
umask 077
# the module is a job of others: tests/package
make -s -C "$top" HOST="$host" MODULE=no DESTDIR="$root" install > "$dir/log" 2>&1 ||
	{ cat "$dir/log"; exit 1; }

# there FILE SOURCE: it is installed as it is here, or with "" in whatever form
there() {
	if [ ! -s "$root/$1" ]; then
		bad "not installed: $1"
	elif [ -n "$2" ] && ! cmp -s "$root/$1" "$top/$2"; then
		bad "$1 is not $2"
	elif [ ! -r "$root/$1" ] || [ "$(stat -L -c %a "$root/$1")" -lt 644 ]; then
		bad "not for everybody: $1"
	fi
}

local=usr/local
there $local/include/libsnap.h libsnap/libsnap.h
there $local/include/linux/snapset.h kmod/uapi/linux/snapset.h
there $local/libexec/snapset/snapset-transactions ''
there $local/lib/libsnap.a ''
there $local/lib/libsnap.so ''
there $local/lib/libsnap.so.0 ''
there $local/lib/pkgconfig/libsnap.pc ''
there $local/share/bash-completion/completions/snapset tools/completion/snapset
there $local/share/zsh/site-functions/_snapset tools/completion/_snapset
there $local/share/fish/vendor_completions.d/snapset.fish tools/completion/snapset.fish
there $local/sbin/snapset ''
there $local/lib/udev/rules.d/59-snapset.rules udev/59-snapset.rules
there $local/lib/systemd/system/snapset-monitor.service ''
grep -q "^ExecStart=/$local/sbin/snapset monitor\$" \
	"$root/$local/lib/systemd/system/snapset-monitor.service" ||
	bad "the service does not find the command"
there $local/lib/systemd/system/snapset-shutdown.service ''
grep -q "exec /$local/sbin/snapset delete --all --force" \
	"$root/$local/lib/systemd/system/snapset-shutdown.service" ||
	bad "the service that deletes does not find the command"
for page in libsnap.3 snapset-protocol.7 snapset.8; do
	there "$local/share/man/man${page##*.}/$page" "Documentation/man/$page"
done
[ -x "$root/$local/sbin/snapset" ] || bad "the command cannot be run"
[ -x "$root/$local/libexec/snapset/snapset-transactions" ] || bad "the helper cannot be run"
grep -q "/$local/libexec/snapset/snapset-transactions" "$root/$local/lib/libsnap.so" ||
	bad "libsnap looks for the helper elsewhere"
grep -q '/etc/snapset' "$root/$local/lib/libsnap.so" || bad "libsnap looks for storage.conf elsewhere"
odd=$(find "$root" ! -type l \( -type d ! -perm 755 -o -type f ! -perm 644 ! -perm 755 \) ! -path "$root/var/lib/snapset" ! -path "$root")
[ -z "$odd" ] || bad "odd modes: $odd"
[ "$(stat -c %a "$root/var/lib/snapset")" = 700 ] || bad 'everybody may look into /var/lib/snapset'
[ -d "$root/etc/snapset" ] || bad 'no /etc/snapset'
# a file that nobody looks for is one that this test does not know
known=17
have=$(find "$root" -path "$root/lib" -prune -o ! -type d ! -name 'libsnap.so.0.*' -print | wc -l)
[ "$have" -eq $known ] || bad "$have files are installed, not $known: $(find "$root" ! -type d)"
unknown=$(grep -c '@[A-Z]*@' "$root/$local/lib/pkgconfig/libsnap.pc" || true)
[ "$unknown" = 0 ] || bad "libsnap.pc has places that were not filled"

"$top/tests/lib/readme-c.sh" "$top/README.md" > "$dir/example.c"
export PKG_CONFIG_PATH="$root/$local/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
version=$($pkg_config --modversion libsnap)
grep -q "LIBSNAP_VERSION[[:space:]]*\"$version\"" "$top/libsnap/libsnap.h" ||
	bad "libsnap.pc is of version $version"

# built HOW LIBRARIES...: it runs, and without the module says what to do
built() {
	how=$1
	shift
	# shellcheck disable=SC2046
	if ! $cc -Wall -Wextra -Werror -o "$dir/example" "$dir/example.c" \
			$($pkg_config --cflags libsnap) "$@"; then
		bad "the example does not build, $how"
		return
	fi
	status=0
	LD_LIBRARY_PATH=$root/$local/lib unshare -n "$dir/example" > "$dir/out" 2>&1 || status=$?
	if [ $status -ne 1 ] || ! grep -q 'modprobe snapset' "$dir/out"; then
		bad "the example, $how: exit $status: $(cat "$dir/out")"
	fi
}

# shellcheck disable=SC2046
built shared $($pkg_config --libs libsnap)
ldd "$dir/example" | grep -q 'libsnap.so.0' || bad "the shared example is none"
rm "$root/$local/lib/"libsnap.so*
# shellcheck disable=SC2046
built static $($pkg_config --static --libs libsnap)
! ldd "$dir/example" | grep -q libsnap || bad "the static example is none"

# the opposite
touch "$root/usr/local/sbin/other" "$root/etc/snapset/storage.conf"
make -s -C "$top" HOST="$host" MODULE=no DESTDIR="$root" uninstall > "$dir/log" 2>&1 || bad "$(cat "$dir/log")"
left=$(find "$root" ! -type d -o -name '*snapset*' | sed "s|^$root||" | sort | tr '\n' ' ')
[ "$left" = '/etc/snapset /etc/snapset/storage.conf /usr/local/sbin/other ' ] ||
	bad "uninstalled, there is: $left"

# without headers nothing is done by halves
if make -s -C "$top" HOST="$host" KVER=none DESTDIR="$root" install > "$dir/log" 2>&1; then
	bad 'it is installed without the module, without a word'
fi
grep -q 'MODULE=no' "$dir/log" || bad "without headers: $(cat "$dir/log")"
[ ! -e "$root/usr/local/sbin/snapset" ] || bad 'half of it was installed'
exit $failed
