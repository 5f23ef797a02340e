// SPDX-License-Identifier: GPL-2.0

//! Logical units: create-lu, import-lu, delete-lu, list-lu, online-lu, offline-lu.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use libstmf::cli::{absolute, data_path, harmless, Console, Exit, Failure};
use libstmf::{
    Disk, Error, Goal, Guid, LogicalUnit, LuChange, LuImport, LuSpec, Stmf, Transport, Views,
};
use serde_json::{json, Value};

use crate::args::{CreateLu, DeleteLu, ImportLu, ListLu, Lus, ModifyLu, Property};
use crate::list;
use crate::state;
use crate::Setting;

pub(crate) fn create<T: Transport>(
    args: &CreateLu,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let spec = spec(args)?;
    let new_meta = match &spec.meta_file {
        Some(path) if !console.is_dry() => make_empty(path)?,
        _ => None,
    };
    let guid = stmf.create_lu(&spec).inspect_err(|_| {
        if let Some(path) = new_meta {
            let _ = fs::remove_file(path);
        }
    })?;
    console.print(format_args!("Logical unit created: {guid}\n"));
    Ok(())
}

/// Makes an empty file, for metadata, if there is none: the kernel makes none, so that it doesn't
/// begin anew where a file system isn't mounted yet. Returns its name if there was none.
fn make_empty(path: &Path) -> Result<Option<&Path>, Failure> {
    match File::create_new(path) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(Failure::new(Exit::Failed, path.display(), error)),
    }
}

pub(crate) fn import<T: Transport>(
    args: &ImportLu,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let import = LuImport {
        meta_file: absolute(&args.meta_file)?,
        file: args.file.as_deref().map(absolute).transpose()?,
        write_protect: None,
    };
    let guid = stmf.import_lu(&import)?;
    console.print(format_args!("Logical unit imported: {guid}\n"));
    Ok(())
}

/// The logical unit that the command line describes.
fn spec(args: &CreateLu) -> Result<LuSpec, Failure> {
    let mut spec = LuSpec {
        size: args.size,
        force: args.force,
        ..LuSpec::new(data_path(&args.file)?)
    };
    let (mut oui, mut host_id) = (None, None);
    for property in &args.properties {
        match property.clone() {
            Property::Alias(text) => spec.alias = Some(text),
            Property::BlockSize(size) => spec.block_size = Some(size),
            Property::Guid(guid) => spec.guid = Some(guid),
            Property::HostId(id) => host_id = Some(id),
            Property::MetaFile(path) => spec.meta_file = Some(absolute(&path)?),
            Property::MetaHead => spec.meta_head = Some(true),
            Property::MgmtUrl(urls) => spec.mgmt_url = Some(urls),
            Property::Oui(manufacturer) => oui = Some(manufacturer),
            Property::PhysicalBlockSize(size) => spec.physical_block_size = Some(size),
            Property::ProductId(text) => spec.product_id = Some(text),
            Property::Removable(on) => spec.removable = Some(on),
            Property::Revision(text) => spec.revision = Some(text),
            Property::RotationRate(rate) => spec.rotation_rate = Some(rate),
            Property::Serial(text) => spec.serial = Some(text),
            Property::Thin(on) => spec.thin = Some(on),
            Property::Threshold(percent) => spec.threshold = Some(percent),
            Property::Unmap(on) => spec.unmap = Some(on),
            Property::VendorId(text) => spec.vendor_id = Some(text),
            Property::WriteCacheDisable(on) => spec.write_cache_disable = Some(on),
            Property::WriteProtect(on) => spec.write_protect = Some(on),
        }
    }
    if spec.guid.is_none() && (oui.is_some() || host_id.is_some()) {
        spec.guid = Some(libstmf::new_guid(oui, host_id)?);
    }
    Ok(spec)
}

pub(crate) fn modify<T: Transport>(args: &ModifyLu, stmf: &mut Stmf<T>) -> Result<(), Failure> {
    let change = change(args)?;
    let guid = stmf.disk_called(&args.lu, args.by_file)?;
    Ok(stmf.modify_lu(&guid, &change)?)
}

