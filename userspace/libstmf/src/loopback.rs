// SPDX-License-Identifier: GPL-2.0

//! Targets that this machine reaches by SCSI hosts of its own.

use stmf_uapi::loopback::{Command as Number, Target as Key};

use crate::attributes::Builder;
use crate::client::{Command, Stmf};
use crate::error::Error;
use crate::transport::Transport;

/// The name that these random bytes make.
pub(crate) fn name_from(random: [u8; 8]) -> String {
    // SPC-5, NAA locally assigned designator format. The initiator's name is the one with the last
    // bit set.
    let number = u64::from_be_bytes(random);
    let number = number & !(0xf << 60) | 3 << 60;
    format!("naa.{:016x}", number & !1)
}

/// Targets of the local bus.
impl<T: Transport> Stmf<T> {
    /// Creates a target of the local bus, with a SCSI host.
    pub fn create_loopback_target(&mut self, name: &str) -> Result<(), Error> {
        let attributes = Builder::new().text(Key::Name, name);
        Command::loopback(Number::TargetCreate).act(self.transport(), attributes, name)
    }

    /// Deletes a target of the local bus; with `force` also one that is online.
    pub fn delete_loopback_target(&mut self, name: &str, force: bool) -> Result<(), Error> {
        let attributes = Builder::new()
            .text(Key::Name, name)
            .optional(force.then_some(()), |b, ()| b.flag(Key::Force));
        Command::loopback(Number::TargetDelete).act(self.transport(), attributes, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;
    use crate::Protocol;

    const NAME: &str = "naa.3000000000000002";

    #[test]
    fn names_are_locally_assigned() {
        assert_eq!(name_from([0; 8]), "naa.3000000000000000");
        assert_eq!(name_from([0xff; 8]), "naa.3ffffffffffffffe");
        let name = crate::new_loopback_name().unwrap();
        assert_ne!(name, crate::new_loopback_name().unwrap());
    }

    #[test]
    fn a_target_from_creation_to_deletion() {
        let mut stmf = Stmf::with_transport(Sim::new());
        stmf.create_loopback_target(NAME).unwrap();
        assert_eq!(stmf.target(NAME).unwrap().protocol, Protocol::Scsi);
        let error = stmf.create_loopback_target(NAME).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error:?}");
        let error = stmf.create_loopback_target("naa.3").unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error:?}");
        let error = stmf.delete_loopback_target(NAME, false).unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error:?}");
        stmf.delete_loopback_target(NAME, true).unwrap();
        let error = stmf.delete_loopback_target(NAME, true).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }
}
