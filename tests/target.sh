# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Target side of the guest tests: disks, targets, and the initiators that use
# them. Everything made here goes when the test ends.

# shellcheck source=tests/lib.sh
. "$COMSTAR_TOP/tests/lib.sh"

WORK=$(mktemp -d /tmp/test.XXXXXX)
at_exit "rm -rf '$WORK'"

# target_name WHAT: an iSCSI name for tests.
target_name() { echo "iqn.2026-11.test:$1"; }

# Loads the modules that serve disks over iSCSI, and unloads them at the end.
serve() {
	load_stmf stmf_sbd stmf_iscsi
	at_exit unload_stmf
	start_iscsid
}

# make_lu PATH [OPTION...]: prints the GUID.
make_lu() {
	local out guid path=$1
	shift
	out=$(stmfadm create-lu "$@" "$path")
	guid=${out##* }
	[[ $guid =~ ^[0-9A-F]{32}$ ]] || fail "expected a GUID from create-lu, got: $out"
	echo "$guid"
}

# file_lu NAME SIZE LUN [OPTION...]: a disk on a sparse file, mapped; sets GUID.
file_lu() {
	local path=$WORK/$1 size=$2 lun=$3
	shift 3
	truncate -s "$size" "$path"
	GUID=$(make_lu "$path" "$@")
	at_exit "stmfadm delete-lu $GUID 2>/dev/null || true"
	stmfadm add-view -n "$lun" "$GUID"
}

# device_lu DEVICE LUN [OPTION...]: a disk on a block device, mapped; sets GUID.
device_lu() {
	local device=$1 lun=$2
	shift 2
	GUID=$(make_lu "$device" "$@")
	at_exit "stmfadm delete-lu $GUID 2>/dev/null || true"
	stmfadm add-view -n "$lun" "$GUID"
}

# loop_device NAME SIZE: prints a loop device on a new sparse file.
loop_device() {
	local device
	truncate -s "$2" "$WORK/$1"
	device=$(losetup --find --show "$WORK/$1")
	echo "$device"
}

# debug_disk OPTION...: loads scsi_debug; sets BACKING, its disk.
debug_disk() {
	# One that another test has left, because something still looked at its disk, has other content.
	! loaded scsi_debug || wait_for rmmod scsi_debug
	modprobe scsi_debug delay=0 "$@"
	at_exit "udevadm settle; rmmod scsi_debug"
	wait_for find_debug_disk
	BACKING=$(find_debug_disk)
}

find_debug_disk() {
	local device
	for device in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
		[ -b "/dev/${device##*/}" ] || return
		echo "/dev/${device##*/}"
	done
}

# slow_table LOOP MILLISECONDS [BAD]: what dmsetup makes of a loop device: each write takes so long, and
# those to the last BAD sectors fail.
slow_table() {
	local sectors bad=${3:-0}
	sectors=$(($(blockdev --getsz "$1") - bad))
	echo "0 $sectors delay $1 0 0 $1 0 $2"
	[ "$bad" = 0 ] || echo "$sectors $bad error"
}

# delay_device NAME LOOP MILLISECONDS: from now on a dm-delay device takes that long, for whatever it does;
# what it has ends. Doesn't wait for udev, which reads the device and so would wait for it.
delay_device() {
	dmsetup suspend "$1"
	echo "0 $(blockdev --getsz "$2") delay $2 0 $3" | dmsetup load "$1"
	dmsetup resume --noudevsync "$1"
}

# remove_dm NAME: dmsetup would wait for udev to say that it has seen it, however long that takes.
remove_dm() {
	udevadm settle
	dmsetup remove --retry --noudevsync "$1"
}

# dm_device NAME TARGET [ARGUMENT...]: /dev/mapper/NAME, 64 MiB, which Python tests can stop, slow down and make
# fail; sets BACKING, the device below it.
dm_device() {
	BACKING=$(loop_device "$1.backing" 64M)
	at_exit "losetup -d $BACKING"
	echo "0 $(blockdev --getsz "$BACKING") $2 $BACKING 0 ${*:3}" | dmsetup create "$1"
	udevadm settle
	at_exit "dmsetup resume --noudevsync $1; remove_dm $1"
}

# held_lu LUN: a disk on such a device, HELD; sets GUID and BACKING.
held_lu() {
	HELD=/dev/mapper/held
	dm_device held linear
	device_lu "$HELD" "$1"
}

# slow_lu NAME LUN: a disk on such a device, whose writes Python tests can slow down; sets GUID and BACKING.
slow_lu() {
	modprobe dm-delay
	dm_device "$1" delay 0
	device_lu "/dev/mapper/$1" "$2"
}

# make_target NAME: an iSCSI target.
make_target() {
	itadm create-target -n "$1" >/dev/null
	at_exit "itadm delete-target -f '$1' 2>/dev/null || true"
}

# A session of a Python test answers the target's pings only while the test waits for something of it. Where
# one stands by while others act, a slow guest would take longer than the target's patience of twice 15 s.
patient_targets() {
	itadm modify-defaults --limit NopInInterval=300
	at_exit "itadm modify-defaults --limit NopInInterval=default"
}

# port_of TARGET: what stmfadm calls it.
port_of() { echo "$1"; }

# quick_recovery TARGET PORTAL: the initiator reconnects soon, gives up late.
quick_recovery() {
	iscsiadm -m node -T "$1" -p "$2" -o update \
		-n node.session.timeo.replacement_timeout -v 120 \
		-n node.conn[0].timeo.noop_out_interval -v 0 \
		-n node.conn[0].timeo.noop_out_timeout -v 0
}

# as_nobody TOOL ARGUMENT...: runs one of our tools without any privilege.
as_nobody() {
	local tool=$1
	shift
	chmod 755 "$WORK"
	install -m 755 "$(command -v "$tool")" "$WORK/$tool.copy"
	(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		--bounding-set=-all "$WORK/$tool.copy" "$@")
}

# chap_secrets TARGET: the initiator is joe, with initiator-secret; the target is us, with target-secret-x.
chap_secrets() {
	echo initiator-secret >"$WORK/theirs"
	echo target-secret-x >"$WORK/ours"
	itadm create-initiator -S "$WORK/theirs" -u joe "$INITIATOR" >/dev/null
	at_exit "itadm delete-initiator '$INITIATOR'"
	itadm modify-target -S "$WORK/ours" -u us "$1" >/dev/null
}

# configuration: all that administrators have set up, to be compared.
configuration() {
	stmfadm backup
	stmfadm list-lu --json
	stmfadm list-target --json
	stmfadm list-state --json
	itadm list-target --json
}

# tasks_like PATTERN: how many rows of list-task have it. A tool that fails says nothing, which isn't none.
tasks_like() {
	local rows
	rows=$(stmfadm list-task) || fail "expected list-task to succeed"
	grep -ci "$1" <<<"$rows" || true
}
no_tasks() { [ "$(tasks_like .)" = 0 ]; }

# no_task_lost: the framework says so.
no_task_lost() {
	local state
	state=$(stmfadm list-state) || fail "expected list-state to succeed"
	! grep -i lost <<<"$state" || fail "expected no task to be lost"
}

# need_file_system NAME
need_file_system() {
	modprobe "$1" 2>/dev/null || grep -qw "$1" /proc/filesystems || fail "expected a kernel with $1"
}

# Sessions that a target has.
sessions_of() {
	stmfadm list-target -v "$1" | sed -n 's/^ *Sessions *: //p'
}

# has_sessions TARGET COUNT: one that has logged out is gone a moment after it is told so.
has_sessions() { [ "$(sessions_of "$1")" = "$2" ]; }

# fio_verify NAME DISK [OPTION...]: writes a pattern and checks every block.
fio_verify() {
	local name=$1 disk=$2
	shift 2
	fio --name="$name" --filename="$disk" --direct=1 --ioengine=libaio \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --randseed=7 \
		--output="$WORK/fio.$name" "$@" || {
		cat "$WORK/fio.$name"
		fail "fio $name: expected every block as written"
	}
}

# hosts_log_in TARGET COUNT: initiators iqn.2024-01.test:host1, host2 and so on log in; sets D, the
# generic device of LUN 0 as each of them sees it. (Not the block device: udev reads one that was
# open for writing, and so takes unit attentions away.)
hosts_log_in() {
	local target=$1 count=$2 n
	local -a interfaces=()
	for n in $(seq "$count"); do
		iscsiadm -m iface -I "host$n" -o new >/dev/null
		at_exit "iscsiadm -m iface -I host$n -o delete"
		iscsiadm -m iface -I "host$n" -o update -n iface.initiatorname \
			-v "iqn.2024-01.test:host$n" >/dev/null
		interfaces+=(-I "host$n")
	done
	iscsiadm -m discovery -t sendtargets -p 127.0.0.1 "${interfaces[@]}" >/dev/null
	at_exit "iscsiadm -m node -o delete"
	iscsiadm -m node -T "$target" --login >/dev/null
	at_exit "iscsiadm -m node -T $target --logout >/dev/null"
	D=()
	for n in $(seq "$count"); do
		wait_for generic_of_host "$n"
		D[n]=$(generic_of_host "$n")
		wait_for test -c "${D[n]}"
		wait_for compgen -G "/sys/class/scsi_generic/${D[n]##*/}/device/block/*"
	done
	keep_udev_still
	for n in $(seq "$count"); do calm_host "$n"; done
}

# udev looks at disks that are new, or that have reported something, and so takes unit attentions away.
# From here on to the end of the test it only has the kernel read partitions again when a writer has closed a disk.
keep_udev_still() {
	local disk
	# It hears of a disk when its partitions have been looked for; there is a node before.
	for disk in /sys/block/sd*; do
		# A busy one takes longer; what it has heard of by then is waited for below.
		[ ! -e "$disk" ] || udevadm wait --timeout=20 "/dev/${disk##*/}" 2>/dev/null || true
	done
	udevadm settle
	udevadm control --stop-exec-queue
	at_exit "udevadm control --start-exec-queue"
}

# calm_host N: its unit attentions are read. Linux doesn't ask for its removable media by itself.
calm_host() {
	local poll
	for poll in "/sys/class/scsi_generic/${D[$1]##*/}/device/block/"*/events_poll_msecs; do
		{ echo 0 >"$poll"; } 2>/dev/null || true
	done
	wait_for sg_turs "${D[$1]}"
}

# The generic device of LUN 0 as the initiator host$1 sees it.
generic_of_host() {
	local session device
	for session in /sys/class/iscsi_session/session*; do
		[ "$(cat "$session/initiatorname")" = "iqn.2024-01.test:host$1" ] || continue
		for device in "$session"/device/target*/*:*:*:0/scsi_generic/*; do
			[ -e "$device" ] || return 1
			echo "/dev/${device##*/}"
			return 0
		done
	done
	return 1
}

