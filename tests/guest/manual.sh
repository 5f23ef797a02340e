#!/usr/bin/env bash
# The examples of the manual pages do what the pages show.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"
# shellcheck source=tests/transcript.sh
. "$COMSTAR_TOP/tests/transcript.sh"

mkdir /srv/disks /srv/meta
truncate -s 1M /srv/disks/{web,other,old}
run_transcript "$COMSTAR_TOP/Documentation/examples.transcript"
