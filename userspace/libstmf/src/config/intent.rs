// SPDX-License-Identifier: GPL-2.0

//! A change that is about to be made, noted for who has to find out what became of it.
//!
//! The note has the request, so that it can be made again where the kernel doesn't show what became of
//! it. Like the files of the store it is for its owner alone.

use super::class::{Class, Effect};
use super::item::{hex, unhex, Item};
use crate::attributes::{DecodeError, Fields};
use crate::transport::{Mode, Request};

/// A change that the kernel is going to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) effect: Effect,
    /// Name of the class.
    class: &'static str,
    /// Attributes of the request; those of the entry when a view entry is removed, which requests
    /// call by a number.
    attributes: Vec<u8>,
}

impl Intent {
    /// How many lines a note has.
    pub(crate) const LINES: usize = 3;

    pub(crate) fn new(class: &'static Class, effect: Effect, attributes: Vec<u8>) -> Self {
        Self {
            effect,
            class: class.name,
            attributes,
        }
    }

    /// The item, as far as the request says.
    pub(crate) fn item(&self) -> Result<Item, DecodeError> {
        let class = Class::by_name(self.class).ok_or(DecodeError::Missing("class"))?;
        Item::from_fields(class, &Fields::new(&self.attributes)?)
    }

    /// The request for the item, if the kernel doesn't show whether it was made. It never tells secrets;
    /// and what it has of its own accord it has again after a reboot.
    pub(crate) fn repetition(&self, asked: &Item) -> Option<Request<'_>> {
        let class = asked.class;
        let command = match self.effect {
            Effect::Modify if asked.has_secrets() => class.modify()?,
            Effect::Remove if class.is_complete => class.remove(),
            _ => return None,
        };
        Some(Request {
            family: command.family,
            version: command.version,
            command: command.number,
            mode: Mode::Do,
            attributes: &self.attributes,
        })
    }
}

/// A line for the class, one for what becomes of the item, one for the attributes.
impl std::fmt::Display for Intent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let effect = name(self.effect);
        let attributes = hex(&self.attributes);
        write!(f, "{}\n{effect}\n{attributes}\n", self.class)
    }
}

/// Nothing that was cut short is an intent.
impl std::str::FromStr for Intent {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let lines: Vec<_> = text.split('\n').collect();
        let [class, effect, attributes, ""] = lines.as_slice() else {
            return Err(());
        };
        let mut effects = [Effect::Create, Effect::Modify, Effect::Remove].into_iter();
        Ok(Self {
            effect: effects.find(|known| name(*known) == *effect).ok_or(())?,
            class: Class::by_name(class).ok_or(())?.name,
            attributes: unhex(attributes).ok_or(())?,
        })
    }
}

fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Create => "create",
        Effect::Modify => "modify",
        Effect::Remove => "remove",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Builder;
    use stmf_uapi::stmf;

    #[test]
    fn what_is_noted_is_read_and_nothing_less() {
        let class = Class::by_name("host-group").unwrap();
        // Not even a name with lines in it makes others.
        let attributes = Builder::new().text(stmf::Group::Name, "a\nremove\n00\n");
        let intent = Intent::new(class, Effect::Create, attributes.finish().unwrap());
        let text = intent.to_string();
        assert_eq!(text.parse(), Ok(intent.clone()));
        assert_eq!(intent.item().unwrap().owner(), "a\nremove\n00\n");
        for length in 0..text.len() {
            assert_eq!(text[..length].parse::<Intent>(), Err(()), "{length}");
        }
        assert_eq!(format!("{text}00\n").parse::<Intent>(), Err(()));
        // Notes of former versions had only the directory and the owner.
        assert_eq!("host-group\nremove\n".parse::<Intent>(), Err(()));
    }
}
