// SPDX-License-Identifier: GPL-2.0

//! The configuration as a whole: backup, restore, apply, load-config.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libstmf::cli::{harmless, Console, Exit, Failure};
use libstmf::config::{Configuration, Extent, Loader, Recorder, Step, Store};
use libstmf::{Error, LioImport, Transport};

use crate::args::{Backup, FromFile, ImportLio, LoadConfig};

/// What the kernel has, and besides what is saved: secrets, and what is away. Not what is away and wanted.
fn current<T: Transport>(
    transport: &mut T,
    store: Option<&mut Store>,
    wanted: Option<&Configuration>,
    console: &mut Console<'_>,
) -> Result<Configuration, Failure> {
    let mut current = Configuration::of_kernel(transport)?;
    if let Some(store) = store {
        let (saved, errors) = Configuration::of_store(store).map_err(Error::from)?;
        console.each(errors, |_, error| Err(Error::from(error).into()));
        match wanted {
            Some(wanted) => current.complete_for(wanted, &saved),
            None => current.complete(&saved),
        }
    }
    Ok(current)
}

pub(crate) fn backup<T: Transport>(
    args: &Backup,
    recorder: &mut Recorder<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (transport, store) = recorder.parts();
    let text = current(transport, store, None, console)?.to_string();
    match &args.file {
        None => console.print(text),
        Some(path) => write(path, text.as_bytes())
            .map_err(|error| Failure::new(Exit::Store, path.display(), error))?,
    }
    Ok(())
}

/// Writes a new file, or a file anew: all of it or nothing.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    // There are secrets in it: nobody else may have made the file, or be able to open it.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(directory)?.sync_all()
}

/// Makes the configuration what a file says.
pub(crate) fn become_as<T: Transport>(
    args: &FromFile,
    extent: Extent,
    is_dry: bool,
    recorder: &mut Recorder<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let wanted = Configuration::of_file(&args.file).map_err(Error::from)?;
    if !is_dry {
        recorder.hold().map_err(Error::from)?;
    }
    let (transport, store) = recorder.parts();
    let current = current(transport, store, Some(&wanted), console)?;
    let steps = current.steps_to(&wanted, extent);
    take(&steps, is_dry, console, |step| step.perform(recorder));
    Ok(())
}

/// Makes what LIO had as its configuration; what there is stays as it is.
pub(crate) fn import_lio<T: Transport>(
    args: &ImportLio,
    is_dry: bool,
    recorder: &mut Recorder<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let failure = |error: &dyn Display| Failure::new(Exit::Store, args.file.display(), error);
    let text = std::fs::read_to_string(&args.file).map_err(|error| failure(&error))?;
    if !is_dry {
        recorder.hold().map_err(Error::from)?;
    }
    let (transport, store) = recorder.parts();
    let current = current(transport, store, None, console)?;
    let import = LioImport::parse(&text, &current).map_err(|error| failure(&error))?;
    for sentence in &import.left_out {
        console.print(format_args!("not taken over: {}\n", harmless(sentence)));
    }
    let steps = current.steps_to(&import.configuration, Extent::Add);
    take(&steps, is_dry, console, |step| step.perform(recorder));
    Ok(())
}

/// Takes steps, telling each that `act` has taken.
fn take(
    steps: &[Step],
    is_dry: bool,
    console: &mut Console<'_>,
    mut act: impl FnMut(&Step) -> Result<bool, Error>,
) {
    console.each(steps, |console, step| {
        if is_dry {
            console.print(format_args!("would {step}\n"));
            return Ok(());
        }
        match act(step) {
            Ok(false) => return Ok(()),
            // An object that is away has no state.
            Err(Error::NotFound { .. }) if step.is_state() => return Ok(()),
            done => done.map(|_| ())?,
        }
        console.print(format_args!("{step}\n"));
        Ok(())
    });
}

/// Makes the kernel have what is saved.
pub(crate) fn load<T: Transport>(
    args: &LoadConfig,
    is_dry: bool,
    recorder: &mut Recorder<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let loader = match is_dry {
        true => Loader::dry(recorder),
        false => Loader::new(recorder)?,
    };
    let Some(mut loader) = loader else {
        return Ok(());
    };
    let (mut steps, errors) = loader.plan()?;
    console.each(errors, |_, error| Err(Error::from(error).into()));
    if let Some(device) = &args.device {
        let waiting = |step: &&Step| step.file().is_some_and(|file| is_same(&file, device));
        let owners: BTreeSet<_> = steps.iter().filter(waiting).map(Step::owner).collect();
        steps.retain(|step| owners.contains(&step.owner()));
    }
    take(&steps, is_dry, console, |step| loader.take(step));
    if loader.has_held_back() {
        let why = "not brought up: defaults and portals that are saved for them can't be loaded";
        console.fail(Failure::new(Exit::Store, "iSCSI targets", why));
    }
    Ok(())
}

/// Whether two paths lead to the same file or device, through links as they are now.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
