// SPDX-License-Identifier: GPL-2.0

//! The iSCSI target.

use stmf_uapi::iscsi::{
    AuthMethod, Command as Number, Initiator as InitiatorKey, Portal as PortalKey,
    Target as TargetKey, Tpg as TpgKey, DEFAULT_TPGT,
};

use crate::attributes::Builder;
use crate::client::Command;
use crate::error::Error;
use crate::netlink::Netlink;
use crate::transport::Transport;

mod types;

pub use types::{
    IscsiChange, IscsiInitiator, IscsiSession, IscsiSettings, IscsiTarget, Limit, Portal, Redirect,
    Secret, Tpg,
};

/// What the names of our own making begin with.
const PREFIX: &str = "iqn.2026-11.org.comstar-linux:02:";

/// The name that these random bytes make.
pub(crate) fn name_from(random: [u8; 16]) -> String {
    // RFC 9562 5.4: the version is 4 and the variant is 0b10, the rest is random.
    let number = u128::from_be_bytes(random);
    let number = number & !(0xf << 76) | 4 << 76;
    let number = number & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{PREFIX}{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        number >> 80 & 0xffff,
        number >> 64 & 0xffff,
        number >> 48 & 0xffff,
        number & 0xffff_ffff_ffff,
    )
}

/// The iSCSI targets, and the portals they are reached at.
#[derive(Debug)]
pub struct IscsiTargets<T = Netlink> {
    transport: T,
}

impl IscsiTargets {
    /// Connects to the kernel.
    pub fn open() -> Result<Self, Error> {
        Ok(Self::with_transport(Netlink::open()?))
    }
}

impl<T: Transport> IscsiTargets<T> {
    /// Uses a connection to something that answers like the kernel.
    pub fn with_transport(transport: T) -> Self {
        Self { transport }
    }

    /// Gives the connection back.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Creates a target.
    pub fn create(&mut self, name: &str, properties: &IscsiChange) -> Result<(), Error> {
        let attributes = properties.encode(Builder::new().text(TargetKey::Name, name));
        Command::iscsi(Number::TargetCreate).act(&mut self.transport, attributes, name)
    }

    /// Changes a target.
    pub fn modify(&mut self, name: &str, change: &IscsiChange) -> Result<(), Error> {
        let attributes = change.encode(Builder::new().text(TargetKey::Name, name));
        Command::iscsi(Number::TargetModify).act(&mut self.transport, attributes, name)
    }

    /// What holds for targets that have nothing of their own, and for discovery.
    pub fn defaults(&mut self) -> Result<IscsiSettings, Error> {
        let command = Command::iscsi(Number::DefaultsGet);
        command.get(&mut self.transport, Builder::new(), "defaults")
    }

    /// Changes the defaults. These have no others behind them, so [`AuthMethod::Default`] is none.
    pub fn modify_defaults(&mut self, change: &IscsiChange) -> Result<(), Error> {
        // As the kernel takes it, so that it can be recognized afterwards.
        let auth = change.auth.map(|auth| match auth {
            AuthMethod::Default => AuthMethod::None,
            auth => auth,
        });
        let change = IscsiChange {
            auth,
            ..change.clone()
        };
        let attributes = change.encode(Builder::new());
        Command::iscsi(Number::DefaultsModify).act(&mut self.transport, attributes, "defaults")
    }

    /// Creates a target portal group with portals `ADDRESS`, `ADDRESS:PORT` or
    /// `ADDRESS:PORT@INTERFACE`, all or none. What their connections send has the differentiated
    /// services code point `dscp`, if there is one.
    pub fn create_tpg(
        &mut self,
        name: &str,
        portals: &[String],
        dscp: Option<u32>,
    ) -> Result<(), Error> {
        let attributes = Builder::new()
            .text(TpgKey::Name, name)
            .text(TpgKey::Portals, portals.join(","))
            .optional(dscp, |b, dscp| b.u32(TpgKey::Dscp, dscp));
        Command::iscsi(Number::TpgCreate).act(&mut self.transport, attributes, name)
    }

    /// Deletes a target portal group; with `force` also one that targets are in, which leave it first.
    pub fn delete_tpg(&mut self, name: &str, force: bool) -> Result<(), Error> {
        if force {
            self.leave_tpg(name)?;
        }
        let attributes = Builder::new()
            .text(TpgKey::Name, name)
            .optional(force.then_some(()), |b, ()| b.flag(TpgKey::Force));
        Command::iscsi(Number::TpgDelete).act(&mut self.transport, attributes, name)
    }

