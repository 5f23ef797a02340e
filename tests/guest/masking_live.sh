#!/usr/bin/env bash
# Changes of views and of groups reach the live sessions they concern, and no others, at once.
# SPDX-License-Identifier: GPL-2.0
# alone
. "$COMSTAR_TOP/tests/initiator.sh"

serve
target=$(target_name live)
other=$(target_name other)
make_target "$target"
make_target "$other"
lu1='' lu2=''
for n in 1 2; do
	truncate -s 16M "$WORK/disk$n"
	declare "lu$n=$(make_lu "$WORK/disk$n")"
	at_exit "stmfadm delete-lu \$lu$n"
done
truncate -s 16M "$WORK/base"
base=$(make_lu "$WORK/base")
at_exit "stmfadm delete-lu $base"
at_exit remove_masking
stmfadm create-hg A
stmfadm create-hg B
stmfadm create-tg T
stmfadm add-view -n 0 "$base"

connect a a "$target"
connect b b "$target"
connect o a "$other"
for session in a b o; do calm "$session" 0; done

# told SESSION...: these sessions have the unit attention once, at LUN 0, the others don't.
told() {
	local session
	for session in a b o; do
		case " $* " in
		*" $session "*) answers "check 6/3f/0e" "$session" tur 0 ;;
		esac
		answers good "$session" tur 0
	done
}

step "a view for a group without members concerns nobody"
stmfadm add-view -h A -n 1 "$lu1"
stmfadm add-view -h B -t T -n 1 "$lu2"
told
answers "check 5/25/00" a tur 1

step "a host joins a group"
stmfadm add-hg-member -g A "$(host a)"
told a o
calm a 1
calm o 1
answers "good 0 1" a luns
answers "good 0" b luns
stmfadm add-hg-member -g A "$(host a)"
told

step "a host joins a group of which one target shows nothing yet"
stmfadm add-hg-member -g B "$(host b)"
told
step "a target joins its group, online and with a command running through it"
stmfadm add-tg-member -g T "$target"
told b
calm b 1
answers "good 0 1" b luns

step "views come and go"
stmfadm remove-view -l "$lu1" -a
told a o
answers "check 5/25/00" a tur 1
answers good b tur 1
stmfadm add-view -h A -t T -n 7 "$lu1"
told a
calm a 7
answers "good 0" o luns

step "a logical unit goes offline and comes back, by two views"
stmfadm add-view -h B -n 7 "$lu1"
told b
calm b 7
stmfadm offline-lu "$lu1"
told a b
answers "check 5/25/00" a tur 7
answers "check 5/25/00" b tur 7
stmfadm online-lu "$lu1"
told a b
calm a 7
calm b 7

step "REPORT LUNS takes the unit attention"
stmfadm remove-view -l "$lu2" -a
answers "good 0 7" b luns
told

step "a target and a host leave their groups"
stmfadm remove-tg-member -g T "$target"
told a
answers "good 0" a luns
stmfadm remove-hg-member -g B "$(host b)"
told b
answers "good 0" b luns

step "nobody had to log in again"
expect 2 "$(sessions_of "$target")" "sessions"
for session in a b o; do disconnect "$session"; done
