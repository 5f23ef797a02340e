# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernel: fetching its source, configuring, building.  Sourced by
# tools/setup.

KERNEL_SERIES=7.3
KERNEL_PACKAGE=linux-source-$KERNEL_SERIES
# Only for the progress line.
declare -A KERNEL_OBJECTS=([base]=2030 [debug]=2070 [kcsan]=2070)

# apt-get or apt-cache ($1) on a package state of our own that knows Debian's
# backports only: the machine's sources stay as they are, and the archive's
# signature is checked all the same.
private_apt() {
	local command=$1 state=$CACHE/apt
	shift
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	"$command" --quiet \
		-o Dir::State::Lists="$state/lists" \
		-o Dir::Etc::SourceList="$state/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Cache="$state" \
		-o APT::Sandbox::User=root \
		-o APT::Update::Error-Mode=any \
		"$@"
}

fetch_source() {
	local version deb tmp=$CACHE/src/.unpack

	version=$(cached_source)
	if [ -n "$version" ] && [ -z "$UPDATE" ]; then
		return
	fi
	echo "deb $DEBIAN_KEY $(mirror) trixie-backports main" >"$CACHE/apt/sources.list"
	logged source private_apt apt-get update
	version=$(private_apt apt-cache show --no-all-versions "$KERNEL_PACKAGE" 2>/dev/null |
		sed -n 's/^Version: //p')
	[ -n "$version" ] || die "the mirror has no $KERNEL_PACKAGE: either its" \
		"series has left Debian's backports, or the mirror does not carry" \
		"trixie-backports. Set KDIR= to a kernel tree of your own," \
		"built with CONFIG_RUST=y by $RUSTC."
	# A version without the characters that make and shells might take for theirs.
	version=$(tr '~+:' '...' <<<"$version")
	[ ! -d "$CACHE/src/linux-$version" ] || return 0

	say "fetching $KERNEL_PACKAGE, version $version"
	rm -rf "$tmp" "$CACHE/apt/$KERNEL_PACKAGE"_*.deb
	mkdir -p "$tmp"
	(cd "$CACHE/apt" && logged source private_apt apt-get download "$KERNEL_PACKAGE")
	deb=$(echo "$CACHE/apt/$KERNEL_PACKAGE"_*.deb)
	dpkg-deb --fsys-tarfile "$deb" |
		tar -x -O "./usr/src/$KERNEL_PACKAGE.tar.xz" |
		tar -x -J -C "$tmp"
	mv "$tmp/$KERNEL_PACKAGE" "$CACHE/src/linux-$version"
	rm -rf "$tmp" "$deb"
}

# Prints the lines of fragment $1 that configuration $2 does not have.
lost_lines() {
	local line
	while IFS= read -r line; do
		case $line in
		'#'* | '') ;;
		*=n) ! grep -q "^${line%=n}=" "$2" || echo "$line" ;;
		*) grep -qxF "$line" "$2" || echo "$line" ;;
		esac
	done <"$1"
}

# Configures kernel flavour $1 in directory $2.
configure_kernel() {
	local flavour=$1 dir=$2 lost config=$TOP/tools/kernel
	local source
	source=$CACHE/src/linux-$(cached_source)

	[ ! -e "$dir/.comstar-configured" ] || return 0
	say "configuring the $flavour kernel"
	mkdir -p "$dir"
	kernel_make "$source"
	KERNEL_MAKE+=("O=$dir")
	logged "kernel-$flavour" "${KERNEL_MAKE[@]}" tinyconfig
	# The last assignment of a symbol wins.
	cat "$config/base.config" >>"$dir/.config"
	[ "$flavour" = base ] || cat "$config/$flavour.config" >>"$dir/.config"
	logged "kernel-$flavour" "${KERNEL_MAKE[@]}" olddefconfig

	lost=$(if [ "$flavour" = base ]; then
		lost_lines "$config/base.config" "$dir/.config"
	else
		# What the flavour sets again is its own to check.
		lost_lines <(grep -vF -f <(grep -o '^CONFIG_[^=]*=' "$config/$flavour.config") \
			"$config/base.config") "$dir/.config"
		lost_lines "$config/$flavour.config" "$dir/.config"
	fi)
	[ -z "$lost" ] || die "the kernel does not take these lines of" \
		"tools/kernel/*.config (an unmet dependency?):"$'\n'"$lost"
	touch "$dir/.comstar-configured"
}

# Builds kernel flavour $1 unless it is there.  A second call after an
# interruption goes on where the first one stopped.
build_kernel() {
	local flavour=$1 dir log=$CACHE/log/kernel-$1.log start=$SECONDS make_pid
	dir=$(build_dir "$flavour")

	[ ! -e "$dir/.comstar-complete" ] || return 0
	configure_kernel "$flavour" "$dir"
	say "building the $flavour kernel in $dir (log: $log)"
	kernel_make "$dir"
	"${KERNEL_MAKE[@]}" -j"$(nproc)" all >>"$log" 2>&1 9>&- &
	make_pid=$!
	at_exit "kill $make_pid 2>/dev/null"
	while kill -0 "$make_pid" 2>/dev/null; do
		progress "$dir" "${KERNEL_OBJECTS[$flavour]}" "$((SECONDS - start))"
	done
	if ! wait "$make_pid"; then
		tail -n 25 "$log" >&2
		die "the $flavour kernel did not build; the whole log is $log"
	fi
	touch "$dir/.comstar-complete"
	say "the $flavour kernel is built ($(((SECONDS - start) / 60)) min): $dir"
}

# One line of progress, then a pause: rewritten in place on a terminal, every
# ten seconds otherwise.
progress() {
	local dir=$1 total=$2 elapsed=$3 built start end pause=10
	[ ! -t 1 ] || { start=$'\r' end='' pause=2; }
	# What make puts there for a moment may be gone before it is looked into.
	built=$({ find "$dir" -name '*.o' -not -name '.*' 2>/dev/null || true; } | wc -l)
	printf "${start-}comstar: %5d of about %d objects, %d:%02d min${end-\\n}" \
		"$built" "$total" "$((elapsed / 60))" "$((elapsed % 60))"
	sleep "$pause"
}

# Refuses a tree of the user's own that can't build our modules.
check_kdir() {
	local built_by
	[ -e "$KDIR/include/config/auto.conf" ] ||
		die "KDIR=$KDIR is not a configured and built kernel tree"
	grep -q '^CONFIG_RUST=y' "$KDIR/include/config/auto.conf" ||
		die "the kernel in KDIR=$KDIR is configured without CONFIG_RUST"
	[ -e "$KDIR/rust/libkernel.rmeta" ] ||
		die "KDIR=$KDIR has no rust/libkernel.rmeta: build that kernel first" \
			"(a distribution's headers package is not enough)"
	built_by=$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT="\(.*\)"$/\1/p' \
		"$KDIR/.config")
	[ "$built_by" = "$("$RUSTC" --version)" ] ||
		die "the kernel in KDIR=$KDIR was built by \"$built_by\", but $RUSTC" \
			"is \"$("$RUSTC" --version)\": Rust metadata needs the same compiler"
}
