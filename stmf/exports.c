// SPDX-License-Identifier: GPL-2.0
/*
 * Exports the Rust symbols of stmf.ko to the provider modules. The list is
 * generated (see Kbuild); the types don't matter to the linker.
 */
#include <linux/export.h>

#define EXPORT_SYMBOL_RUST_GPL(sym) extern int sym; EXPORT_SYMBOL_GPL(sym)

#include "exports_generated.h"
