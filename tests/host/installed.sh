#!/usr/bin/env bash
# Packages are installed in a Debian system that boots with systemd, and serve disks after its reboot.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 900
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$COMSTAR_TOP/tools/lib/common.sh"
# shellcheck source=tools/lib/guest.sh
. "$COMSTAR_TOP/tools/lib/guest.sh"
cd "$COMSTAR_TOP"

kernel=$(build_dir base)
release=$(<"$kernel/include/config/kernel.release")
work=$(mktemp -d "$CACHE/run/installed.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

step() { printf '\n== %s\n' "$*"; }

step "make install puts all in its place, make uninstall takes it away"
env -u MAKEFLAGS -u T make --no-print-directory install DESTDIR="$work/dest"
for file in "lib/modules/$release/updates/comstar/stmf_iscsi.ko" \
	usr/local/sbin/{stmfadm,itadm,sbdadm,stmf-exporter} \
	usr/lib/systemd/system/{stmf.service,stmf-load@.service,stmf-exporter.service} \
	usr/lib/udev/rules.d/90-stmf.rules usr/local/share/man/man1/{stmfadm,sbdadm-list-lu}.1 \
	usr/local/share/bash-completion/completions/stmfadm usr/local/share/zsh/site-functions/_itadm \
	usr/local/share/fish/vendor_completions.d/stmfadm.fish \
	usr/local/share/comstar/{grafana-dashboard.json,specs/stmf.yaml,json/stmfadm.json}; do
	[ -s "$work/dest/$file" ] || { echo "FAIL: expected $file to be installed"; exit 1; }
done
env -u MAKEFLAGS -u T make --no-print-directory uninstall DESTDIR="$work/dest"
left=$(find "$work/dest" -type f)
[ -z "$left" ] || { echo "FAIL: expected nothing to be left, got: $left"; exit 1; }

step "packages are made"
env -u MAKEFLAGS -u T make --no-print-directory deb
version=$(dpkg-deb --field "$(echo build/deb/comstar-dkms_*.deb)" Version)

step "a Debian system, with the kernel's modules and the package of the tools"
mkdir "$root"
tar --extract --file "$(tools/debian-root)" --directory "$root"
kernel_make "$kernel"
"${KERNEL_MAKE[@]}" --no-print-directory INSTALL_MOD_PATH="$root" modules_install >"$work/log" 2>&1 || {
	cat "$work/log"
	exit 1
}
cp build/deb/comstar-tools_*.deb "$root/comstar-tools.deb"
chroot "$root" dpkg --install /comstar-tools.deb

step "dkms builds and installs the modules from their package"
dpkg-deb --extract build/deb/comstar-dkms_*.deb "$work"
BINDGEN=$(bindgen_path)
export BINDGEN
mkdir "$work/dkms"
for act in add build install; do
	arguments=(-m comstar -v "$version" --sourcetree "$work/usr/src" --dkmstree "$work/dkms")
	[ "$act" = add ] || arguments+=(-k "$release" --kernelsourcedir "$kernel")
	[ "$act" != install ] || arguments+=(--installtree "$root/lib/modules" --no-depmod)
	dkms "$act" "${arguments[@]}" || {
		find "$work/dkms" -name make.log -exec tail -n 30 {} +
		exit 1
	}
done
depmod --basedir "$root" "$release"

step "the system boots, is configured, and boots again"
install -m 755 tests/installed/guest "$root/usr/local/sbin/test-guest"
install -m 644 tests/installed/test-guest.service "$root/etc/systemd/system/"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../test-guest.service "$root/etc/systemd/system/multi-user.target.wants/"
# Nobody logs in where the test writes.
ln -s /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
echo InitiatorName=iqn.2026-11.test:host >"$root/etc/iscsi/initiatorname.iscsi"
truncate -s 1G "$work/image"
mke2fs -q -t ext4 -d "$root" "$work/image"
rm -rf "${work:?}"/{root,dkms,usr}
truncate -s 64M "$work/data" "$work/late"
accelerator=tcg
! kvm_works "$kernel" || accelerator=kvm
tests/installed/boot.py "$kernel/arch/x86/boot/bzImage" "$accelerator" "$work"
! splats "$work/console" '' || exit 1