    /// Takes all targets out of a group: each for itself, so that it is saved of each. Those that have no other
    /// are in the default one then, as with the kernel.
    fn leave_tpg(&mut self, name: &str) -> Result<(), Error> {
        let tag = self
            .tpgs()?
            .into_iter()
            .find_map(|group| (group.name == name).then_some(group.tag));
        let targets = self.targets()?.into_iter();
        for target in targets.filter(|target| target.tpgs.iter().any(|used| Some(*used) == tag)) {
            let mut left = target.tpgs;
            left.retain(|used| Some(*used) != tag);
            if left.is_empty() {
                left.push(DEFAULT_TPGT);
            }
            let change = IscsiChange {
                tpgs: Some(left),
                ..IscsiChange::default()
            };
            self.modify(&target.name, &change)?;
        }
        Ok(())
    }

    /// All target portal groups that were created, by tag.
    pub fn tpgs(&mut self) -> Result<Vec<Tpg>, Error> {
        let command = Command::iscsi(Number::TpgGet);
        let object = "target portal groups";
        let mut list: Vec<Tpg> = command.list(&mut self.transport, Builder::new(), object)?;
        list.sort_by_key(|tpg| tpg.tag);
        Ok(list)
    }

    /// Makes an initiator known, with the name and the secret by which it proves who it is.
    pub fn create_initiator(
        &mut self,
        name: &str,
        user: Option<&str>,
        secret: Option<&Secret>,
    ) -> Result<(), Error> {
        let attributes = initiator(name, user, secret);
        Command::iscsi(Number::InitiatorCreate).act(&mut self.transport, attributes, name)
    }

    /// Changes what is known of an initiator; `None` leaves it as it is.
    pub fn modify_initiator(
        &mut self,
        name: &str,
        user: Option<&str>,
        secret: Option<&Secret>,
    ) -> Result<(), Error> {
        let attributes = initiator(name, user, secret);
        Command::iscsi(Number::InitiatorModify).act(&mut self.transport, attributes, name)
    }

    /// Forgets an initiator.
    pub fn delete_initiator(&mut self, name: &str) -> Result<(), Error> {
        let attributes = initiator(name, None, None);
        Command::iscsi(Number::InitiatorDelete).act(&mut self.transport, attributes, name)
    }

