#!/usr/bin/env bash
# Who isn't root of the machine changes nothing and reads no secret: a user, a namespace's root, a container.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

export STMF_STORE=$WORK/store
serve
load_stmf stmf_loopback
SECRET=a-secret-of-ours
printf '%s\n' "$SECRET" >"$WORK/secret"
chmod 600 "$WORK/secret"
target=$(target_name guarded)
make_target "$target"
file_lu disk 16M 0
stmfadm create-hg kept
at_exit "stmfadm delete-hg kept"
itadm create-initiator -S "$WORK/secret" "$INITIATOR" >/dev/null
at_exit "itadm delete-initiator '$INITIATOR'"

configuration >"$WORK/before"

chmod 755 "$WORK"
mkdir "$WORK/tools"
install -m 644 "$COMSTAR_TOP"/tests/{unprivileged,bent_netlink}.py "$WORK/tools"
for tool in stmfadm itadm; do install -m 755 "$(command -v $tool)" "$WORK/tools"; done
# as WHO COMMAND...
as() {
	local -a way=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
	case $1 in
	"a user") way+=(--bounding-set=-all) ;;
	"a namespace's root") way+=(unshare --user --map-root-user) ;;
	"a container's root") way+=(unshare --user --map-root-user --net --mount --pid --fork) ;;
	esac
	(cd "$WORK/tools" && "${way[@]}" "${@:2}")
}

# readable PATH: that file, or the files in that directory, that can be read.
readable() { find "$1" -type f -readable 2>/dev/null; }

for who in "a user" "a namespace's root" "a container's root"; do
	step "$who: every netlink command"
	as "$who" python3 unprivileged.py "$SECRET" || fail "$who: expected no change and no secret; see above"

	step "$who: what is in files"
	for path in "$STMF_STORE" "$WORK/secret" /sys/kernel/debug/stmf; do
		[ -n "$(readable "$path")" ] || fail "expected something in $path"
		expect "" "$(as "$who" bash -c "$(declare -f readable); readable '$path'")" "$who: what can be read"
	done
	for command in "stmfadm backup" "itadm list-initiator -v" "stmfadm list-lu -v" "itadm list-target --json"; do
		# shellcheck disable=SC2086 # Words.
		out=$(as "$who" ./$command 2>&1) || true
		[[ $out != *"$SECRET"* ]] || fail "$who: expected $command not to tell the secret, got: $out"
	done

	step "$who: modules"
	if as "$who" modprobe -r stmf_iscsi 2>/dev/null; then fail "$who: expected not to unload a module"; fi
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after" || fail "$who: expected the state as it was"
done
