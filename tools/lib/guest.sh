# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Booting a kernel in QEMU with virtme-ng, on the host's own root directory.
# Sourced by tools/guest.

# One regular expression a line: what must not stand in a kernel log.
SPLATS=$TOP/tools/lib/splats.regex
# Warnings of the kernel itself that have nothing to do with us: the scheduler's
# deadline server restarts its timer late when the host takes the CPU away; and a task
# changes its own flags, which the tick reads, in memalloc_noio_save() above all.
NOT_OURS=$TOP/tools/lib/not-ours.regex

# Fills QEMU_RUN with the command that boots kernel directory $1 with $2 CPUs,
# $3 of memory and accelerator $4 ("kvm", "tcg", "in-turn" or "icount"); the
# kernel's log goes to file $5, or only warnings of it to the terminal when that
# is empty.
guest_command() {
	local kdir=$1 cpus=$2 memory=$3 accel=$4 console=$5 dir

	QEMU_RUN=("$VENV/bin/virtme-run" --kdir "$kdir" --mods=auto --user root
		--cpus "$cpus" --memory "$memory" --name comstar)
	# The guest sees the host's files read-only, with a layer of memory
	# over the directories that programs expect to write to.
	for dir in /etc /lib /home /opt /srv /usr /var /tmp; do
		QEMU_RUN+=(--overlay-rwdir "$dir")
	done
	# In these directories the guest has its own: bring in what we need.
	for dir in "$TOP" "$kdir" "$PWD"; do
		case $dir/ in
		/run/* | /var/*) QEMU_RUN+=(--rodir "$dir") ;;
		esac
	done
	# 9p everywhere, because Debian 12 has no virtiofsd that would do. The
	# root's files do not change under a guest, so it may cache them: three
	# quarters of its questions to the host need not be asked.
	QEMU_RUN+=(--force-9p --disable-microvm
		--kopt "rootflags=version=9p2000.L,trans=virtio,access=any,msize=524288,cache=loose")
	# Nobody needs the 512 devices of BSD pseudo terminals; udev would take longer for them than for all others.
	QEMU_RUN+=(--kopt pty.legacy_count=0)
	# QEMU's main thread polls a descriptor for each queue, and each of seven
	# serial devices has 64 of them for ports that it doesn't have.
	QEMU_RUN+=(--qemu-opt=-global --qemu-opt=virtio-serial-pci.max_ports=2)
	if [ -n "$console" ]; then
		# The kernel's log on a console of its own.
		QEMU_RUN+=(--kopt console=hvc0 --kopt loglevel=7
			--qemu-opt=-chardev "--qemu-opt=file,id=klog,path=$console"
			--qemu-opt=-device --qemu-opt=virtio-serial-pci
			--qemu-opt=-device "--qemu-opt=virtconsole,chardev=klog")
	else
		QEMU_RUN+=(--kopt loglevel=5)
	fi
	if [ "$accel" != kvm ]; then
		# An emulated time stamp counter is slow to read, but steady.
		QEMU_RUN+=(--disable-kvm --kopt tsc=nowatchdog)
	fi
	# Two threads that emulate processors wait for each other, and spin: where
	# guests share this machine's processors, one that emulates them in turn gets
	# the same done in less.
	if [ "$accel" = in-turn ] || { [ "$accel" = tcg ] && ! parallel_tcg; }; then
		QEMU_RUN+=(--qemu-opt=-accel "--qemu-opt=tcg,thread=single")
	fi
	if [ "$accel" = icount ]; then
		# The guest's clock counts its instructions, one a nanosecond.
		# Without these features the kernel does not copy and clear with
		# `rep movsb` and `rep stosb`, which would count one a byte. (395 is FSRS,
		# which has no name.)
		QEMU_RUN+=(--qemu-opt=-icount "--qemu-opt=shift=0,sleep=off"
			--kopt "clearcpuid=erms,fsrm,395" --kopt null_blk.max_sectors=2048)
	fi
}

# Can this QEMU emulate several CPUs at once?  Before 8.1 a CPU may run code that
# another one has just patched away.
parallel_tcg() {
	local version
	version=$(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')
	dpkg --compare-versions "$version" ge 8.1
}

# Makes modprobe find the modules of kernel directory $1.  virtme-run would do
# it too, but not safely when two guests start at once.
prepare_modules() {
	local kdir=$1
	(
		flock 9
		if [ ! "$kdir/.virtme_mods/lib/modules/0.0.0/modules.dep" -nt \
			"$kdir/modules.order" ]; then
			cd "$kdir" || exit
			"$VENV/bin/virtme-prep-kdir-mods" >/dev/null
			# virtme-run compares by the second.
			touch .virtme_mods/lib/modules/0.0.0/modules.dep
		fi
	) 9>"$CACHE/lock-modules"
}

# Runs QEMU_RUN for at most $1 seconds.  `timeout` gives it a process group of
# its own and ends that group alone.  The pipes are there because QEMU opens
# its standard output a second time, which truncates a file and fails on a
# socket.
run_qemu() {
	timeout --kill-after=10 "$1" "${QEMU_RUN[@]}" </dev/null \
		> >(exec cat) 2> >(grep -v '^virtme' >&2) &
	QEMU_PID=$!
	wait "$QEMU_PID"
}

# Does hardware virtualisation really run a guest here?  A /dev/kvm that opens
# is no proof, so one guest is booted, and the answer kept until the next boot
# of this machine.
kvm_works() {
	local verdict=$CACHE/kvm boot dir
	[ -w /dev/kvm ] || return 1
	boot=$(cat /proc/sys/kernel/random/boot_id)
	exec 9>"$CACHE/lock-kvm"
	flock 9
	if [ "$(cut -d' ' -f1 "$verdict" 2>/dev/null)" != "$boot" ]; then
		say "trying whether KVM runs a guest here" >&2
		dir=$(mktemp -d "$CACHE/run/kvm.XXXXXX")
		guest_command "$1" 1 1G kvm "$dir/console"
		QEMU_RUN+=(--rwdir "$dir" --script-sh "echo yes >$dir/answer")
		run_qemu 20 >/dev/null 2>&1 || true
		echo "$boot $(cat "$dir/answer" 2>/dev/null || echo no)" >"$verdict"
		rm -rf "$dir"
	fi
	exec 9>&-
	grep -q yes "$verdict"
}

# Prints the lines of kernel log $1 that must not be there, leaving out those
# that match the expected expression $2 (empty: none).
splats() {
	grep -a -E -f "$SPLATS" "$1" | grep -v -E -f "$NOT_OURS" | if [ -n "$2" ]; then grep -v -E -e "$2"; else cat; fi
}
