// SPDX-License-Identifier: GPL-2.0

//! INQUIRY: standard data and vital product data.

use crate::disk::{text, Disk};
use stmf_scsi::{
    designator::{Association, Designator},
    inquiry::{version, DeviceType, Peripheral, StandardInquiry},
    vpd::{
        page,
        BlockCharacteristics,
        BlockLimits,
        DeviceIdentification,
        LogicalBlockProvisioning,
        RotationRate,
        SupportedPages,
        UnitSerialNumber, //
    },
    Sense,
    Sink, //
};

/// PRODUCT REVISION LEVEL.
const REVISION: &str = "0.1";

const DISK: Peripheral = Peripheral::connected(DeviceType::Block);

/// The pages there are, in ascending order.
const PAGES: &[u8] = &[
    page::SUPPORTED_PAGES,
    page::UNIT_SERIAL_NUMBER,
    page::DEVICE_IDENTIFICATION,
    page::BLOCK_LIMITS,
    page::BLOCK_CHARACTERISTICS,
    page::LOGICAL_BLOCK_PROVISIONING,
];

pub(super) fn standard(disk: &Disk, sink: &mut Sink<'_>) {
    let inquiry = StandardInquiry {
        peripheral: DISK,
        vendor: text(&disk.names.vendor),
        product: text(&disk.names.product),
        revision: REVISION,
        command_queuing: true,
        versions: &[version::SAM_5, version::SPC_4, version::SBC_3],
        ..StandardInquiry::default()
    };
    inquiry.write(sink);
}

pub(super) fn page(disk: &Disk, code: u8, sink: &mut Sink<'_>) -> Result<(), Sense> {
    match code {
        page::SUPPORTED_PAGES => SupportedPages { pages: PAGES }.write(DISK, sink),
        page::UNIT_SERIAL_NUMBER => serial_number(disk, sink),
        page::DEVICE_IDENTIFICATION => identification(disk, sink),
        page::BLOCK_LIMITS => limits(disk).write(DISK, sink),
        page::BLOCK_CHARACTERISTICS => characteristics(disk).write(DISK, sink),
        page::LOGICAL_BLOCK_PROVISIONING => {
            LogicalBlockProvisioning::default().write(DISK, sink);
        }
        _ => return Err(Sense::invalid_cdb_field(2, None)),
    }
    Ok(())
}

/// A disk without a serial number of its own shows its GUID: unlike blanks, that is unique.
fn serial_number(disk: &Disk, sink: &mut Sink<'_>) {
    let names = &disk.names;
    let serial = text(names.serial.as_ref().unwrap_or(&names.digits));
    UnitSerialNumber { serial }.write(DISK, sink);
}

fn identification(disk: &Disk, sink: &mut Sink<'_>) {
    let designators = [
        Designator::Naa16(Association::LogicalUnit, *disk.guid.as_bytes()),
        Designator::T10Vendor {
            vendor: text(&disk.names.vendor),
            specific: text(&disk.names.digits),
        },
    ];
    DeviceIdentification {
        designators: &designators,
    }
    .write(DISK, sink);
}

fn limits(disk: &Disk) -> BlockLimits {
    let geometry = &disk.geometry;
    let traits = disk.backend.traits();
    let max_transfer = geometry.max_transfer();
    BlockLimits {
        granularity: u16::try_from(geometry.in_blocks(traits.io_min)).unwrap_or(0),
        max_transfer,
        optimal_transfer: geometry.in_blocks(traits.io_opt).min(max_transfer),
        ..BlockLimits::default()
    }
}

fn characteristics(disk: &Disk) -> BlockCharacteristics {
    BlockCharacteristics {
        rotation: match disk.backend.traits().rotational {
            Some(false) => RotationRate::NonRotating,
            Some(true) | None => RotationRate::NotReported,
        },
        fuab: true,
    }
}
