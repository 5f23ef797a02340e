// SPDX-License-Identifier: GPL-2.0

//! Backstores become disks.

use std::collections::BTreeMap;

use super::file::{File, StorageObject, Tpg};
use super::{object, Work};

/// What LIO makes NAA identifiers with when it has a serial number: NAA 6, and the company's number.
const NAA_PREFIX: &str = "6001405";
const NAA_DIGITS: usize = 32;

/// The backstores that are disks here.
#[derive(Debug, Default)]
pub(super) struct Disks {
    /// By LIO's path of the backstore.
    all: BTreeMap<String, Disk>,
}

#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) guid: String,
    /// Nobody may write it.
    pub(super) is_protected: bool,
}

impl Disks {
    pub(super) fn of(file: &File, work: &mut Work) -> Self {
        let mut all = BTreeMap::new();
        let mut owners = BTreeMap::new();
        for storage in &file.storage_objects {
            let name = format!("backstore {}/{}", storage.plugin, storage.name);
            let guid = match check(storage) {
                Ok(guid) => guid,
                Err(why) => {
                    work.leave_out(name, why);
                    continue;
                }
            };
            if let Some(other) = owners.insert(guid.clone(), name.clone()) {
                let why = format!("it would have the identifier of {other}");
                work.leave_out(name, &why);
                continue;
            }
            tell(storage, &name, work);
            let path = format!("/backstores/{}/{}", storage.plugin, storage.name);
            let is_protected = storage.readonly || is_never_written(file, &path);
            work.add("disk", item(storage, &guid, is_protected));
            all.insert(path, Disk { guid, is_protected });
        }
        Self { all }
    }

    /// The disk of a portal group's LUN.
    pub(super) fn at(&self, tpg: &Tpg, index: u64) -> Option<&Disk> {
        let lun = tpg.luns.iter().find(|lun| lun.index == index)?;
        self.all.get(&lun.storage_object)
    }
}

/// The identifier of a backstore that can be a disk.
fn check(storage: &StorageObject) -> Result<String, &'static str> {
    if !matches!(storage.plugin.as_str(), "block" | "fileio") {
        return Err("only block and fileio can be taken over");
    }
    if storage.dev.is_none() {
        return Err("it has no file or device (dev)");
    }
    match storage.wwn.as_deref() {
        Some(serial) if !serial.is_empty() => Ok(guid(serial)),
        _ => Err("it has no serial number (wwn), so that it can't stay the same disk"),
    }
}

/// The NAA identifier of an LIO disk: the first 25 hexadecimal digits of its serial number are in it,
/// whatever stands between them.
fn guid(serial: &str) -> String {
    let digits = serial.chars().filter(char::is_ascii_hexdigit);
    let digits = NAA_PREFIX.chars().chain(digits);
    let zeros = std::iter::repeat('0');
    let guid: String = digits.chain(zeros).take(NAA_DIGITS).collect();
    guid.to_ascii_uppercase()
}

/// Whether all who see a backstore see it write-protected.
fn is_never_written(file: &File, path: &str) -> bool {
    let mut uses = file
        .targets
        .iter()
        .flat_map(|target| &target.tpgs)
        .flat_map(|tpg| uses(tpg, path))
        .peekable();
    uses.peek().is_some() && uses.all(|is_protected| is_protected)
}

/// Whether each use of a backstore in a portal group is write-protected.
fn uses<'a>(tpg: &'a Tpg, path: &'a str) -> impl Iterator<Item = bool> + 'a {
    let luns = tpg
        .luns
        .iter()
        .filter(move |lun| lun.storage_object == path);
    luns.flat_map(move |lun| {
        let mapped = tpg.node_acls.iter().flat_map(|acl| &acl.mapped_luns);
        let mapped = mapped.filter(move |mapped| mapped.tpg_lun == lun.index);
        let everybody = is_open(tpg).then(|| is_open_protected(tpg));
        mapped.map(|mapped| mapped.write_protect).chain(everybody)
    })
}

/// Whether initiators without an entry of their own are let in ("demo mode").
pub(super) fn is_open(tpg: &Tpg) -> bool {
    tpg.attributes.is_set("generate_node_acls")
}

/// Whether those may only read.
pub(super) fn is_open_protected(tpg: &Tpg) -> bool {
    tpg.attributes.get("demo_mode_write_protect") != Some(0)
}

/// Says what a backstore has that a disk can't have.
fn tell(storage: &StorageObject, name: &str, work: &mut Work) {
    let is_default = |group: &str| group == "default_tg_pt_gp";
    if storage
        .alua_tpgs
        .iter()
        .any(|group| !is_default(&group.name))
    {
        let why = "its ALUA groups are not taken over: see set-access";
        work.leave_out(name, why);
    }
    if storage.attributes.is_set("pi_prot_type") {
        let why = "protection information is not known here; the disk will have none";
        work.leave_out(name, why);
    }
}

fn item(
    storage: &StorageObject,
    guid: &str,
    is_protected: bool,
) -> serde_json::Map<String, serde_json::Value> {
    let attributes = &storage.attributes;
    let product = match (attributes.is_set("emulate_model_alias"), &*storage.plugin) {
        (true, _) => storage.name.chars().take(16).collect(),
        (false, "block") => "IBLOCK".to_owned(),
        (false, _) => "FILEIO".to_owned(),
    };
    let unmap = attributes.is_set("emulate_tpu") || attributes.is_set("emulate_tpws");
    let mut item = object([
        ("guid", guid.into()),
        ("file", storage.dev.clone().into()),
        ("alias", storage.name.clone().into()),
        ("vendor-id", "LIO-ORG".into()),
        ("product-id", product.into()),
        ("serial", storage.wwn.clone().into()),
        ("write-protect", is_protected.into()),
        ("revision", "4.0".into()),
        ("unmap", unmap.into()),
    ]);
    let mut set = |name: &str, value: serde_json::Value| item.insert(name.to_owned(), value);
    if let Some(size) = attributes.get("block_size") {
        set("block-size", size.into());
    }
    if storage.plugin == "fileio" {
        // Without write_back LIO opens the file for synchronous writing.
        set("write-cache-disable", (!storage.write_back).into());
        let is_device = storage
            .dev
            .as_ref()
            .is_some_and(|dev| dev.starts_with("/dev/"));
        if let Some(size) = storage.size.filter(|_| !is_device) {
            set("size", size.into());
        }
    }
    if attributes.is_set("is_nonrot") {
        set("rotation-rate", 1.into());
    }
    item
}
