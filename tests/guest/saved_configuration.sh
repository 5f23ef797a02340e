#!/usr/bin/env bash
# The configuration comes back after the modules were unloaded, object by object.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

export STMF_STORE=$WORK/store
serve
target=$(target_name kept)
# It comes first, but is restored last: the others keep their relative target port identifiers, by which
# initiators and reservations know them.
last=$(target_name made.first)
make_target "$last"
make_target "$target"
# So do groups of portals, to which targets belong by their tags.
itadm create-tpg outside 127.0.0.1:3261 >/dev/null
itadm create-tpg inside 127.0.0.1:3262 >/dev/null
at_exit "itadm delete-tpg -f outside; itadm delete-tpg -f inside"
itadm modify-target -t outside "$last" >/dev/null
relative_ids() { itadm list-target --json | jq -c 'map({name, relative_id})'; }
ids=$(relative_ids)
groups=$(itadm list-tpg --json)
truncate -s 16M "$WORK/here" "$WORK/away"
here=$(make_lu "$WORK/here" -p serial=here)
away=$(make_lu "$WORK/away" -p serial=away)
at_exit "stmfadm delete-lu $here; stmfadm delete-lu $away; stmfadm delete-hg web"
stmfadm create-hg web
stmfadm add-hg-member -g web "$INITIATOR"
stmfadm add-view -n 3 -h web "$here"
stmfadm add-view -n 7 "$away"
stmfadm backup "$WORK/before"

step "a view entry that isn't there takes no other with it"
if stmfadm remove-view -l "$away" 77; then fail "expected no view entry 77"; fi
stmfadm backup "$WORK/same"
diff "$WORK/before" "$WORK/same" || fail "expected the configuration as it was"
expect 1 "$(jq '.view | length' "$STMF_STORE/lu/$away")" "saved view entries of $away"

step "modules are unloaded and loaded: nothing is there"
itadm delete-target -f "$target" --dry-run | finds "would remove target $target" ||
	fail "expected a dry run to say what it would remove"
# As a reboot would: behind the store's back.
STMF_STORE='' itadm delete-target -f "$target" "$last"
STMF_STORE='' stmfadm delete-lu -k "$here" "$away"
unload_stmf
load_stmf stmf_sbd stmf_iscsi
expect "" "$(stmfadm list-lu)" "logical units after loading"

step "one file is away: the rest is restored, its view is kept"
mv "$WORK/away" "$WORK/elsewhere"
if out=$(stmfadm load-config 2>&1); then
	fail "expected load-config to tell of the missing file, got: $out"
fi
[[ $out == *"$away"* ]] || fail "expected the GUID of the missing disk, got: $out"
stmfadm list-lu -v "$here" | finds 'Operational Status: Online' ||
	fail "expected $here to be online"
stmfadm list-lu -v "$away" | finds 'Operational Status: unregistered' ||
	fail "expected $away to be listed as unregistered"
expect "$ids" "$(relative_ids)" "relative target port identifiers"
expect "$groups" "$(itadm list-tpg --json)" "target portal groups"
login "$target"
disk=$(disk_of "$target" 3)
# SPC-5 7.7.6.9: of a target port of iSCSI, 4 bytes long.
page=$(od -An -v -tx1 "/sys/block/${disk##*/}/device/vpd_pg83" | tr -d ' \n')
[[ $page =~ 519400040000(....) ]] || fail "expected a relative target port identifier, got $page"
told=${BASH_REMATCH[1]}
expect "$(jq -r --arg t "$target" '.[] | select(.name == $t).relative_id' <<<"$ids")" "$((16#$told))" \
	"the one that the initiator is told"