# ended COMMAND...: how a SCSI command ended: ok, conflict, or its sense data.
ended() {
	local status=0 out
	out=$("$@" 2>&1) || status=$?
	case $status in
	0) echo ok ;;
	24) echo conflict ;;
	*) sed -n 's/.*Additional sense: //p' <<<"$out" | head -n 1 ;;
	esac
}

# run_families TARGET FAMILY...: libiscsi's conformance tests on LUN 0, or LUN $LUN, with a second
# path to it through the target $SECOND if that is set; each test must have run.
run_families() {
	local target=$1 family out failed=0 ran passed bad skipped
	local -a urls=("iscsi://127.0.0.1:3260/$target/${LUN:-0}")
	[ -z "${SECOND:-}" ] || urls+=("iscsi://127.0.0.1:3260/$SECOND/${LUN:-0}")
	shift
	for family in "$@"; do
		out=$WORK/$family
		iscsi-test-cu --dataloss --allow-sanitize --test="$family" "${urls[@]}" \
			>"$out" 2>&1 || true
		read -r _ ran passed bad < <(awk '$1 == "tests" { print $2, $3, $4, $5 }' "$out")
		skipped=$(grep -c '\[SKIPPED\]' "$out" || true)
		echo "    $family: ${passed:-0} of ${ran:-0} passed, ${bad:-?} failed," \
			"$skipped skip messages"
		if [ "${bad:-1}" != 0 ] || [ "${ran:-0}" = 0 ]; then
			failed=$((failed + 1))
			[ "${ran:-0}" != 0 ] || head -n 20 "$out"
			grep -B2 -A8 -i 'fail' "$out" | head -n 60
		fi
	done
	expect 0 "$failed" "families with failures, or without a test"
}

