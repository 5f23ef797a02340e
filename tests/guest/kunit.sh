#!/usr/bin/env bash
# The kernel's unit tests of our wrappers pass: every suite that the sources have has run, whole.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

results=/sys/kernel/debug/kunit
debug_only "$results"
load_stmf
at_exit unload_stmf

suites=0 tests=0
while IFS=: read -r file suite; do
	suites=$((suites + 1))
	[ -e "$results/$suite/results" ] || fail "$file: expected suite $suite to have run when stmf.ko was loaded"
	cat "$results/$suite/results"
	grep -q "^ok .* $suite" "$results/$suite/results" || fail "expected suite $suite to pass"
	expected=$(sed -n "/kunit_tests($suite)/,\$p" "$COMSTAR_TOP/$file" | grep -c '#\[test\]')
	expect "$expected" "$(grep -c '^  *ok ' "$results/$suite/results")" "tests of $suite"
	tests=$((tests + expected))
done < <(cd "$COMSTAR_TOP" && grep -ro 'kunit_tests([a-z0-9_]*)' --include=*.rs rust stmf lu port | sed 's/kunit_tests(\(.*\))/\1/')
[ "$suites" -gt 0 ] || fail "expected suites in the sources, found none"
echo "NOTE: $tests tests in $suites suites"
