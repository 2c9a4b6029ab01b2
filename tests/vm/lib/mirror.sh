# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# Where packages come from: the mirrors that this machine's own apt uses, so
# that what reaches them (a proxy, a local mirror) is set up in one place.
#
#	DEBIAN_MIRROR, DEBIAN_SECURITY_MIRROR	override
#	DEBIAN_MIRROR_<suite>			the same for one suite
#
# What a mirror answers that it does not have is gone (EXIT_GONE), which is no
# fault of the product; one that does not answer is one (EXIT_INFRA).

host_mirror() {
	# shellcheck disable=SC2016 # fields for apt
	apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n "s,^$1|,,p" | sed 's,/*$,,' | head -n 1
}

mirror_main() {
	local own=DEBIAN_MIRROR_${1//-/_}

	if [ -n "${!own:-}" ]; then
		printf '%s\n' "${!own}"
	else
		printf '%s\n' "${DEBIAN_MIRROR:-$(host_mirror Debian)}"
	fi
}

mirror_security() {
	local main

	main=${DEBIAN_SECURITY_MIRROR:-$(host_mirror Debian-Security)}
	# most mirrors carry both archives side by side
	printf '%s\n' "${main:-$(mirror_main "$1")-security}"
}

# mirror_serves URL SUITE: 0 it does, EXIT_GONE it says that it does not, EXIT_INFRA
# it says nothing, and then $ANSWER is why
mirror_serves() {
	local probe status

	probe=$(mktemp)
	ANSWER=$(LC_ALL=C /usr/lib/apt/apt-helper -qq download-file "$1/dists/$2/InRelease" \
		"$probe" 2>&1 >/dev/null)
	status=$?
	rm -f "$probe"
	[ "$status" != 0 ] || return 0
	ANSWER=$(printf '%s\n' "$ANSWER" | sed -n 's/^E: Failed to fetch //p' | tail -n 1)
	case $ANSWER in
	*' 404 '* | *' 410 '* | *' 403 '* | *'File not found'*) return "$EXIT_GONE" ;;
	esac
	return "$EXIT_INFRA"
}

# mirror_wants URL SUITE: if it is not served, WHY is the reason; whether an archive
# has dropped a suite can be told only if it has another one
mirror_wants() {
	local status other

	WHY="this machine's apt knows no Debian mirror: set DEBIAN_MIRROR=URL"
	[ -n "$1" ] || return "$EXIT_INFRA"
	mirror_serves "$1" "$2" && return
	status=$?
	WHY="the archive $1 cannot be reached: $ANSWER"
	[ "$status" = "$EXIT_GONE" ] || return "$EXIT_INFRA"
	WHY="the archive $1 does not serve $2 any more"
	for other in $(kernel_lines | awk '{ print $2; if ($3 != "-") print $3 }' | sort -ru); do
		[ "$other" = "$2" ] || ! mirror_serves "$1" "$other" || return "$EXIT_GONE"
	done
	WHY="$1 is no archive of Debian's: it has no suite of tests/vm/kernels"
	return "$EXIT_INFRA"
}

# mirror_sources SUITE [EXTRA]: sets SOURCES, the lines for sources.list, without a
# security pocket that is not there
mirror_sources() {
	local suite=$1 extra=${2:--} url

	url=$(mirror_main "$suite")
	mirror_wants "$url" "$suite" || return
	SOURCES="deb $url $suite main"
	if [ "$extra" != - ]; then
		url=$(mirror_main "$extra")
		mirror_wants "$url" "$extra" || return
		SOURCES="$SOURCES"$'\n'"deb $url $extra main"
	fi
	url=$(mirror_security "$suite")
	if mirror_serves "$url" "$suite-security"; then
		SOURCES="$SOURCES"$'\n'"deb $url $suite-security main"
	elif [ $? != "$EXIT_GONE" ]; then
		WHY="the archive $url cannot be reached: $ANSWER"
		return "$EXIT_INFRA"
	fi
	WHY=
}

# mirror_aptopts: the host's apt settings that decide how a mirror is reached
mirror_aptopts() {
	apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-Date|Check-Valid-Until)' |
		grep -v '::User-Agent' | grep -v ' "";$' || true
}
