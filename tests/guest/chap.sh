#!/usr/bin/env bash
# CHAP by each algorithm, one way and both, for sessions and discovery; wrong secrets stay out.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 200
. "$COMSTAR_TOP/tests/target.sh"

serve
HERS=initiator-secret
OURS='target-secret-x'
printf '%s\n' "$HERS" >"$WORK/hers"
printf '%s\n' "$OURS" >"$WORK/ours"
target=$(target_name closed)
open=$(target_name open)
make_target "$target"
make_target "$open"
file_lu disk 16M 0
itadm create-initiator -S "$WORK/hers" -u joe "$INITIATOR" >/dev/null
at_exit "itadm delete-initiator '$INITIATOR'"
itadm modify-target -a chap -S "$WORK/ours" -u us "$target" >/dev/null

# The question is asked at a terminal, or not at all.
said=$(setsid -w itadm modify-target -s "$target" </dev/null 2>&1) && fail "expected a refusal without a terminal"
[[ $said = *"there is no terminal to ask at"* ]] || fail "expected that there is no terminal, got: $said"

shown=$(itadm list-target -v "$target" && itadm list-initiator -v && itadm list-target --json)
[[ $shown != *"$HERS"* && $shown != *"$OURS"* ]] || fail "expected no secret to be shown: $shown"

iscsiadm -m node -o new -T "$target" -p 127.0.0.1:3260 >/dev/null
at_exit "iscsiadm -m node -T '$target' -o delete"

# set_up [KEY VALUE]...: how the initiator is to authenticate itself.
set_up() {
	iscsiadm -m node -T "$target" -o delete >/dev/null
	iscsiadm -m node -o new -T "$target" -p 127.0.0.1:3260 >/dev/null
	while [ $# -gt 0 ]; do
		iscsiadm -m node -T "$target" -o update -n "node.session.auth.$1" -v "$2"
		shift 2
	done
	iscsiadm -m node -T "$target" -o update -n node.session.initial_login_retry_max -v 1
}

comes_in() {
	iscsiadm -m node -T "$target" --login >/dev/null || fail "expected a login: $1"
	dd if="$(disk_of "$target" 0)" of=/dev/null bs=1M count=4 status=none iflag=direct
	iscsiadm -m node -T "$target" --logout >/dev/null
}

stays_out() {
	if iscsiadm -m node -T "$target" --login 2>/dev/null; then
		fail "expected no login: $1"
	fi
}

one_way=(authmethod CHAP username joe password "$HERS")
both_ways=("${one_way[@]}" username_in us password_in "$OURS")
for algorithm in MD5 SHA1 SHA256 SHA3-256; do
	step "$algorithm"
	set_up "${one_way[@]}" chap_algs "$algorithm"
	comes_in "$algorithm, one way"
	set_up "${both_ways[@]}" chap_algs "$algorithm"
	comes_in "$algorithm, both ways"
done

step "who stays out"
set_up
stays_out "without a secret"
set_up authmethod CHAP username joe password wrong-secret-x
stays_out "with a wrong secret"
set_up authmethod CHAP username jim password "$HERS"
stays_out "with a wrong name"
set_up "${one_way[@]}" username_in us password_in wrong-secret-x
stays_out "when the target can't prove itself"
itadm modify-target -S "$WORK/hers" "$target" >/dev/null
set_up "${one_way[@]}" username_in us password_in "$HERS"
stays_out "when both sides have the same secret"

step "what one initiator is asked the target doesn't answer for another"
printf '%s\n' another-secret >"$WORK/another"
other=iqn.2024-01.test:other
itadm create-initiator -S "$WORK/another" "$other" >/dev/null
at_exit "itadm delete-initiator '$other'"
itadm modify-target -S "$WORK/ours" "$target" >/dev/null
mutual() { python3 "$COMSTAR_TOP/tests/chap.py" "$target" "$INITIATOR" "$other" another-secret "$@"; }
mutual "$OURS"
itadm modify-target -S "$WORK/hers" "$target" >/dev/null
mutual

step "discovery"
found() { iscsiadm -m discovery -t sendtargets -p 127.0.0.1 2>/dev/null | awk '{ print $2 }' | sort; }
expect "$(printf '%s\n' "$target" "$open" | sort)" "$(found)" "targets for a known initiator"
itadm modify-initiator --no-chap-secret "$INITIATOR" >/dev/null
expect "$open" "$(found)" "targets for one without a secret"
itadm modify-initiator -S "$WORK/hers" "$INITIATOR" >/dev/null
itadm modify-defaults -a chap
at_exit "itadm modify-defaults -a none"
expect "" "$(found)" "targets without a proof, when discovery wants one"
discovery="iscsiadm -m discoverydb -t sendtargets -p 127.0.0.1:3260"
$discovery -o new >/dev/null
for pair in authmethod=CHAP username=joe "password=$HERS"; do
	$discovery -o update -n "discovery.sendtargets.auth.${pair%%=*}" -v "${pair#*=}"
done
at_exit "$discovery -o delete"
expect "$(printf '%s\n' "$target" "$open" | sort)" \
	"$($discovery --discover | awk '{ print $2 }' | sort)" "targets after a proof"