expect here "$(tail -c +5 "/sys/block/${disk##*/}/device/vpd_pg80")" "serial number"
! find_disk "$target" 7 || fail "expected no disk at LUN 7"

step "it comes back, and has its place"
mv "$WORK/elsewhere" "$WORK/away"
stmfadm load-config --device "$WORK/away"
iscsiadm -m session --rescan >/dev/null
disk_of "$target" 7 >/dev/null
stmfadm backup "$WORK/after"
diff "$WORK/before" "$WORK/after" || fail "expected the configuration as it was"
expect "" "$(stmfadm restore --dry-run "$WORK/before")" "steps to what there is"
logout "$target"

step "no disk is loaded over that of another whose device has got its name"
head=$WORK/head
truncate -s 17M "$head" "$WORK/old"
guid=$(make_lu "$head" -p meta=head)
# Metadata of no disk that is saved don't count, if they were overruled once.
stmfadm delete-lu "$(make_lu "$WORK/old" -p meta=head)"
forced=$(make_lu "$WORK/old" -F)
at_exit "stmfadm delete-lu $guid; stmfadm delete-lu $forced"
STMF_STORE='' stmfadm delete-lu -k "$guid" "$away" "$forced"
exchange() { mv "$head" "$WORK/between" && mv "$WORK/away" "$head" && mv "$WORK/between" "$WORK/away"; }
exchange
sum=$(sha256sum <"$WORK/away")
if out=$(stmfadm load-config 2>&1); then
	fail "expected load-config to tell of files in each other's place, got: $out"
fi
[[ $out == *"$away: file: it has the metadata of LU $guid in its head"* ]] || fail "expected the reason, got: $out"
stmfadm list-lu -v "$away" | finds 'Operational Status: unregistered' || fail "expected $away not to be there"
expect "$sum" "$(sha256sum <"$WORK/away")" "the file of the other"
exchange
stmfadm load-config
for lu in "$guid" "$away" "$forced"; do
	stmfadm list-lu -v "$lu" | finds 'Operational Status: Online' || fail "expected $lu to be online"
done

step "a disk that can't be replaced is there as before"
stmfadm offline-lu "$away"
stmfadm backup "$WORK/kept"
jq --arg g "$away" --arg f "$WORK" '(.disk[] | select(.guid == $g)).file = $f' "$WORK/kept" >"$WORK/wanted"
if out=$(stmfadm restore "$WORK/wanted" 2>&1); then fail "expected a directory to be refused, got: $out"; fi
[[ $out == *"it is a directory"* ]] || fail "expected the reason, got: $out"
stmfadm backup "$WORK/after"
diff "$WORK/kept" "$WORK/after" || fail "expected the configuration as it was"
diff <(jq '.disk' "$WORK/kept") <(STMF_STORE='' stmfadm backup | jq '.disk') || fail "expected the disks as they were"
stmfadm online-lu "$away"

step "no target comes up without the saved defaults of all, a disk does"
itadm modify-defaults -a chap
STMF_STORE='' itadm delete-target -f "$target"
STMF_STORE='' stmfadm delete-lu -k "$here"
mv "$STMF_STORE/iscsi/iscsi-defaults" "$WORK/defaults"
head -c 40 "$WORK/defaults" >"$STMF_STORE/iscsi/iscsi-defaults"
if out=$(stmfadm load-config 2>&1); then
	fail "expected load-config to tell of the broken file, got: $out"
fi
[[ $out == *"iSCSI targets: not brought up"* ]] || fail "expected to be told of targets, got: $out"
expect "" "$(itadm list-target -p | grep -w "$target")" "target without its defaults"
stmfadm list-lu -v "$here" | finds 'Operational Status: Online' ||
	fail "expected $here to be online"
mv "$WORK/defaults" "$STMF_STORE/iscsi/iscsi-defaults"
stmfadm load-config
itadm list-target -p | finds -w "$target" || fail "expected $target to be back"
itadm modify-defaults -a none

step "a store that is broken is neither used nor written"
echo '{"format":"stmf-configuration","version":9}' >"$STMF_STORE/format"
if stmfadm create-hg other; then fail "expected a newer store to be refused"; fi
expect 9 "$(jq .version "$STMF_STORE/format")" "version of the newer store"
expect "" "$(stmfadm list-hg | grep -w other)" "group that could not be saved"
echo '{"format":"stmf-configuration","version":1}' >"$STMF_STORE/format"
