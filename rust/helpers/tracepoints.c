// SPDX-License-Identifier: GPL-2.0
/* Makes the trace events; an object of its own, because there may be one alone. */
#include <linux/types.h>

#define CREATE_TRACE_POINTS
#include "stmf_trace.h"

/*
 * Code of stmf.ko that the compiler puts into another module tests the static
 * key there.
 */
EXPORT_TRACEPOINT_SYMBOL_GPL(stmf_task_admit);
EXPORT_TRACEPOINT_SYMBOL_GPL(stmf_task_execute);
EXPORT_TRACEPOINT_SYMBOL_GPL(stmf_task_abort);
EXPORT_TRACEPOINT_SYMBOL_GPL(stmf_task_detach);
EXPORT_TRACEPOINT_SYMBOL_GPL(stmf_task_end);
EXPORT_TRACEPOINT_SYMBOL_GPL(stmf_task_done);