# loop_target: a target of the local bus; sets LOOP_TARGET and LOOP_HOST (/sys/class/scsi_host/hostN).
loop_target() {
	local out
	out=$(stmfadm create-target -P loopback)
	LOOP_TARGET=$(sed -n 's/^Target \(naa\.3[0-9a-f]\{15\}\) successfully created$/\1/p' <<<"$out")
	[ -n "$LOOP_TARGET" ] || fail "expected a target's name from create-target, got: $out"
	at_exit "stmfadm delete-target -f $LOOP_TARGET 2>/dev/null || true"
	LOOP_HOST=$(newest_host)
	[ -n "$LOOP_HOST" ] || fail "expected a SCSI host for $LOOP_TARGET"
}

# The local bus's newest SCSI host.
newest_host() { grep -l '^stmf$' /sys/class/scsi_host/*/proc_name | sort -V | tail -n 1 | xargs -r dirname; }

# loop_disk HOST LUN: waits for the disk and prints its device.
loop_disk() {
	wait_for find_loop_disk "$1" "$2"
	find_loop_disk "$1" "$2"
}

find_loop_disk() {
	local device
	for device in "$1"/device/target*/*:*:*:"$2"/block/*; do
		[ -b "/dev/${device##*/}" ] || continue
		echo "/dev/${device##*/}"
		return
	done
	return 1
}

# no_loop_disk HOST LUN: succeeds when there is no device, whatever its kind.
no_loop_disk() { ! compgen -G "$1/device/target*/*:*:*:$2" >/dev/null; }

# shellcheck source=tests/loopback.sh
[ "${COMSTAR_TRANSPORT:-iscsi}" != loopback ] || . "$COMSTAR_TOP/tests/loopback.sh"
