// SPDX-License-Identifier: GPL-2.0

//! Changes nothing, and says what would change.

use stmf_uapi::stmf;

use super::class::{Class, Effect};
use super::item::Item;
use super::kernel::{self, refuse, refused};
use crate::attributes::{Builder, Fields};
use crate::transport::{Fault, Mode, Request, Transport};

/// A connection to the kernel on which requests for changes are not sent.
///
/// Each is checked instead, by the kernel where it has a way to (view entries), else against what
/// the kernel lists: whether what is to be made is not there yet, and what is to be changed or
/// removed is. A request that passes fails with [`Fault::Withheld`].
#[derive(Debug)]
pub struct Dry<T> {
    inner: T,
    sentences: Vec<String>,
}

impl<T: Transport> Dry<T> {
    /// Withholds the changes from a connection.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            sentences: Vec::new(),
        }
    }

    /// What would have been done, one sentence for each request.
    pub fn sentences(&self) -> &[String] {
        &self.sentences
    }

    fn withhold(
        &mut self,
        request: &Request<'_>,
        fields: &Fields<'_>,
        class: &'static Class,
        effect: Effect,
    ) -> Result<Fault, Fault> {
        let mut item = Item::from_fields(class, fields)?;
        match (class.name, effect) {
            ("view", Effect::Create) => self.validate_view(request, &mut item)?,
            ("view", _) => item = kernel::removed_view(class, fields, &mut self.inner)?,
            ("offline-lu" | "offline-target", _) => {
                let get = class.list();
                let key = item.encode_key();
                get.send(&mut self.inner, Mode::Do, key, class.noun)
                    .map_err(refused)?;
            }
            _ => self.check_presence(&item, effect)?,
        }
        let verb = match effect {
            Effect::Create => "create",
            Effect::Modify => "change",
            Effect::Remove => "remove",
        };
        let details = match effect {
            Effect::Remove => String::new(),
            _ => item.describe(),
        };
        self.sentences.push(format!("would {verb} {item}{details}"));
        Ok(Fault::Withheld)
    }

    fn check_presence(&mut self, item: &Item, effect: Effect) -> Result<(), Fault> {
        if let (Effect::Create, Some(file)) = (effect, item.file()) {
            if let Err(error) = std::fs::metadata(&file) {
                return Err(refuse(error.raw_os_error().unwrap_or(libc::EIO)));
            }
        }
        let is_there = kernel::has(item, &mut self.inner).map_err(refused)?;
        match effect {
            Effect::Create if is_there => Err(refuse(libc::EEXIST)),
            Effect::Modify | Effect::Remove if !is_there => Err(refuse(libc::ENOENT)),
            _ => Ok(()),
        }
    }

    fn validate_view(&mut self, request: &Request<'_>, item: &mut Item) -> Result<(), Fault> {
        let flag = Builder::new()
            .flag(stmf::View::Validate)
            .finish()
            .unwrap_or_default();
        let attributes = [request.attributes, &flag].concat();
        let replies = self.inner.call(&Request {
            attributes: &attributes,
            ..*request
        })?;
        if let Some(reply) = replies.first() {
            item.complete(&Item::from_fields(item.class, &Fields::new(reply)?)?);
        }
        Ok(())
    }
}

impl<T: Transport> Transport for Dry<T> {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let fields = Fields::new(request.attributes)?;
        match Class::of_request(request, &fields) {
            Some((class, effect)) => Err(self
                .withhold(request, &fields, class, effect)
                .unwrap_or_else(|refusal| refusal)),
            None => self.inner.call(request),
        }
    }
}
