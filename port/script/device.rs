// SPDX-License-Identifier: GPL-2.0

//! The device that scripts are written to.

use crate::{
    script::{self, Transcript},
    LocalModule,
    Port, //
};
use kernel::{
    fs::{File, Kiocb},
    iov::{IovIterDest, IovIterSource},
    miscdevice::{MiscDevice, MiscDeviceRegistration},
    module::this_module,
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex}, //
};

/// The longest script.
const SCRIPT_MAX: usize = 64 << 10;

/// The device as it is open.
#[pin_data]
pub(crate) struct Device {
    port: Arc<Port>,
    #[pin]
    transcript: Mutex<Transcript>,
}

#[vtable]
impl MiscDevice for Device {
    type Ptr = Pin<KBox<Self>>;

    /// Fails with `EEXIST` while the device is open already.
    fn open(_: &File, _: &MiscDeviceRegistration<Self>) -> Result<Self::Ptr> {
        KBox::try_pin_init(
            try_pin_init!(Self {
                port: Port::register(this_module::<LocalModule>())?,
                transcript <- new_mutex!(Transcript::new()),
            }),
            GFP_KERNEL,
        )
    }

    fn release(device: Self::Ptr, _: &File) {
        device.port.unregister();
    }

    /// Replays a script, all of which is read before any of it is sent. Fails with `ENOTCONN` where the
    /// port is offline.
    fn write_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterSource<'_>) -> Result<usize> {
        if iov.len() > SCRIPT_MAX {
            return Err(EFBIG);
        }
        let mut text = KVec::new();
        let len = iov.copy_from_iter_vec(&mut text, GFP_KERNEL)?;
        let lines = script::parse(core::str::from_utf8(&text)?)?;
        let device = kiocb.file();
        let mut transcript = device.transcript.lock();
        *transcript = Transcript::new();
        for line in &lines {
            device.port.replay(line, &mut transcript)?;
        }
        *kiocb.ki_pos_mut() = 0;
        Ok(len)
    }

    /// How the lines of the last script ended.
    fn read_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let device = kiocb.file();
        let transcript = device.transcript.lock();
        iov.simple_read_from_buffer(kiocb.ki_pos_mut(), transcript.as_bytes())
    }
}
