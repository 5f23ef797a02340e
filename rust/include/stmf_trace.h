/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events: the life of a task, and of an I_T nexus.
 *
 *   stmf_task_admit -> stmf_task_execute -> stmf_task_done -> stmf_task_end
 *                         stmf_task_abort, stmf_task_detach
 *
 * A task is known by its session and the port's tag, which is unique among the
 * session's tasks in flight.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM stmf

#if !defined(_STMF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _STMF_TRACE_H

#include <linux/tracepoint.h>

/* Of a CDB as much as fits a record. */
#define STMF_TRACE_CDB 16

TRACE_EVENT(stmf_task_admit,
	TP_PROTO(u64 session, u64 tag, const u8 *guid, const u8 *cdb, size_t cdb_len,
		 u32 expected),
	TP_ARGS(session, tag, guid, cdb, cdb_len, expected),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, tag)
		__array(u8, guid, 16)
		__array(u8, cdb, STMF_TRACE_CDB)
		__field(u32, cdb_len)
		__field(u32, expected)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->tag = tag;
		memcpy(__entry->guid, guid, 16);
		__entry->cdb_len = min_t(size_t, cdb_len, STMF_TRACE_CDB);
		memset(__entry->cdb, 0, STMF_TRACE_CDB);
		memcpy(__entry->cdb, cdb, __entry->cdb_len);
		__entry->expected = expected;
	),
	TP_printk("session=%llu tag=%llu lu=%s cdb=%s expected=%u", __entry->session,
		  __entry->tag, __print_hex_str(__entry->guid, 16),
		  __print_hex_str(__entry->cdb, __entry->cdb_len), __entry->expected)
);

DECLARE_EVENT_CLASS(stmf_task,
	TP_PROTO(u64 session, u64 tag),
	TP_ARGS(session, tag),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, tag)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->tag = tag;
	),
	TP_printk("session=%llu tag=%llu", __entry->session, __entry->tag)
);

/* It goes to its logical unit. */
DEFINE_EVENT(stmf_task, stmf_task_execute,
	TP_PROTO(u64 session, u64 tag),
	TP_ARGS(session, tag));

/* It was aborted; if a device has it, it ends there. */
DEFINE_EVENT(stmf_task, stmf_task_abort,
	TP_PROTO(u64 session, u64 tag),
	TP_ARGS(session, tag));

/* It was aborted, and nobody waits for the device to let go of it. */
DEFINE_EVENT(stmf_task, stmf_task_detach,
	TP_PROTO(u64 session, u64 tag),
	TP_ARGS(session, tag));

/* All of it is over. */
DEFINE_EVENT(stmf_task, stmf_task_end,
	TP_PROTO(u64 session, u64 tag),
	TP_ARGS(session, tag));

TRACE_EVENT(stmf_task_done,
	TP_PROTO(u64 session, u64 tag, u8 status, u8 key, u8 asc, u8 ascq),
	TP_ARGS(session, tag, status, key, asc, ascq),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, tag)
		__field(u8, status)
		__field(u8, key)
		__field(u8, asc)
		__field(u8, ascq)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->tag = tag;
		__entry->status = status;
		__entry->key = key;
		__entry->asc = asc;
		__entry->ascq = ascq;
	),
	TP_printk("session=%llu tag=%llu status=0x%02x sense=%x/%02x/%02x", __entry->session,
		  __entry->tag, __entry->status, __entry->key, __entry->asc, __entry->ascq)
);

DECLARE_EVENT_CLASS(stmf_nexus,
	TP_PROTO(u64 session, const char *target, const char *initiator),
	TP_ARGS(session, target, initiator),
	TP_STRUCT__entry(
		__field(u64, session)
		__string(target, target)
		__string(initiator, initiator)
	),
	TP_fast_assign(
		__entry->session = session;
		__assign_str(target);
		__assign_str(initiator);
	),
	TP_printk("session=%llu target=%s initiator=%s", __entry->session, __get_str(target),
		  __get_str(initiator))
);

DEFINE_EVENT(stmf_nexus, stmf_nexus_begin,
	TP_PROTO(u64 session, const char *target, const char *initiator),
	TP_ARGS(session, target, initiator));

DEFINE_EVENT(stmf_nexus, stmf_nexus_end,
	TP_PROTO(u64 session, const char *target, const char *initiator),
	TP_ARGS(session, target, initiator));

#endif /* _STMF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE stmf_trace
#include <trace/define_trace.h>
