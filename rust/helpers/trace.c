// SPDX-License-Identifier: GPL-2.0
#include "stmf_trace.h"

void stmf_helper_trace_task_admit(u64 session, u64 tag, const u8 *guid, const u8 *cdb,
				  size_t cdb_len, u32 expected)
{
	trace_stmf_task_admit(session, tag, guid, cdb, cdb_len, expected);
}

void stmf_helper_trace_task_execute(u64 session, u64 tag)
{
	trace_stmf_task_execute(session, tag);
}

void stmf_helper_trace_task_abort(u64 session, u64 tag)
{
	trace_stmf_task_abort(session, tag);
}

void stmf_helper_trace_task_detach(u64 session, u64 tag)
{
	trace_stmf_task_detach(session, tag);
}

void stmf_helper_trace_task_end(u64 session, u64 tag)
{
	trace_stmf_task_end(session, tag);
}

void stmf_helper_trace_task_done(u64 session, u64 tag, u8 status, u8 key, u8 asc, u8 ascq)
{
	trace_stmf_task_done(session, tag, status, key, asc, ascq);
}

void stmf_helper_trace_nexus_begin(u64 session, const char *target, const char *initiator)
{
	trace_stmf_nexus_begin(session, target, initiator);
}

void stmf_helper_trace_nexus_end(u64 session, const char *target, const char *initiator)
{
	trace_stmf_nexus_end(session, target, initiator);
}