/// What the command line changes.
fn change(args: &ModifyLu) -> Result<LuChange, Failure> {
    let mut change = LuChange {
        size: args.size,
        ..LuChange::default()
    };
    for property in &args.properties {
        match property.clone() {
            Property::Alias(text) => change.alias = Some(text),
            Property::MgmtUrl(urls) => change.mgmt_url = Some(urls),
            Property::Serial(text) => change.serial = Some(text),
            Property::Threshold(percent) => change.threshold = Some(percent),
            Property::WriteCacheDisable(on) => change.write_cache_disable = Some(on),
            Property::WriteProtect(on) => change.write_protect = Some(on),
            _ => {
                let why = "that property cannot be changed";
                return Err(Failure::new(
                    Exit::Usage,
                    Path::new(&args.lu).display(),
                    why,
                ));
            }
        }
    }
    Ok(change)
}

pub(crate) fn delete<T: Transport>(args: &DeleteLu, stmf: &mut Stmf<T>, console: &mut Console<'_>) {
    let views = if args.keep_views {
        Views::Keep
    } else {
        Views::Remove
    };
    console.each(&args.lus, |_, guid| Ok(stmf.delete_lu(guid, views)?));
}

pub(crate) fn online<T: Transport>(
    args: &Lus,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) {
    change_state(args, Goal::Online, stmf, setting, console);
}

pub(crate) fn offline<T: Transport>(
    args: &Lus,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) {
    change_state(args, Goal::Offline, stmf, setting, console);
}

fn change_state<T: Transport>(
    args: &Lus,
    goal: Goal,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) {
    console.each(&args.lus, |_, guid| {
        stmf.set_lu_state(guid, goal)?;
        state::wait(guid, goal, setting.patience, || {
            Ok(stmf.logical_unit(guid)?.state)
        })
    });
}

pub(crate) fn list<T: Transport>(
    args: &ListLu,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let full = args.verbose || args.json;
    let mut entries = Vec::new();
    if args.lus.is_empty() {
        entries = all(stmf, full)?;
    }
    console.each(&args.lus, |_, guid| {
        entries.push(one(stmf, guid, full)?);
        Ok(())
    });
    let text = |entry: &Entry| entry.listing(args.verbose);
    list::print(&entries, args.json, console, text, Entry::describe);
    Ok(())
}

/// What is listed: a logical unit, or what only views speak of.
#[derive(Clone, Debug)]
struct Entry {
    guid: Guid,
    view_count: u32,
    registered: Option<LogicalUnit>,
    disk: Option<Disk>,
}

/// All logical units, those that only views speak of included.
fn all<T: Transport>(stmf: &mut Stmf<T>, verbose: bool) -> Result<Vec<Entry>, Error> {
    let mut entries = BTreeMap::new();
    for view in stmf.views(None)? {
        let entry = entries.entry(view.guid).or_insert(Entry {
            guid: view.guid,
            view_count: 0,
            registered: None,
            disk: None,
        });
        entry.view_count = entry.view_count.saturating_add(1);
    }
    for lu in stmf.logical_units()? {
        let entry = Entry {
            guid: lu.guid,
            view_count: lu.view_count,
            registered: Some(lu),
            disk: None,
        };
        entries.insert(entry.guid, entry);
    }
    if verbose && entries.values().any(Entry::is_disk) {
        for disk in stmf.disks()? {
            if let Some(entry) = entries.get_mut(&disk.guid) {
                entry.disk = Some(disk);
            }
        }
    }
    Ok(entries.into_values().collect())
}

fn one<T: Transport>(stmf: &mut Stmf<T>, guid: &Guid, verbose: bool) -> Result<Entry, Error> {
    let mut entry = match stmf.logical_unit(guid) {
        Ok(lu) => Entry {
            guid: *guid,
            view_count: lu.view_count,
            registered: Some(lu),
            disk: None,
        },
        Err(error @ Error::NotFound { .. }) => {
            let views = stmf.views(Some(guid))?;
            if views.is_empty() {
                return Err(error);
            }
            Entry {
                guid: *guid,
                view_count: u32::try_from(views.len()).unwrap_or(u32::MAX),
                registered: None,
                disk: None,
            }
        }
        Err(error) => return Err(error),
    };
    if verbose && entry.is_disk() {
        entry.disk = Some(stmf.disk(guid)?);
    }
    Ok(entry)
}

impl Entry {
    fn is_disk(&self) -> bool {
        self.registered
            .as_ref()
            .is_some_and(|lu| lu.provider == "sbd")
    }

    /// The disk's own word is newer than the framework's.
    fn alias(&self) -> Option<String> {
        match (&self.disk, &self.registered) {
            (Some(disk), _) => disk.alias.clone(),
            (None, lu) => lu.as_ref()?.alias.clone(),
        }
    }

