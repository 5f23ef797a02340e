// SPDX-License-Identifier: GPL-2.0
#include <linux/bvec.h>
#include <linux/device/faux.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_dbg.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

/*
 * The private part of a host: who answers, see rust/kernel/scsi_host.rs.  It lives as long as anybody
 * has a file of one of the host's devices open.  The target doesn't, nor the module that it is of.
 */
struct stmf_scsi_host {
	struct faux_device *parent;
	/* Held, for reading, by resets: these alone may still come when the host was removed. */
	struct rw_semaphore removal;
	/* NULL when the host was removed; written with `removal` held. */
	void *target;
	bool (*queue)(void *target, void *cmd);
	bool (*keep_waiting)(void *target, void *cmd);
	void (*abort)(void *target, void *cmd);
	bool (*reset)(void *target, const u8 *lun);
	/* See stmf_scsi_restart(). */
	struct delayed_work restart;
};

static struct stmf_scsi_host *stmf_scsi_host(struct scsi_cmnd *cmd)
{
	return shost_priv(cmd->device->host);
}

static void stmf_scsi_restart_soon(struct Scsi_Host *shost)
{
	struct stmf_scsi_host *host = shost_priv(shost);

	queue_delayed_work(shost->tmf_work_q, &host->restart, HZ / 10);
}

/*
 * Before the midlayer puts a command that is to be sent again on a queue's list it looks whether error
 * handling is in progress, and if so leaves the list to the end of that (__scsi_queue_insert()).  Should
 * the end come in between, the command stays on the list, without a timer.  Whoever changes the disk's
 * limits waits for it then, and keeps everybody else out: that may be udev, reading partitions again.
 *
 * So this starts the list's commands once more.  They are put there in softirqs, with rcu_read_lock() held,
 * or by work of `tmf_work_q`, which runs one at a time, or by error handling itself: who has seen that in
 * progress is done with it here.
 */
static void stmf_scsi_restart(struct work_struct *work)
{
	struct stmf_scsi_host *host = container_of(work, struct stmf_scsi_host, restart.work);
	struct Scsi_Host *shost = container_of((void *)host, struct Scsi_Host, hostdata);
	struct scsi_device *sdev;

	if (scsi_host_in_recovery(shost)) {
		stmf_scsi_restart_soon(shost);
		return;
	}
	synchronize_rcu();
	spin_lock_irq(shost->host_lock);
	__shost_for_each_device(sdev, shost) {
		/* Others may be at their end, but wait for their commands. */
		if (sdev->sdev_state != SDEV_DEL)
			blk_mq_kick_requeue_list(sdev->request_queue);
	}
	spin_unlock_irq(shost->host_lock);
}

/*
 * What the target allocates may not be had by writing to the host's own disks.
 */
static enum scsi_qc_status stmf_scsi_queuecommand(struct Scsi_Host *shost,
						  struct scsi_cmnd *cmd)
{
	struct stmf_scsi_host *host = shost_priv(shost);
	unsigned int flags = memalloc_noio_save();
	bool taken = host->queue(host->target, cmd);

	memalloc_noio_restore(flags);
	return taken ? 0 : SCSI_MLQUEUE_HOST_BUSY;
}

static enum scsi_timeout_action stmf_scsi_timed_out(struct scsi_cmnd *cmd)
{
	struct stmf_scsi_host *host = stmf_scsi_host(cmd);

	return host->keep_waiting(host->target, cmd) ? SCSI_EH_RESET_TIMER : SCSI_EH_NOT_HANDLED;
}

static int stmf_scsi_abort(struct scsi_cmnd *cmd)
{
	struct stmf_scsi_host *host = stmf_scsi_host(cmd);

	host->abort(host->target, cmd);
	stmf_scsi_restart_soon(cmd->device->host);
	return SUCCESS;
}

/*
 * Comes from error handling, and from SG_SCSI_RESET.  That doesn't ask whether the device is still there
 * when its file was opened with O_NONBLOCK.
 */
static int stmf_scsi_reset(struct scsi_cmnd *cmd, const u8 *lun)
{
	struct stmf_scsi_host *host = stmf_scsi_host(cmd);
	bool done = false;

	down_read(&host->removal);
	if (host->target) {
		done = host->reset(host->target, lun);
		stmf_scsi_restart_soon(cmd->device->host);
	}
	up_read(&host->removal);
	return done ? SUCCESS : FAILED;
}

static int stmf_scsi_device_reset(struct scsi_cmnd *cmd)
{
	struct scsi_lun lun;

	int_to_scsilun(cmd->device->lun, &lun);
	return stmf_scsi_reset(cmd, lun.scsi_lun);
}

static int stmf_scsi_target_reset(struct scsi_cmnd *cmd)
{
	return stmf_scsi_reset(cmd, NULL);
}

