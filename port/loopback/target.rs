// SPDX-License-Identifier: GPL-2.0

//! Targets of the loopback port.

use crate::{
    bus::Bus,
    provider, //
};
use core::fmt;
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{Arc, Mutex}, //
};
use stmf::port::{Protocol, TargetDescription, TargetPort, TargetRegistration};

/// A target's name: `naa.` and 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(u64);

impl Name {
    /// Reads a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("naa.")?;
        let all = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        all.then(|| u64::from_str_radix(digits, 16).ok())
            .flatten()
            .map(Self)
    }

    /// The name as text.
    pub(crate) fn text(self) -> Result<CString> {
        CString::try_from_fmt(fmt!("naa.{:016x}", self.0))
    }

    /// The name of the initiator that a target has: the last bit differs.
    fn initiator(self) -> Self {
        Self(self.0 ^ 1)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "naa.{:016x}", self.0)
    }
}

/// A target.
#[pin_data]
pub(crate) struct Target {
    pub(crate) name: Name,
    /// `None` before the target is registered and after it was deleted. The framework refers back
    /// to the target: `unregister` breaks the circle.
    #[pin]
    registration: Mutex<Option<Arc<TargetRegistration>>>,
    /// What there is while the target is online.
    #[pin]
    bus: Mutex<Option<Arc<Bus>>>,
}

impl Target {
    /// Makes a target and registers it with the framework, offline; `offline` says that it is to stay there.
    ///
    /// # Errors
    ///
    /// `EEXIST` when any provider has a target of that name, `EBUSY` when one has that relative target
    /// port identifier.
    pub(crate) fn register(
        name: Name,
        relative_id: Option<u16>,
        offline: bool,
        module: &'static ThisModule,
    ) -> Result<Arc<Self>> {
        let target = Arc::pin_init(
            pin_init!(Self {
                name,
                registration <- new_mutex!(None, "Target::registration"),
                bus <- new_mutex!(None, "Target::bus"),
            }),
            GFP_KERNEL,
        )?;
        let text = name.text()?;
        let description = TargetDescription {
            name: text.to_str().unwrap_or(""),
            alias: "",
            provider: provider::NAME,
            protocol: Protocol::Scsi,
            relative_id,
            offline,
        };
        let registration = TargetRegistration::new(&description, target.clone(), module)?;
        *target.registration.lock() = Some(Arc::new(registration, GFP_KERNEL)?);
        Ok(target)
    }

    /// Brings the target online, as `stmfadm online-target` does.
    pub(crate) fn go_online(&self) -> Result {
        self.registration()?.online()
    }

    /// Takes the target offline before it is deleted: nobody brings it online any more.
    pub(crate) fn retire(&self) -> Result {
        self.registration()?.retire()
    }

    /// Takes the target, which is offline, out of the framework.
    pub(crate) fn unregister(&self) {
        let registration = self.registration.lock().take();
        drop(registration);
    }

    /// Its relative target port identifier, as long as it is registered.
    pub(crate) fn relative_id(&self) -> Result<u16> {
        Ok(self.registration()?.relative_id())
    }

    /// The number of the SCSI host, while the target is online.
    pub(crate) fn host(&self) -> Option<u32> {
        self.bus.lock().as_ref().map(|bus| bus.number())
    }

    fn registration(&self) -> Result<Arc<TargetRegistration>> {
        self.registration.lock().clone().ok_or(ENODEV)
    }
}

impl TargetPort for Target {
    fn online(&self) -> Result {
        let registration = self.registration()?;
        let initiator = self.name.initiator().text()?;
        let bus = Bus::new(&registration, initiator.to_str().unwrap_or(""))?;
        *self.bus.lock() = Some(bus);
        Ok(())
    }

    fn offline(&self) -> Result {
        let mut place = self.bus.lock();
        if let Some(bus) = &*place {
            bus.close()?;
        }
        *place = None;
        Ok(())
    }
}
