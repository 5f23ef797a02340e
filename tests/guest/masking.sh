#!/usr/bin/env bash
# Hosts see what the views of their groups show them, by the targets of those groups, and no more.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/initiator.sh"

serve
one=$(target_name one)
two=$(target_name two)
for target in "$one" "$two"; do make_target "$target"; done
lu1='' lu2='' lu3=''
for n in 1 2 3; do
	truncate -s 16M "$WORK/disk$n"
	declare "lu$n=$(make_lu "$WORK/disk$n" -p "serial=disk$n")"
	at_exit "stmfadm delete-lu \$lu$n"
done
at_exit remove_masking

# sees HOST TARGET [LUN:SERIAL...]: what a new session of the host is shown.
sees() {
	local host=$1 target=$2 session=$1$((++SESSIONS)) entry lun page luns=()
	shift 2
	connect "$session" "$host" "$target"
	for entry; do luns+=("${entry%%:*}"); done
	expect "good${luns[*]:+ ${luns[*]}}" "$(ask "$session" luns)" "LUNs of $host at $target"
	for entry; do
		lun=${entry%%:*}
		page=$(ask "$session" cdb "$lun" 255 12018000ff00)
		expect "${entry#*:}" "$(xxd -r -p <<<"${page#good ????????}")" "serial number at LUN $lun"
	done
	disconnect "$session"
}
SESSIONS=0

step "views before the groups' members, and before one of the logical units"
stmfadm create-hg A
stmfadm create-hg B
stmfadm create-tg T
stmfadm add-view -h A -n 5 "$lu1"
stmfadm add-view -h B -n 5 "$lu2"
stmfadm add-view -h A -t T "$lu3"
stmfadm add-hg-member -g A "$(host a | tr '[:lower:]' '[:upper:]')"
stmfadm add-hg-member -g B "$(host b)"
stmfadm add-tg-member -g T "$two"
early=600144F0000000000000000000000077
stmfadm add-view -h B -n 16383 "$early"

step "each host at each target"
sees a "$one" 5:disk1
sees a "$two" 0:disk3 5:disk1
sees b "$one" 5:disk2
sees b "$two" 5:disk2
sees c "$one"
truncate -s 16M "$WORK/late"
make_lu "$WORK/late" -p "guid=$early" -p serial=late >/dev/null
at_exit "stmfadm delete-lu $early"
sees b "$one" 5:disk2 16383:late

step "a host that sees nothing can't reach what others see"
connect c c "$one"
answers "check 5/25/00" c tur 5
answers "check 5/25/00" c cdb 5 512 28000000000000000100
disconnect c

step "numbers: the lowest that is free for all concerned"
expect "LUN: 1" "$(stmfadm add-view --validate -h A -t T "$lu2")" "number that a view would get"
expect "LUN: 1" "$(stmfadm add-view --validate "$early" -h A)" "number for both targets"
stmfadm list-view -l "$lu2" | grep -c Entry | finds -x 1 || fail "expected no entry from --validate"

step "what is refused, and why"
no "LUN already in use" stmfadm add-view -h A -n 5 "$lu2"
no "LUN already in use" stmfadm add-view -n 5 "$lu3" -h B
no "view entry exists" stmfadm add-view "$lu1"
no "view entry exists" stmfadm add-view -h A -t T -n 9 "$lu1"
no "invalid host group" stmfadm add-view -h Z "$lu1"
no "invalid target group" stmfadm add-view -h B -t Z "$lu1"
no "16383" stmfadm add-view -n 16384 "$lu2"
no "group is in use by existing view entry" stmfadm delete-hg A
no "group is in use by existing view entry" stmfadm delete-tg T
no "already exists in another group" stmfadm add-hg-member -g B "$(host a)"
no "already exists" stmfadm create-hg A
no "group not found" stmfadm delete-hg Z
no "member not found" stmfadm remove-hg-member -g A "$(host b)"

step "the kernel itself refuses bad names and numbers, and says which field"
python3 "$COMSTAR_TOP/tests/bad_groups.py" "$COMSTAR_KERNEL_SOURCE/tools/net/ynl/pyynl" \
	"$COMSTAR_TOP/Documentation/netlink/specs/stmf.yaml" T ||
	fail "expected every bad name to be refused with its field"
expect "Host Group: A,Host Group: B" "$(stmfadm list-hg | paste -sd,)" "groups after the refusals"

step "who sees it, in list-view"
connect a2 a "$two"
connect b2 b "$two"
out=$(stmfadm list-view -v -l "$lu3")
expect "Host group A,Target group T,LUN 0,Lun 0 for $(host a)" \
	"$(tail -n +2 <<<"$out" | sed 's/^ *//; s/ *: / /' | paste -sd,)" "view of the third disk"
disconnect a2
disconnect b2

step "leaving"
stmfadm remove-hg-member -g A "$(host a)"
sees a "$two"
for lu in "$lu1" "$lu2" "$lu3" "$early"; do stmfadm remove-view -l "$lu" -a; done
stmfadm delete-hg A
stmfadm delete-hg B
stmfadm delete-tg T
expect "" "$(stmfadm list-hg)$(stmfadm list-tg)" "groups in the end"