    fn describe(&self) -> Value {
        let lu = self.registered.as_ref();
        json!({
            "guid": self.guid.to_string(),
            "state": lu.map_or("unregistered", |lu| lu.state.name()),
            "wanted": lu.map(|lu| lu.wanted.name()),
            "provider": lu.map(|lu| &lu.provider),
            "alias": self.alias(),
            "views": self.view_count,
            "disk": self.disk.as_ref().map(describe_disk),
        })
    }

    fn listing(&self, verbose: bool) -> String {
        let mut text = format!("LU Name: {}\n", self.guid);
        if verbose {
            for (name, value) in self.properties() {
                text.push_str(&format!("    {name:<18}: {}\n", harmless(&value)));
            }
        }
        text
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let lu = self.registered.as_ref();
        let unregistered = || "unregistered".to_owned();
        let mut properties = vec![
            (
                "Operational Status",
                lu.map_or_else(unregistered, |lu| {
                    let gone = self.disk.as_ref().is_some_and(|disk| disk.gone);
                    let why = if gone { " (device is away)" } else { "" };
                    format!(
                        "{}{why}",
                        if gone {
                            "Offline"
                        } else {
                            state::name(lu.state)
                        }
                    )
                }),
            ),
            (
                "Provider Name",
                lu.map_or_else(unregistered, |lu| lu.provider.clone()),
            ),
            ("Alias", self.alias().unwrap_or_else(|| "-".to_owned())),
            ("View Entry Count", self.view_count.to_string()),
        ];
        if let Some(disk) = &self.disk {
            let serial = disk.serial.as_deref();
            let mgmt_url = disk.mgmt_url.as_deref();
            let meta_file = match &disk.meta_file {
                Some(path) => path.display().to_string(),
                None if disk.meta_head => "in the head of the data file".to_owned(),
                None => NOT_SET.to_owned(),
            };
            let on = |on: bool| if on { "Enabled" } else { "Disabled" };
            let threshold = match disk.threshold {
                None | Some(0) => NOT_SET.to_owned(),
                Some(percent) => format!("{percent}%"),
            };
            let rotation = match disk.rotation_rate {
                0 => "not reported".to_owned(),
                1 => "non-rotating".to_owned(),
                rate => format!("{rate} rpm"),
            };
            let more: [(_, &dyn Display); 18] = [
                ("Data File", &disk.file.display()),
                ("Meta File", &meta_file),
                ("Size", &disk.size),
                ("Block Size", &disk.block_size),
                ("Management URL", &mgmt_url.unwrap_or(NOT_SET)),
                ("Vendor ID", &disk.vendor_id),
                ("Product ID", &disk.product_id),
                ("Serial Num", &serial.unwrap_or(NOT_SET)),
                ("Write Protect", &on(disk.write_protect)),
                ("Writeback Cache", &on(!disk.write_cache_disable)),
                ("Access State", &"Active"),
                ("Revision", &disk.revision),
                ("Physical Block", &disk.physical_block_size),
                ("Rotation Rate", &rotation),
                ("Removable", &on(disk.removable)),
                ("Thin", &on(disk.thin)),
                ("Unmap", &on(disk.unmap)),
                ("Space Threshold", &threshold),
            ];
            properties
                .extend(more.map(|(name, value)| (name, fmt::format(format_args!("{value}")))));
        }
        properties
    }
}

const NOT_SET: &str = "not set";

fn describe_disk(disk: &Disk) -> Value {
    json!({
        "file": disk.file.to_string_lossy(),
        "backend": disk.backend.name(),
        "size": disk.size,
        "block_size": disk.block_size,
        "physical_block_size": disk.physical_block_size,
        "mgmt_url": disk.mgmt_url,
        "vendor_id": disk.vendor_id,
        "product_id": disk.product_id,
        "revision": disk.revision,
        "serial": disk.serial,
        "rotation_rate": disk.rotation_rate,
        "unmap": disk.unmap,
        "write_protect": disk.write_protect,
        "write_cache_disable": disk.write_cache_disable,
        "removable": disk.removable,
        "meta_file": disk.meta_file.as_ref().map(|file| file.to_string_lossy()),
        "meta_head": disk.meta_head,
        "thin": disk.thin,
        "threshold": disk.threshold,
        "gone": disk.gone,
    })
}
