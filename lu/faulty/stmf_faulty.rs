// SPDX-License-Identifier: GPL-2.0

//! A logical unit that does what a provider must not do, to show what that costs: one command.
//!
//! What a READ or WRITE does goes by its block:
//!
//! | LBA | what happens |
//! |---|---|
//! | 0 | the command is dropped without an answer |
//! | 1 | the command is kept, and not answered |
//! | 2 | the commands that are kept are answered, late; so is this one |
//! | 3 | the command is answered with more than was planned for |
//! | 4 | the thread that executes the command is held up for four seconds |
//! | others | zeros are read, what is written is thrown away |
//!
//! That a command is answered twice can't be written: to end a [`Task`] consumes it.

#![forbid(unsafe_code)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use kernel::{
    prelude::*,
    sync::Arc,
    time::{delay::fsleep, Delta}, //
};
use stmf::{
    lu::{LogicalUnit, LuDescription, LuRegistration},
    nexus::ItNexus,
    plan::{DataPhase, Plan, Refusal},
    task::{Task, TaskBody}, //
};
use stmf_kernel::{module::LastSteps, queue::Queue};
use stmf_model::Guid;
use stmf_scsi::{
    cdb::{self, Command},
    AdditionalSense,
    Sense, //
};

module! {
    type: FaultyModule,
    name: "stmf_faulty",
    authors: ["The COMSTAR for Linux authors"],
    description: "A faulty logical unit, for tests of the SCSI target mode framework",
    license: "GPL",
}

const GUID: Guid = Guid::new(*b"\x60\x01\x44\xF0faulty disk1");

/// The bytes of a block.
const BLOCK: u32 = 512;

/// The most blocks of a command.
const MAX_BLOCKS: u32 = 8;

/// The unit.
struct Faulty {
    kept: Queue<TaskBody>,
}

impl LogicalUnit for Faulty {
    fn plan(&self, _nexus: &ItNexus, cdb: &[u8]) -> Result<Plan, Refusal> {
        match cdb::parse(cdb)? {
            Command::TestUnitReady => Ok(DataPhase::None.into()),
            Command::Read(transfer) => {
                transfer.check(u64::MAX, MAX_BLOCKS)?;
                let phase = DataPhase::Answer(transfer.blocks.saturating_mul(BLOCK));
                Ok(Plan::reads(phase, transfer.lba, transfer.blocks.into()))
            }
            Command::Write(transfer) => {
                transfer.check(u64::MAX, MAX_BLOCKS)?;
                let phase = DataPhase::FromInitiator(transfer.blocks.saturating_mul(BLOCK));
                Ok(Plan::writes(phase, transfer.lba, transfer.blocks.into()))
            }
            _ => {
                let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
                Err(Sense::illegal(code).into())
            }
        }
    }

    fn execute(&self, task: Task) {
        match cdb::parse(task.cdb()) {
            Ok(Command::Read(transfer)) => self.act(transfer.lba, task),
            Ok(Command::Write(transfer)) => self.act(transfer.lba, task),
            _ => task.good(),
        }
    }
}

impl Faulty {
    fn act(&self, lba: u64, task: Task) {
        match lba {
            0 => drop(task),
            1 => drop(self.kept.push(task.into())),
            2 => {
                let kept = self.kept.take_all().map(Task::from);
                kept.for_each(Task::good);
                task.good();
            }
            3 => task.answer(|sink| sink.zeros(1 << 20)),
            4 => {
                fsleep(Delta::from_secs(4));
                task.good();
            }
            _ => task.good(),
        }
    }
}

/// The loaded module.
struct FaultyModule {
    _disk: LuRegistration,
    _last_steps: LastSteps,
}

impl kernel::Module for FaultyModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let description = LuDescription {
            guid: GUID,
            provider: "faulty",
            alias: "faulty",
            offline: false,
        };
        let disk = Faulty { kept: Queue::new() };
        let disk = Arc::new(disk, GFP_KERNEL)?;
        Ok(Self {
            _disk: LuRegistration::new(&description, disk, module)?,
            _last_steps: LastSteps,
        })
    }
}
