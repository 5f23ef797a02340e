// SPDX-License-Identifier: GPL-2.0
/*
 * C shims for the inline functions and macros that rust/kernel calls. One file
 * per C header family. bindgen reads this file for the declarations.
 */
#include <linux/compiler_types.h>

#include "block.c"
#include "crypto.c"
#include "debugfs.c"
#include "fs.c"
#include "genl.c"
#include "kthread.c"
#include "mm.c"
#include "net.c"
#include "percpu.c"
#include "percpu_ref.c"
#include "rcu.c"
#include "reboot.c"
#include "scsi_host.c"
#include "trace.c"
#include "wait.c"
#include "work.c"
#include "xarray.c"
