#!/usr/bin/env bash
# Every command of COMSTAR's stmfadm prints what it has always printed, and fails as it should.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"
# shellcheck source=tests/transcript.sh
. "$COMSTAR_TOP/tests/transcript.sh"

truncate -s 64M /srv/{plain,all,named,odd,other}
run_transcript "$COMSTAR_TOP/tests/guest/commands.transcript"