/*
 * With this, the midlayer doesn't clear our part of a command whenever it sends it: all that writes to it
 * writes one word, and it can be read meanwhile.
 */
static int stmf_scsi_init_cmd_priv(struct Scsi_Host *shost, struct scsi_cmnd *cmd)
{
	*(u64 *)scsi_cmd_priv(cmd) = 0;
	return 0;
}

/*
 * A command may end within the end of a flush of the device below it, with the lock of that device's
 * flush queue held, and be part of a flush itself. That takes the lock of a queue above, never the same
 * one: for lockdep these are a class of their own.
 */
static struct lock_class_key stmf_scsi_flush_key;

static int stmf_scsi_configure(struct scsi_device *sdev, struct queue_limits *limits)
{
	struct blk_mq_hw_ctx *hctx;
	unsigned long i;

	queue_for_each_hw_ctx(sdev->request_queue, hctx, i)
		blk_mq_hctx_set_fq_lock_class(hctx, &stmf_scsi_flush_key);
	return 0;
}

static const struct scsi_host_template stmf_scsi_template = {
	.module = THIS_MODULE,
	.name = "STMF",
	.proc_name = "stmf",
	.queuecommand = stmf_scsi_queuecommand,
	.queuecommand_may_block = 1,
	.change_queue_depth = scsi_change_queue_depth,
	.sdev_configure = stmf_scsi_configure,
	.eh_timed_out = stmf_scsi_timed_out,
	.eh_abort_handler = stmf_scsi_abort,
	.eh_device_reset_handler = stmf_scsi_device_reset,
	.eh_target_reset_handler = stmf_scsi_target_reset,
	/* Which use of a cell the command is, see rust/kernel/scsi_host/states.rs. */
	.cmd_size = sizeof(u64),
	.init_cmd_priv = stmf_scsi_init_cmd_priv,
	.this_id = -1,
	.host_tagset = 1,
	.sg_tablesize = 1024,
	.max_segment_size = UINT_MAX,
	/* 16 MiB. */
	.max_sectors = 32768,
	.dma_alignment = SECTOR_SIZE - 1,
};

/* Makes a host of which nobody knows yet. */
void *stmf_helper_scsi_host_new(const char *name, unsigned int depth, void *target,
					    bool (*queue)(void *target, void *cmd),
					    bool (*keep_waiting)(void *target, void *cmd),
					    void (*abort)(void *target, void *cmd),
					    bool (*reset)(void *target, const u8 *lun))
{
	struct stmf_scsi_host *host;
	struct Scsi_Host *shost;

	shost = scsi_host_alloc(&stmf_scsi_template, sizeof(*host));
	if (!shost)
		return NULL;
	/* That there was no memory for a name is not told, and adding such a host is called invalid. */
	if (!dev_name(&shost->shost_gendev) || !dev_name(&shost->shost_dev)) {
		scsi_host_put(shost);
		return NULL;
	}
	host = shost_priv(shost);
	init_rwsem(&host->removal);
	INIT_DELAYED_WORK(&host->restart, stmf_scsi_restart);
	host->target = target;
	host->queue = queue;
	host->keep_waiting = keep_waiting;
	host->abort = abort;
	host->reset = reset;
	host->parent = faux_device_create(name, NULL, NULL);
	if (!host->parent) {
		scsi_host_put(shost);
		return NULL;
	}
	shost->can_queue = depth;
	shost->cmd_per_lun = depth;
	shost->nr_hw_queues = nr_cpu_ids;
	shost->max_id = 1;
	shost->max_channel = 0;
	shost->max_lun = U64_MAX;
	shost->max_cmd_len = sizeof_field(struct scsi_cmnd, cmnd);
	return shost;
}

int stmf_helper_scsi_host_add(void *shost)
{
	struct stmf_scsi_host *host = shost_priv(shost);

	return scsi_add_host(shost, &host->parent->dev);
}

void stmf_helper_scsi_host_free(void *shost)
{
	struct stmf_scsi_host *host = shost_priv(shost);

	faux_device_destroy(host->parent);
	scsi_host_put(shost);
}

unsigned int stmf_helper_scsi_host_number(void *shost)
{
	return ((struct Scsi_Host *)shost)->host_no;
}

void stmf_helper_scsi_host_remove(void *shost)
{
	struct stmf_scsi_host *host = shost_priv(shost);

	scsi_remove_host(shost);
	down_write(&host->removal);
	host->target = NULL;
	up_write(&host->removal);
	cancel_delayed_work_sync(&host->restart);
}

void stmf_helper_scsi_host_block(void *shost, bool block)
{
	if (block)
		scsi_block_requests(shost);
	else
		scsi_unblock_requests(shost);
}

static u64 stmf_scsi_lun(const u8 *lun)
{
	struct scsi_lun bytes;

	memcpy(bytes.scsi_lun, lun, sizeof(bytes.scsi_lun));
	return scsilun_to_int(&bytes);
}

