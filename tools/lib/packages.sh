# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What comes from Debian, PyPI and crates.io.  Sourced by tools/setup.

BINDGEN_VERSION=0.73.2
DEBIAN_KEY="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"

# The mirror that the machine's own apt uses.
mirror() {
	# shellcheck disable=SC2016 # $(SITE) is apt's, not the shell's.
	apt-get indextargets --format '$(SITE)' | grep -v security | sed -n 1p
}

check_network() {
	local site
	site=$(mirror)
	[ -n "$site" ] ||
		die "apt has no Debian mirror configured (apt-get indextargets is empty)"
	/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file \
		"$site/dists/trixie-backports/InRelease" "$CACHE/InRelease" \
		>/dev/null 2>&1 ||
		die "the Debian mirror $site that apt uses can't be reached"
	rm -f "$CACHE/InRelease"
}

# Prints the names of all packages the project needs on this machine, sorted,
# one a line.
packages() { package_lists | tr -s '[:space:]' '\n' | sort -u; }

package_lists() {
	# Building the kernel and the modules.
	echo "clang-$LLVM_VERSION lld-$LLVM_VERSION llvm-$LLVM_VERSION
		libclang-$LLVM_VERSION-dev gcc libc6-dev make flex bison bc perl
		libelf-dev libdw-dev libssl-dev kmod cpio rsync xz-utils lz4"
	# The guest.
	echo "qemu-system-x86 busybox-static python3 python3-venv iproute2 procps
		util-linux udev ca-certificates"
	# Initiators, devices and loads inside the guest.
	echo "open-iscsi libiscsi-bin sg3-utils lsscsi mtx mt-st fio e2fsprogs
		xfsprogs dmsetup nftables multipath-tools qemu-utils qemu-block-extra
		tshark wireguard-tools"
	# Packages of our own, and a system to install them in; what is imported from.
	echo "dpkg-dev debhelper dh-dkms dkms debootstrap targetcli-fb"
	# Checks.
	echo "shellcheck jq python3-yaml python3-jsonschema"
	if is_bookworm; then
		# Debian 12's rustc is too old for the kernel; its security
		# suite carries a newer one for the browsers.
		echo "rustc-web rust-web-src rustfmt-web rust-web-clippy cargo-web"
	else
		echo "rustc rust-src rustfmt rust-clippy cargo bindgen"
	fi
}

is_bookworm() { (. /etc/os-release && [ "${VERSION_CODENAME:-}" = bookworm ]); }

# Prints those packages that are not installed.
missing_packages() {
	local -a wanted
	mapfile -t wanted < <(packages)
	comm -13 \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" \
			2>/dev/null | sed -n 's/^installed //p' | sort -u) \
		<(printf '%s\n' "${wanted[@]}")
}

install_packages() {
	local -a missing
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -gt 0 ] || return 0

	say "installing ${#missing[@]} Debian packages: ${missing[*]}"
	# No daemon is to start because its package is installed.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod +x /usr/sbin/policy-rc.d
		at_exit 'rm -f /usr/sbin/policy-rc.d'
	fi
	logged packages apt_get update
	case " ${missing[*]} " in
	*' qemu-'*) ! is_bookworm || install_newer_qemu ;;
	esac
	logged packages apt_get install --yes --no-install-recommends "${missing[@]}"
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -eq 0 ] ||
		die "apt-get installed everything but: ${missing[*]}"
}

# Debian 12's QEMU 7.2 now and then runs stale code when one emulated CPU patches
# what another executes, and the guest's kernel dies of it; 8.1 mended that.
# Without the backport tools/guest emulates one CPU at a time.
install_newer_qemu() {
	local state=$CACHE/apt/backports package list
	local -a packages=() apt

	# The machine's own sources, and bookworm-backports.
	mkdir -p "$state"/{lists,archives}/partial "$state/parts"
	for list in /etc/apt/sources.list{,.d/*.list,.d/*.sources}; do
		[ ! -e "$list" ] || ln -sf "$list" "$state/parts/"
	done
	echo "deb $DEBIAN_KEY $(mirror) bookworm-backports main" >"$state/parts/backports.list"
	apt=(apt_get -o Dir::Cache="$state" -o Dir::State::Lists="$state/lists"
		-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$state/parts")
	# All of one version, because QEMU takes no block driver of another.
	for package in qemu-system-{x86,common,data} qemu-{utils,block-extra} seabios; do
		packages+=("$package/bookworm-backports")
	done
	if ! "${apt[@]}" update >>"$CACHE/log/packages.log" 2>&1 ||
		! "${apt[@]}" install --yes --no-install-recommends "${packages[@]}" \
			>>"$CACHE/log/packages.log" 2>&1; then
		say "bookworm-backports has no newer QEMU; guests will be slower"
	fi
	rm -rf "$state"
}

# apt-get on the machine's own package state.  The archives have a directory of
# their own, because some images empty apt's after every other apt call.
apt_get() {
	mkdir -p "$CACHE/apt/archives/partial"
	DEBIAN_FRONTEND=noninteractive apt-get --quiet \
		-o Dir::Cache::Archives="$CACHE/apt/archives" \
		-o APT::Sandbox::User=root -o APT::Update::Error-Mode=any \
		-o DPkg::Lock::Timeout=600 "$@"
}

have_bindgen() { [ -x "$(bindgen_path)" ]; }

install_bindgen() {
	! have_bindgen || return 0
	say "building bindgen $BINDGEN_VERSION (about 2 minutes)"
	(cd "$CACHE" && logged bindgen "$CARGO" install --locked --force \
		--root "$CACHE/tools" --version "$BINDGEN_VERSION" bindgen-cli)
}

have_virtme() { [ -e "$VENV/complete" ]; }

install_virtme() {
	! have_virtme || return 0
	say "installing virtme-ng $VIRTME_VERSION"
	rm -rf "$VENV"
	logged virtme /usr/bin/python3 -m venv "$VENV"
	logged virtme "$VENV/bin/pip" install "virtme-ng==$VIRTME_VERSION"
	touch "$VENV/complete"
}
