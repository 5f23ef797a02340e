#!/usr/bin/env bash
# tools/setup and tools/demo refuse what can't work with one sentence, and leave nothing behind.
# SPDX-License-Identifier: GPL-2.0
set -euo pipefail
unset KDIR

work=$(mktemp -d)
trap 'umount "$work/small" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"

# refuses PATTERN COMMAND...: fails with one line that has the pattern.
refuses() {
	local pattern=$1 out status=0
	shift
	out=$("$@" 2>&1) || status=$?
	if [ "$status" = 0 ] || [ "$(wc -l <<<"$out")" != 1 ] || ! grep -q "$pattern" <<<"$out"; then
		echo "FAIL: $*: expected a refusal in one line with \"$pattern\", got status $status: $out"
		exit 1
	fi
	echo "    $out"
}

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
# Nobody may be kept out of the tree's parents.
cp -r "$COMSTAR_TOP/tools" "$work/tools"
refuses 'run it as root' "${nobody[@]}" env COMSTAR_CACHE="$work/cache" "$work/tools/setup"
mkdir "$work/small"
mount -t tmpfs -o size=64m tmpfs "$work/small"
refuses 'GiB free' env COMSTAR_CACHE="$work/small" "$COMSTAR_TOP/tools/setup"
refuses 'blanks' env COMSTAR_CACHE="$work/a b" "$COMSTAR_TOP/tools/setup"
refuses 'is not a configured' env KDIR="$work" "$COMSTAR_TOP/tools/setup"
printf '#!/bin/sh\necho http://127.0.0.1:9/nothing\n' >"$work/apt-get"
chmod +x "$work/apt-get"
refuses "can't be reached" env PATH="$work:$PATH" COMSTAR_CACHE="$work/cache" "$COMSTAR_TOP/tools/setup"
[ ! -e "$work/cache/src/linux" ] || {
	echo "FAIL: expected nothing to be left in the cache"
	exit 1
}

mkdir -p "$COMSTAR_TOP/build"
exec 9>"$COMSTAR_TOP/build/demo.lock"
flock 9
refuses 'another demo' "$COMSTAR_TOP/tools/demo"