    /// The initiators that are known, by name.
    pub fn initiators(&mut self) -> Result<Vec<IscsiInitiator>, Error> {
        let command = Command::iscsi(Number::InitiatorGet);
        let mut list: Vec<IscsiInitiator> =
            command.list(&mut self.transport, Builder::new(), "initiators")?;
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    /// The connections of all sessions.
    pub fn sessions(&mut self) -> Result<Vec<IscsiSession>, Error> {
        let command = Command::iscsi(Number::SessionGet);
        command.list(&mut self.transport, Builder::new(), "sessions")
    }

    /// Deletes a target; with `force` also one that is online or has sessions.
    pub fn delete(&mut self, name: &str, force: bool) -> Result<(), Error> {
        let attributes = Builder::new()
            .text(TargetKey::Name, name)
            .optional(force.then_some(()), |b, ()| b.flag(TargetKey::Force));
        Command::iscsi(Number::TargetDelete).act(&mut self.transport, attributes, name)
    }

    /// One target.
    pub fn target(&mut self, name: &str) -> Result<IscsiTarget, Error> {
        let attributes = Builder::new().text(TargetKey::Name, name);
        Command::iscsi(Number::TargetGet).get(&mut self.transport, attributes, name)
    }

    /// All targets, by name.
    pub fn targets(&mut self) -> Result<Vec<IscsiTarget>, Error> {
        let command = Command::iscsi(Number::TargetGet);
        let mut list: Vec<IscsiTarget> =
            command.list(&mut self.transport, Builder::new(), "targets")?;
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    /// All portals, by address.
    pub fn portals(&mut self) -> Result<Vec<Portal>, Error> {
        let command = Command::iscsi(Number::PortalGet);
        let mut list: Vec<Portal> = command.list(&mut self.transport, Builder::new(), "portals")?;
        list.sort();
        Ok(list)
    }

    /// Listens on one more address and port.
    pub fn add_portal(&mut self, portal: &Portal) -> Result<(), Error> {
        let attributes = encode(portal).u16(PortalKey::Tpgt, portal.tpgt);
        let object = portal.address.to_string();
        Command::iscsi(Number::PortalAdd).act(&mut self.transport, attributes, &object)
    }

    /// Stops listening on an address and port.
    pub fn remove_portal(&mut self, portal: &Portal) -> Result<(), Error> {
        let object = portal.address.to_string();
        Command::iscsi(Number::PortalRemove).act(&mut self.transport, encode(portal), &object)
    }
}

fn encode(portal: &Portal) -> Builder {
    Builder::new()
        .address(PortalKey::Address, portal.address.ip())
        .u16(PortalKey::Port, portal.address.port())
        .optional(portal.interface.as_deref(), |b, interface| {
            b.text(PortalKey::Interface, interface)
        })
}

fn initiator(name: &str, user: Option<&str>, secret: Option<&Secret>) -> Builder {
    types::credentials(
        Builder::new().text(InitiatorKey::Name, name),
        (InitiatorKey::ChapUser, user),
        (InitiatorKey::ChapSecret, secret),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;
    use crate::{ObjectState, Redirection};

    const NAME: &str = "iqn.2026-11.org.example:a";

    fn targets() -> IscsiTargets<Sim> {
        IscsiTargets::with_transport(Sim::new())
    }

    #[test]
    fn names_carry_a_uuid() {
        assert_eq!(
            name_from([0; 16]),
            "iqn.2026-11.org.comstar-linux:02:00000000-0000-4000-8000-000000000000"
        );
        assert_eq!(
            name_from([0xff; 16]),
            "iqn.2026-11.org.comstar-linux:02:ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        let name = crate::new_iscsi_name().unwrap();
        assert_ne!(name, crate::new_iscsi_name().unwrap());
        let parsed = crate::IscsiName::new(&name).unwrap();
        assert_eq!(parsed.as_str(), name);
    }

    #[test]
    fn a_target_from_creation_to_deletion() {
        let mut targets = targets();
        let first = IscsiChange {
            alias: Some("first".to_owned()),
            ..IscsiChange::default()
        };
        targets.create(NAME, &first).unwrap();
        let target = IscsiTarget {
            name: NAME.to_owned(),
            alias: Some("first".to_owned()),
            state: ObjectState::Online,
            sessions: 0,
            tpgs: vec![1],
            relative_id: Some(1),
            redirect: None,
            settings: IscsiSettings {
                auth: AuthMethod::Default,
                chap_user: None,
                chap_secret_set: false,
                limits: Vec::new(),
            },
        };
        assert_eq!(targets.target(NAME).unwrap(), target);
        assert_eq!(targets.targets().unwrap(), [target]);
        let error = targets.create(NAME, &IscsiChange::default()).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error:?}");
        let error = targets.delete(NAME, false).unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error:?}");
        targets.delete(NAME, true).unwrap();
        let error = targets.target(NAME).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }

    #[test]
    fn a_target_sends_its_initiators_away_until_it_does_not() {
        let mut targets = targets();
        let to = |address: &str| Redirect {
            address: address.to_owned(),
            redirection: Redirection::Permanent,
        };
        let change = |redirect| IscsiChange {
            redirect: Some(redirect),
            ..IscsiChange::default()
        };
        targets.create(NAME, &IscsiChange::default()).unwrap();
        let address = "[2001:db8::1]:3260,1";
        targets.modify(NAME, &change(to(address))).unwrap();
        assert_eq!(targets.target(NAME).unwrap().redirect, Some(to(address)));
        targets.modify(NAME, &change(to(""))).unwrap();
        assert_eq!(targets.target(NAME).unwrap().redirect, None);
    }

    #[test]
    fn portals_come_and_go() {
        let mut targets = targets();
        let any = Portal {
            address: "[::]:3260".parse().unwrap(),
            tpgt: 1,
            interface: None,
        };
        let one = Portal {
            address: "10.0.0.1:3261".parse().unwrap(),
            tpgt: 2,
            interface: None,
        };
        assert_eq!(targets.portals().unwrap(), std::slice::from_ref(&any));
        targets.add_portal(&one).unwrap();
        assert_eq!(targets.portals().unwrap(), [one.clone(), any.clone()]);
        let error = targets.add_portal(&one).unwrap_err();
        assert_eq!(error.to_string(), "10.0.0.1:3261: already exists");
        targets.remove_portal(&any).unwrap();
        assert_eq!(targets.portals().unwrap(), [one]);
        let error = targets.remove_portal(&any).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }
}
