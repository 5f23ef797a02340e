// SPDX-License-Identifier: GPL-2.0

//! INQUIRY: standard data and vital product data.

use super::{atomic, fill, unmap};
use crate::{
    disk::{text, Disk},
    space::Threshold, //
};
use stmf_scsi::{
    copy::OperatingParameters,
    designator::{Association, Designator},
    inquiry::{version, DeviceType, Peripheral, StandardInquiry},
    power::PowerConditionPage,
    vpd::{
        page,
        BlockCharacteristics,
        BlockLimits,
        BlockLimitsExtension,
        DeviceIdentification,
        ExtendedInquiry,
        LogicalBlockProvisioning,
        ManagementAddresses,
        ModePagePolicy,
        ProvisioningType,
        ScsiPorts,
        SupportedPages,
        UnitSerialNumber, //
    },
    Sense,
    Sink, //
};

const DISK: Peripheral = Peripheral::connected(DeviceType::Block);

/// The pages there are, in ascending order.
const PAGES: &[u8] = &[
    page::SUPPORTED_PAGES,
    page::UNIT_SERIAL_NUMBER,
    page::DEVICE_IDENTIFICATION,
    page::MANAGEMENT_ADDRESSES,
    page::EXTENDED_INQUIRY,
    page::MODE_PAGE_POLICY,
    page::SCSI_PORTS,
    page::POWER_CONDITION,
    page::THIRD_PARTY_COPY,
    page::BLOCK_LIMITS,
    page::BLOCK_CHARACTERISTICS,
    page::LOGICAL_BLOCK_PROVISIONING,
    page::BLOCK_LIMITS_EXTENSION,
];

pub(super) fn standard(disk: &Disk, sink: &mut Sink<'_>) {
    let inquiry = StandardInquiry {
        peripheral: DISK,
        removable: disk.changeable.door.is_there(),
        vendor: text(&disk.names.vendor),
        product: text(&disk.names.product),
        revision: text(&disk.names.revision),
        third_party_copy: true,
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
        page::MANAGEMENT_ADDRESSES => management_addresses(disk, sink),
        page::EXTENDED_INQUIRY => extended(disk).write(DISK, sink),
        page::MODE_PAGE_POLICY => ModePagePolicy.write(DISK, sink),
        // The framework knows the ports.
        page::SCSI_PORTS => ScsiPorts::new(DISK, sink).finish(),
        page::POWER_CONDITION => PowerConditionPage.write(DISK, sink),
        page::THIRD_PARTY_COPY => OperatingParameters.write_page(DISK, sink),
        page::BLOCK_LIMITS => limits(disk).write(DISK, sink),
        page::BLOCK_CHARACTERISTICS => characteristics(disk).write(DISK, sink),
        page::LOGICAL_BLOCK_PROVISIONING => {
            provisioning(disk).write(DISK, sink);
        }
        page::BLOCK_LIMITS_EXTENSION => BlockLimitsExtension.write(DISK, sink),
        _ => return Err(Sense::invalid_cdb_field(2, None)),
    }
    Ok(())
}

/// A disk without a serial number of its own shows its GUID: unlike blanks, that is unique.
fn serial_number(disk: &Disk, sink: &mut Sink<'_>) {
    let texts = disk.texts();
    let serial = text(texts.serial.as_ref().unwrap_or(&disk.names.digits));
    UnitSerialNumber { serial }.write(DISK, sink);
}

fn management_addresses(disk: &Disk, sink: &mut Sink<'_>) {
    let texts = disk.texts();
    let page = ManagementAddresses {
        urls: text(&texts.mgmt_url),
    };
    page.write(DISK, sink);
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

/// Task attributes and unit attentions are the framework's.
fn extended(disk: &Disk) -> ExtendedInquiry {
    ExtendedInquiry {
        head_of_queue: true,
        ordered: true,
        simple: true,
        volatile_cache: disk.traits().volatile,
        ..ExtendedInquiry::default()
    }
}

fn limits(disk: &Disk) -> BlockLimits {
    let geometry = disk.geometry();
    let traits = disk.traits();
    let max_transfer = geometry.max_transfer();
    let atomic = atomic::limits(disk);
    let limits = BlockLimits {
        wsnz: false,
        max_compare_and_write: atomic::max_compare(disk),
        granularity: u16::try_from(geometry.in_blocks(traits.io_min)).unwrap_or(0),
        max_transfer,
        optimal_transfer: geometry.in_blocks(traits.io_opt).min(max_transfer),
        max_write_same: fill::max_blocks(disk).into(),
        max_atomic_transfer: atomic.max,
        atomic_alignment: atomic.alignment,
        atomic_granularity: atomic.granularity,
        ..BlockLimits::default()
    };
    if !traits.unmap {
        return limits;
    }
    let unmap = unmap::limits(disk);
    let granularity = geometry.in_blocks(traits.unmap_granularity);
    BlockLimits {
        max_unmap_blocks: unmap.blocks,
        max_unmap_descriptors: unmap.descriptors,
        unmap_granularity: granularity,
        unmap_alignment: (granularity > 0).then_some(geometry.in_blocks(traits.unmap_alignment)),
        ..limits
    }
}

fn provisioning(disk: &Disk) -> LogicalBlockProvisioning {
    let traits = disk.traits();
    if !traits.unmap {
        return LogicalBlockProvisioning::default();
    }
    LogicalBlockProvisioning {
        threshold_exponent: match disk.medium.threshold.percent() {
            Some(_) => Threshold::exponent(disk.geometry().block_size()),
            None => 0,
        },
        unmap: true,
        write_same_16: true,
        write_same_10: true,
        lbprz: traits.unmapped_is_zero,
        provisioning: ProvisioningType::Thin,
        ..LogicalBlockProvisioning::default()
    }
}

fn characteristics(disk: &Disk) -> BlockCharacteristics {
    BlockCharacteristics {
        rotation: disk.rotation(),
        block_erase: disk.traits().unmap,
        // They are read like others, as whatever the backing store makes of them.
        verifies_unmapped: disk.traits().unmap,
        fuab: true,
    }
}