int stmf_helper_scsi_host_attach(void *shost, const u8 *lun)
{
	return scsi_add_device(shost, 0, 0, stmf_scsi_lun(lun));
}

void stmf_helper_scsi_host_detach(void *shost, const u8 *lun)
{
	struct scsi_device *sdev = scsi_device_lookup(shost, 0, 0, stmf_scsi_lun(lun));

	if (!sdev)
		return;
	scsi_remove_device(sdev);
	scsi_device_put(sdev);
}

u64 *stmf_helper_scsi_cmd_use(void *cmd)
{
	return scsi_cmd_priv(cmd);
}

const u8 *stmf_helper_scsi_cmd_cdb(void *cmd, unsigned int *len)
{
	struct scsi_cmnd *sc = cmd;

	*len = sc->cmd_len;
	return sc->cmnd;
}

void stmf_helper_scsi_cmd_lun(void *cmd, u8 *lun)
{
	struct scsi_cmnd *sc = cmd;

	int_to_scsilun(sc->device->lun, (struct scsi_lun *)lun);
}

/* The bytes to be moved, and whether they go to the target. */
unsigned int stmf_helper_scsi_cmd_len(void *cmd, bool *write)
{
	struct scsi_cmnd *sc = cmd;

	*write = sc->sc_data_direction == DMA_TO_DEVICE;
	return sc->sc_data_direction == DMA_NONE ? 0 : scsi_bufflen(sc);
}

/* With host_tagset, the host's hardware queues share their tags: below can_queue, and each there once. */
u32 stmf_helper_scsi_cmd_tag(void *cmd)
{
	return scsi_cmd_to_rq(cmd)->tag;
}

unsigned int stmf_helper_scsi_cmd_segments(void *cmd)
{
	return scsi_sg_count(cmd);
}

/* Memory that is lent for reading must never be written to: it may be anybody's. */
static bool is_lent_for(struct scsi_cmnd *sc, bool to_initiator)
{
	return sc->sc_data_direction == (to_initiator ? DMA_FROM_DEVICE : DMA_TO_DEVICE);
}

/*
 * The first `len` bytes as segments of whole pages; returns how many there are,
 * zero when they aren't such, don't fit, or aren't there for data that go this way.
 */
unsigned int stmf_helper_scsi_cmd_bvecs(void *cmd, bool to_initiator, unsigned int len,
					struct bio_vec *bvecs, unsigned int room)
{
	struct scatterlist *sg;
	unsigned int i, n = 0;

	if (!is_lent_for(cmd, to_initiator))
		return 0;
	scsi_for_each_sg((struct scsi_cmnd *)cmd, sg, scsi_sg_count(cmd), i) {
		unsigned int now = min(sg->length, len);

		if (!len)
			break;
		if (n == room || !PAGE_ALIGNED(sg->offset | now))
			return 0;
		bvec_set_page(&bvecs[n++], sg_page(sg), now, sg->offset);
		len -= now;
	}
	return len ? 0 : n;
}

/* Copies between the initiator's memory and ours, if that is there for data that go this way. */
void stmf_helper_scsi_cmd_copy(void *cmd, unsigned int skip, void *buf, unsigned int len,
			       bool to_initiator)
{
	struct scsi_cmnd *sc = cmd;

	if (!is_lent_for(sc, to_initiator))
		return;
	if (to_initiator)
		sg_pcopy_from_buffer(scsi_sglist(sc), scsi_sg_count(sc), buf, len, skip);
	else
		sg_pcopy_to_buffer(scsi_sglist(sc), scsi_sg_count(sc), buf, len, skip);
}

/* Completes a command. In a softirq at once; elsewhere as the block layer sees fit. */
static void stmf_scsi_done(struct scsi_cmnd *sc)
{
	/* See stmf_scsi_restart(). */
	guard(rcu)();
	if (in_serving_softirq())
		scsi_done_direct(sc);
	else
		scsi_done(sc);
}

void stmf_helper_scsi_cmd_answer(void *cmd, u8 status, const u8 *sense, unsigned int sense_len,
				 unsigned int residual)
{
	struct scsi_cmnd *sc = cmd;

	sc->result = status;
	if (sense_len)
		memcpy(sc->sense_buffer, sense,
		       min_t(unsigned int, sense_len, SCSI_SENSE_BUFFERSIZE));
	scsi_set_resid(sc, residual);
	stmf_scsi_done(sc);
}

/* Ends a command that has no answer: it is tried again, or fails for want of a target. */
void stmf_helper_scsi_cmd_fail(void *cmd, bool again)
{
	struct scsi_cmnd *sc = cmd;

	sc->result = 0;
	set_host_byte(sc, again ? DID_RESET : DID_NO_CONNECT);
	stmf_scsi_done(sc);
}
