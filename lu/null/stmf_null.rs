// SPDX-License-Identifier: GPL-2.0

//! A logical unit provider to start from: one disk that returns zeros and discards writes.
//!
//! Loading the module makes the disk; give it a LUN with `stmfadm add-view`. To unload the module,
//! take the disk offline first: an online one keeps it loaded. It is good for measuring a transport
//! without a device behind it.
//!
//! A provider is this much:
//!
//! * a type with [`LogicalUnit`]: [`Zeros`];
//! * a [`LuRegistration`] for each logical unit, here in the module's own structure. As long as
//!   it exists the framework sends commands to the unit.
//!
//! There is no `unsafe` in a provider: what touches C is in `stmf_kernel`.

#![forbid(unsafe_code)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf::{
    lu::{LogicalUnit, LuDescription, LuRegistration},
    nexus::ItNexus,
    plan::{DataPhase, Plan, Refusal},
    task::Task, //
};
use stmf_kernel::module::LastSteps;
use stmf_model::Guid;
use stmf_scsi::{
    capacity::Capacity,
    cdb::{self, Command},
    designator::{Association, Designator},
    inquiry::{DeviceType, Peripheral, StandardInquiry},
    vpd::{page, DeviceIdentification, SupportedPages},
    AdditionalSense,
    Sense,
    Sink, //
};

module! {
    type: NullModule,
    name: "stmf_null",
    authors: ["The COMSTAR for Linux authors"],
    description: "A null disk for the SCSI target mode framework",
    license: "GPL",
}

/// The disk's name. A real provider takes a name from its user or makes one with
/// `stmf_model::GuidSource`; that of the one disk there is may as well be fixed.
const GUID: Guid = Guid::new(*b"\x60\x01\x44\xF0null disk 01");

/// 1 TiB in blocks of 512 bytes.
const SIZE: Capacity = Capacity {
    blocks: 1 << 31,
    block_length: 1 << BLOCK_SHIFT,
    physical_exponent: 0,
    lowest_aligned: 0,
    lbpme: false,
    lbprz: false,
};

const BLOCK_SHIFT: u32 = 9;

/// The most blocks that one command moves: 1 MiB. The memory for a whole command is allocated when
/// it comes in, so a unit has to say where it ends.
const MAX_TRANSFER: u32 = 2048;

/// What the disk is to initiators.
const DISK: Peripheral = Peripheral::connected(DeviceType::Block);

/// The disk. It has nothing to remember.
struct Zeros;

impl LogicalUnit for Zeros {
    /// Called when a command arrives: what does it move, or why is it refused? The framework then
    /// reserves the memory, and has the data of a write received, before it calls `execute`.
    fn plan(&self, _nexus: &ItNexus, cdb: &[u8]) -> Result<Plan, Refusal> {
        // Parsing refuses what no disk knows.
        Ok(match cdb::parse(cdb)? {
            Command::TestUnitReady => DataPhase::None.into(),
            Command::Read(transfer) => {
                transfer.check(SIZE.blocks, MAX_TRANSFER)?;
                let phase = DataPhase::FromMedium(transfer.blocks << BLOCK_SHIFT);
                Plan::reads(phase, transfer.lba, transfer.blocks.into())
            }
            Command::Write(transfer) => {
                transfer.check(SIZE.blocks, MAX_TRANSFER)?;
                let phase = DataPhase::FromInitiator(transfer.blocks << BLOCK_SHIFT);
                Plan::writes(phase, transfer.lba, transfer.blocks.into())
            }
            // What remains is answered from memory. Building the answer into nothing tells how
            // long it is, and whether there is one.
            command => {
                let mut measure = Sink::new(&mut []);
                let allocation = answer(&command, &mut measure)?;
                let len = u32::try_from(measure.len()).unwrap_or(u32::MAX);
                DataPhase::Answer(len.min(allocation)).into()
            }
        })
    }

    /// Carries a command out. Must not wait: a unit with a device gives it the task and returns,
    /// see `lu/sbd/exec/rw.rs`.
    fn execute(&self, mut task: Task) {
        // Each arm ends the task. One that is dropped instead is answered with INTERNAL TARGET
        // FAILURE.
        match cdb::parse(task.cdb()) {
            Ok(Command::Read(_)) => {
                // The pages of a read are not cleared for us: a device would overwrite them.
                task.data_mut().slices_mut().for_each(|slice| slice.fill(0));
                task.good();
            }
            Ok(Command::Write(_) | Command::TestUnitReady) => task.good(),
            Ok(command) => task.answer(|sink| {
                // Refused by `plan` already, if at all.
                let _ = answer(&command, sink);
            }),
            Err(sense) => task.fail(sense),
        }
    }
}

/// Builds the answer to a command that is answered from memory; returns its ALLOCATION LENGTH.
fn answer(command: &Command, sink: &mut Sink<'_>) -> Result<u32, Sense> {
    match command {
        Command::Inquiry { evpd, allocation } => {
            inquiry(*evpd, sink)?;
            Ok(u32::from(*allocation))
        }
        Command::ReadCapacity10 => {
            SIZE.write_10(sink);
            Ok(u32::MAX)
        }
        Command::ReadCapacity16 { allocation } => {
            SIZE.write_16(sink);
            Ok(*allocation)
        }
        _ => {
            let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
            Err(Sense::illegal(code))
        }
    }
}

/// INQUIRY: who the disk is, and the two VPD pages that every device must have.
fn inquiry(evpd: Option<u8>, sink: &mut Sink<'_>) -> Result<(), Sense> {
    match evpd {
        None => {
            let standard = StandardInquiry {
                peripheral: DISK,
                vendor: "COMSTAR",
                product: "NULL DISK",
                revision: "0.1",
                command_queuing: true,
                ..StandardInquiry::default()
            };
            standard.write(sink);
        }
        Some(page::SUPPORTED_PAGES) => {
            let pages = &[page::SUPPORTED_PAGES, page::DEVICE_IDENTIFICATION];
            SupportedPages { pages }.write(DISK, sink);
        }
        Some(page::DEVICE_IDENTIFICATION) => {
            let name = Designator::Naa16(Association::LogicalUnit, *GUID.as_bytes());
            let designators = &[name];
            DeviceIdentification { designators }.write(DISK, sink);
        }
        Some(_) => return Err(Sense::invalid_cdb_field(2, None)),
    }
    Ok(())
}

/// The loaded module. Dropping the registration removes the disk.
struct NullModule {
    _disk: LuRegistration,
    _last_steps: LastSteps,
}

impl kernel::Module for NullModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let description = LuDescription {
            guid: GUID,
            provider: "null",
            alias: "zeros",
            offline: false,
        };
        let disk = Arc::new(Zeros, GFP_KERNEL)?;
        Ok(Self {
            _disk: LuRegistration::new(&description, disk, module)?,
            _last_steps: LastSteps,
        })
    }
}
