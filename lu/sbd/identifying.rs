// SPDX-License-Identifier: GPL-2.0

//! The identifying information of a disk: what initiators write on it, to know it again.

use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use stmf_model::metadata::Metadata;
use stmf_scsi::identifying::InformationType;

/// The information of each type; empty where none is set.
#[derive(Default)]
pub(crate) struct Information {
    peripheral: KVVec<u8>,
    text: KVVec<u8>,
}

impl Information {
    /// What metadata have of it; `None` when that is more than there can be.
    pub(crate) fn restore(kept: &Metadata<'_>) -> Result<Option<Self>, AllocError> {
        let mut information = Self::default();
        for kind in InformationType::ALL {
            let bytes = field(kept, kind).unwrap_or_default();
            if bytes.len() > usize::from(kind.max_len()) {
                return Ok(None);
            }
            information
                .of_mut(kind)
                .extend_from_slice(bytes, GFP_KERNEL)?;
        }
        Ok(Some(information))
    }

    fn of(&self, kind: InformationType) -> &KVVec<u8> {
        match kind {
            InformationType::Peripheral => &self.peripheral,
            InformationType::Text => &self.text,
        }
    }

    fn of_mut(&mut self, kind: InformationType) -> &mut KVVec<u8> {
        match kind {
            InformationType::Peripheral => &mut self.peripheral,
            InformationType::Text => &mut self.text,
        }
    }
}

fn field<'a>(kept: &Metadata<'a>, kind: InformationType) -> Option<&'a [u8]> {
    match kind {
        InformationType::Peripheral => kept.identifying,
        InformationType::Text => kept.identifying_text,
    }
}

/// The same metadata with other information.
pub(crate) fn changed<'a>(
    kept: Metadata<'a>,
    kind: InformationType,
    information: &'a [u8],
) -> Metadata<'a> {
    let information = Some(information).filter(|information| !information.is_empty());
    match kind {
        InformationType::Peripheral => Metadata {
            identifying: information,
            ..kept
        },
        InformationType::Text => Metadata {
            identifying_text: information,
            ..kept
        },
    }
}

/// The identifying information of a disk, as REPORT IDENTIFYING INFORMATION tells it.
#[pin_data]
pub(crate) struct Identifying {
    #[pin]
    information: Mutex<Information>,
}

impl Identifying {
    pub(crate) fn new(information: Information) -> impl PinInit<Self> {
        pin_init!(Self {
            information <- new_mutex!(information, "Identifying::information"),
        })
    }

    /// Looks at the information of a type. Sleeps briefly.
    pub(crate) fn look<R>(&self, kind: InformationType, look: impl FnOnce(&[u8]) -> R) -> R {
        look(self.information.lock().of(kind))
    }

    /// Replaces the information of a type. Sleeps briefly.
    pub(crate) fn set(&self, kind: InformationType, information: KVVec<u8>) {
        let mut all = self.information.lock();
        let old = core::mem::replace(all.of_mut(kind), information);
        drop(all);
        drop(old);
    }
}
