# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# Where packages come from: the mirrors that this machine's own apt uses, so
# that what reaches them (a proxy, a local mirror) is set up in one place.
#
#	DEBIAN_MIRROR, DEBIAN_SECURITY_MIRROR	override
#	DEBIAN_MIRROR_<suite>			the same for one suite

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

mirror_serves() { # URL SUITE
	local probe status

	probe=$(mktemp)
	/usr/lib/apt/apt-helper -qq download-file "$1/dists/$2/InRelease" "$probe" >/dev/null 2>&1
	status=$?
	rm -f "$probe"
	return "$status"
}

# mirror_sources SUITE [EXTRA]: lines for sources.list, without the pockets that are not there
mirror_sources() {
	local suite=$1 extra=${2:--} url

	url=$(mirror_main "$suite")
	[ -n "$url" ] ||
		die "this machine's apt knows no Debian mirror: set DEBIAN_MIRROR=URL"
	printf 'deb %s %s main\n' "$url" "$suite"
	[ "$extra" = - ] || printf 'deb %s %s main\n' "$(mirror_main "$extra")" "$extra"
	url=$(mirror_security "$suite")
	if mirror_serves "$url" "$suite-security"; then
		printf 'deb %s %s-security main\n' "$url" "$suite"
	fi
}

# mirror_aptopts: the host's apt settings that decide how a mirror is reached
mirror_aptopts() {
	apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-Date|Check-Valid-Until)' |
		grep -v '::User-Agent' | grep -v ' "";$' || true
}
