// SPDX-License-Identifier: GPL-2.0
/* Makes the trace events; an object of its own, because there may be one alone. */
#include <linux/types.h>

#define CREATE_TRACE_POINTS
#include "stmf_trace.h"
