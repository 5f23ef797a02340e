// SPDX-License-Identifier: GPL-2.0

//! Whatever an initiator puts into the LUN and CDB fields is refused or answered, without a panic
//! and within the length asked for.

use stmf_scsi::{
    cdb::{
        self,
        AtomicLimits,
        Command, //
    },
    mode::{
        ModeParameters,
        Values, //
    },
    report_luns, Lun, LunAddress, Sense, SenseFormat, Sink, SENSE_LEN,
};

/// The first eight bytes are the LUN, the rest is the CDB.
pub(crate) fn run(bytes: &[u8]) {
    let Some((lun, cdb)) = bytes.split_first_chunk() else {
        return;
    };
    if let LunAddress::Unit(lun) = LunAddress::parse(*lun) {
        assert_eq!(LunAddress::parse(lun.encode()), LunAddress::Unit(lun));
    }
    let mut answer = [0; 512];
    if let Err(sense) = cdb::parse(cdb).and_then(|command| execute(command, &mut answer)) {
        let mut out = [0; SENSE_LEN];
        for format in [SenseFormat::Fixed, SenseFormat::Descriptor] {
            assert!(sense.encode(format, &mut out) <= SENSE_LEN);
        }
    }
}

/// Answers a command of a small disk.
fn execute(command: Command, answer: &mut [u8]) -> Result<(), Sense> {
    const BLOCKS: u64 = 1 << 40;
    const MAX_TRANSFER: u32 = 1 << 16;
    const ATOMIC: AtomicLimits = AtomicLimits {
        max: 64,
        alignment: 8,
        granularity: 4,
    };

    let room = |allocation: u32| answer.len().min(allocation as usize);
    match command {
        Command::Read(transfer) | Command::Write(transfer) | Command::OrWrite(transfer) => {
            transfer.check(BLOCKS, MAX_TRANSFER)?;
            assert!(transfer.lba + u64::from(transfer.blocks) <= BLOCKS);
        }
        Command::Verify(verify) | Command::WriteAndVerify(verify) => {
            verify.check(BLOCKS, MAX_TRANSFER)?;
            assert!(verify.data_blocks() <= verify.blocks);
        }
        Command::WriteSame(request) => {
            let blocks = request.check(BLOCKS, MAX_TRANSFER)?;
            assert!(0 < blocks && request.lba + u64::from(blocks) <= BLOCKS);
        }
        Command::CompareAndWrite(request) => {
            request.check(BLOCKS, u8::MAX)?;
            assert!(request.lba + u64::from(request.blocks) <= BLOCKS);
        }
        Command::WriteAtomic(request) => {
            request.check(BLOCKS, &ATOMIC)?;
            assert!(request.lba % 8 == 0 && u32::from(request.blocks) <= ATOMIC.max);
        }
        Command::SynchronizeCache { lba, blocks, .. } => cdb::check_range(lba, blocks, BLOCKS)?,
        Command::ModeSense(request) => {
            let mode = ModeParameters {
                current: Values::DISK,
                default: Values::DISK,
                blocks: BLOCKS,
                block_length: 512,
                ..ModeParameters::default()
            };
            let room = room(request.allocation.into());
            let mut out = Sink::new(&mut answer[..room]);
            mode.write(&request, &mut out)?;
            assert!(out.written() <= usize::from(request.allocation));
        }
        Command::ReportLuns { select, allocation } => {
            let room = room(allocation);
            let luns = (0..300).filter_map(Lun::new);
            report_luns::write(select, luns, &mut Sink::new(&mut answer[..room]));
        }
        Command::ReportSupportedOperationCodes(query) => {
            let room = room(query.allocation);
            cdb::report_opcodes(&query, |_| true, &mut Sink::new(&mut answer[..room]))?;
        }
        _ => {}
    }
    Ok(())
}
