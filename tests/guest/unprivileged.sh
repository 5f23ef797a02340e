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
# What container engines leave to root of a container that is root of the machine's user namespace, too.
CAPABILITIES=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap
CAPABILITIES+=,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap
PYTHON=$(python3 -c 'import sys; print(sys.base_prefix)')

# in_jail COMMAND...: in a root of its own, with those capabilities.
in_jail() {
	local jail=$WORK/jail path
	for path in /usr /bin /lib /lib64 "$PYTHON" "$WORK/tools"; do
		mkdir -p "$jail$path"
		mount --bind "$path" "$jail$path"
	done
	mkdir -p "$jail/proc" "$jail/sys" "$jail/dev"
	[ -e "$jail/dev/null" ] || mknod -m 666 "$jail/dev/null" c 1 3
	mount -t proc proc "$jail/proc"
	mount -t sysfs sysfs "$jail/sys"
	exec chroot "$jail" setpriv --bounding-set="$CAPABILITIES" --inh-caps=-all env -C "$WORK/tools" "$@"
}

# as WHO COMMAND...
as() {
	local -a way=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
	case $1 in
	"a user") way+=(--bounding-set=-all) ;;
	"a namespace's root") way+=(unshare --user --map-root-user) ;;
	"root of a container with users of its own") way+=(unshare --user --map-root-user --net --mount --pid --fork) ;;
	"root of a container")
		way=(unshare --net --mount --pid --ipc --uts --fork bash -euc
			"$(declare -p WORK CAPABILITIES PYTHON); $(declare -f in_jail); in_jail \"\$@\"" in_jail)
		;;
	esac
	(cd "$WORK/tools" && "${way[@]}" "${@:2}")
}

# readable PATH: that file, or the files in that directory, that can be read.
readable() { find "$1" -type f -readable 2>/dev/null; }

# said WHO COMMAND...: what it says, a shell line; who can't even start a shell has not been refused anything.
said() {
	local out
	out=$(as "$1" bash -c "$2; echo done") || true
	[[ $out == *done ]] || fail "$1: expected the shell to come to its end, got: $out"
	echo "${out%done}"
}

for who in "a user" "a namespace's root" "root of a container with users of its own" "root of a container"; do
	step "$who: every netlink command"
	as "$who" python3 unprivileged.py "$SECRET" || fail "$who: expected no change and no secret; see above"

	step "$who: what is in files"
	for path in "$STMF_STORE" "$WORK/secret" /sys/kernel/debug/stmf; do
		[ -n "$(readable "$path")" ] || fail "expected something in $path"
		# (Root of a container could, with the machine's own uid 0, were they in its root: they aren't.)
		out=$(said "$who" "$(declare -f readable); readable '$path'")
		expect "" "$out" "$who: what can be read"
	done
	for command in "stmfadm backup" "itadm list-initiator -v" "stmfadm list-lu -v" "itadm list-target --json" \
		"itadm list-target -v $target" "stmfadm list-target -v $target" "stmfadm list-state --json"; do
		out=$(said "$who" "./$command 2>&1")
		[ -n "$out" ] || fail "$who: expected $command to say something"
		[[ $out != *"$SECRET"* ]] || fail "$who: expected $command not to tell the secret, got: $out"
	done

	step "$who: modules"
	# One that nothing uses.
	out=$(said "$who" "rmmod stmf_loopback 2>&1")
	[[ $out == *"not permitted"* ]] || fail "$who: expected not to be permitted to unload a module, got: $out"
	loaded stmf_loopback || fail "$who: expected the module to stay"
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after" || fail "$who: expected the state as it was"
done
# Whoever may can.
rmmod stmf_loopback
