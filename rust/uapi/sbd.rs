// SPDX-License-Identifier: GPL-2.0

//! Family `stmf-sbd`: disks backed by block devices and files.

use crate::Kind;
use core::ffi::CStr;

/// Name of the family.
pub const FAMILY: &str = "stmf-sbd";
/// Name of the family as C has it.
pub const FAMILY_C: &CStr = c"stmf-sbd";
/// Version of the family.
pub const VERSION: u8 = 1;

/// Length of a logical unit's GUID.
pub const GUID_LEN: usize = 16;
/// Longest alias in bytes.
pub const ALIAS_MAX: usize = 255;
/// Longest path of a backing file in bytes.
pub const FILE_MAX: usize = 4095;
/// Longest vendor identification in bytes.
pub const VENDOR_ID_MAX: usize = 8;
/// Longest product identification in bytes.
pub const PRODUCT_ID_MAX: usize = 16;
/// Longest unit serial number in bytes.
pub const SERIAL_MAX: usize = 252;

/// Longest product revision level in bytes.
pub const REVISION_MAX: usize = 4;
/// Longest list of management addresses in bytes.
pub const MGMT_URL_MAX: usize = 1024;
/// Highest threshold in percent.
pub const THRESHOLD_MAX: u8 = 99;

/// What the name of a disk in memory begins with, in place of a path.
pub const RAM: &str = "ram:";

/// How the refusal begins of a disk that would have the metadata of another in its data, because these are in
/// the head of its file or device. The GUID of that other one follows.
pub const FOREIGN_HEAD: &str = "file: it has the metadata of LU ";

numbers! {
    /// How a logical unit's data are stored.
    Backend: u32 {
        /// A block device.
        Block = 0, "block";
        /// A file, past the page cache.
        FileDirect = 1, "file-direct";
        /// A file, through the page cache.
        FileBuffered = 2, "file-buffered";
        /// Memory: the data are gone after a restart.
        Ram = 3, "ram";
    }
}

attributes! {
    /// Attributes of a disk.
    Lu {
        /// GUID.
        Guid = 1, "guid", Kind::Binary { len: GUID_LEN };
        /// Absolute path of the block device or file; or [`RAM`] and a name, for memory.
        File = 2, "file", Kind::String { max: FILE_MAX };
        /// Size in bytes.
        Size = 3, "size", Kind::Uint;
        /// Logical block size in bytes.
        BlockSize = 4, "block-size", Kind::U32;
        /// Name for people.
        Alias = 5, "alias", Kind::String { max: ALIAS_MAX };
        /// Vendor identification.
        VendorId = 6, "vendor-id", Kind::String { max: VENDOR_ID_MAX };
        /// Product identification.
        ProductId = 7, "product-id", Kind::String { max: PRODUCT_ID_MAX };
        /// Unit serial number.
        Serial = 8, "serial", Kind::String { max: SERIAL_MAX };
        /// 1 when initiators may not write.
        WriteProtect = 9, "write-protect", Kind::BOOL;
        /// 1 when every write is on stable storage before it is acknowledged.
        WriteCacheDisable = 10, "write-cache-disable", Kind::BOOL;
        /// How the data are stored, a [`Backend`].
        Backend = 11, "backend", Kind::U32 { min: 0, max: 3 };
        /// Product revision level.
        Revision = 12, "revision", Kind::String { max: REVISION_MAX };
        /// Size of a physical block in bytes, as initiators see it.
        PhysicalBlockSize = 13, "physical-block-size", Kind::U32;
        /// Addresses of the management of the disk, separated by spaces.
        MgmtUrl = 14, "mgmt-url", Kind::String { max: MGMT_URL_MAX };
        /// Revolutions of the medium per minute; 1 when it doesn't turn, 0 when that isn't told.
        RotationRate = 15, "rotation-rate", Kind::U32;
        /// 1 when initiators may unmap blocks.
        Unmap = 16, "unmap", Kind::BOOL;
        /// 1 when initiators may take the medium out.
        Removable = 17, "removable", Kind::BOOL;
        /// Absolute path of the file with the metadata.
        MetaFile = 18, "meta-file", Kind::String { max: FILE_MAX };
        /// 1 when the metadata are in the head of the file or device with the data.
        MetaHead = 19, "meta-head", Kind::BOOL;
        /// 0 when there is space for all of the disk from the beginning.
        Thin = 20, "thin", Kind::BOOL;
        /// Of how much free space on initiators are warned, in percent of the file system; 0 for
        /// never.
        Threshold = 21, "threshold", Kind::U8 { min: 0, max: THRESHOLD_MAX };
        /// Do it even if something in the file or device is lost, or much of the memory taken.
        Force = 22, "force", Kind::Flag;
        /// 1 while the backing device is away.
        Gone = 23, "gone", Kind::BOOL;
        /// It begins offline, whatever the service says of new ones.
        Offline = 24, "offline", Kind::Flag;
    }
}

commands! {
    /// Commands of the family.
    Command {
        /// Create a disk and register it.
        LuCreate = 1, "lu-create", Lu {
            permission: admin;
            request: [
                Guid, File, Size, BlockSize, Alias, VendorId, ProductId, Serial, WriteProtect,
                WriteCacheDisable, Revision, PhysicalBlockSize, MgmtUrl, RotationRate, Unmap,
                Removable, MetaFile, MetaHead, Thin, Threshold, Force, Offline
            ];
        }
        /// Take a disk offline and delete it.
        LuDelete = 2, "lu-delete", Lu { permission: admin; request: [Guid]; }
        /// Get or dump disks.
        LuGet = 3, "lu-get", Lu { request: [Guid]; dump: []; }
        /// Change properties of a disk, all that are given or none.
        LuModify = 4, "lu-modify", Lu {
            permission: admin;
            request: [
                Guid, Size, Alias, Serial, WriteProtect, WriteCacheDisable, MgmtUrl, Threshold
            ];
        }
        /// Create the disk that metadata describe.
        LuImport = 5, "lu-import", Lu {
            permission: admin;
            request: [MetaFile, File, WriteProtect];
        }
    }
}
