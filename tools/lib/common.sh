# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script under tools/ shares: where things are, how to speak, and
# how the kernel's make is called.  Sourced, never run.
#
# shellcheck disable=SC2034 # Most variables are for the scripts that source this.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CACHE=${COMSTAR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/comstar}

# Always the distribution's toolchain: a rustup toolchain that comes first on
# PATH has no source of `core`, and another version can't read the kernel
# crate's metadata.
export RUSTC=/usr/bin/rustc RUSTFMT=/usr/bin/rustfmt RUSTDOC=/usr/bin/rustdoc
export CARGO=/usr/bin/cargo
RUSTC_KCSAN=$TOP/tools/lib/rustc-kcsan
LLVM_VERSION=19
VIRTME_VERSION=1.42
VENV=$CACHE/virtme-ng-$VIRTME_VERSION

say() { printf 'comstar: %s\n' "$*"; }

die() {
	printf 'comstar: %s\n' "$*" >&2
	exit 1
}

# Debian 13 packages a bindgen that is new enough; for Debian 12 one is built.
bindgen_path() {
	if [ -x "$CACHE/tools/bin/bindgen" ]; then
		echo "$CACHE/tools/bin/bindgen"
	else
		echo /usr/bin/bindgen
	fi
}

# The newest kernel source in the cache, as a version such as
# "7.3.4-1.bpo13.1", or nothing.
cached_source() {
	[ -d "$CACHE/src" ] || return 0
	find "$CACHE/src" -maxdepth 1 -type d -name 'linux-*' -printf '%f\n' |
		sed 's/^linux-//' | sort -V | tail -n 1
}

# The build directory of kernel flavour $1 ("base", "debug" or "kcsan"), named after all
# that goes into it.  Prints nothing when the toolchain or source is missing.
build_dir() {
	local version key
	local -a inputs=("$TOP/tools/kernel/base.config")

	if [ -n "${KDIR:-}" ]; then
		echo "$KDIR"
		return
	fi
	version=$(cached_source)
	[ -n "$version" ] && [ -x "$RUSTC" ] || return 0
	[ "$1" = base ] || inputs+=("$TOP/tools/kernel/$1.config")
	[ "$1" != kcsan ] || inputs+=("$RUSTC_KCSAN")
	key=$({
		echo "$version"
		cat "${inputs[@]}"
		"$RUSTC" --version
		"clang-$LLVM_VERSION" --version
		"$(bindgen_path)" --version
	} 2>/dev/null | sha256sum)
	echo "$CACHE/build/${version%%-*}-$1-${key:0:10}"
}

# Fills KERNEL_MAKE with the command that builds in or against directory $1.
kernel_make() {
	local rustc=$RUSTC
	# A tree of the user's own was built without it.
	[ -n "${KDIR:-}" ] || ! grep -qs '^CONFIG_KCSAN=y' "$1/.config" || rustc=$RUSTC_KCSAN
	KERNEL_MAKE=(make -C "$1"
		"RUSTC=$rustc" "RUSTFMT=$RUSTFMT" "RUSTDOC=$RUSTDOC"
		"CLIPPY_DRIVER=/usr/bin/clippy-driver" "BINDGEN=$(bindgen_path)")
	# A tree of the user's own may have been built with GCC.
	grep -qs '^CONFIG_CC_IS_GCC=y' "$1/.config" ||
		KERNEL_MAKE+=("LLVM=-$LLVM_VERSION")
}
