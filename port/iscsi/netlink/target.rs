// SPDX-License-Identifier: GPL-2.0

//! Requests about targets and their defaults.

use super::{list, name, provider, set_credentials, write_credentials};
use crate::{
    settings::{Groups, Redirect, Settings, Text},
    target::{Config, NewTarget, Target}, //
};
use core::fmt::Write;
use kernel::prelude::*;
use stmf_kernel::{
    genl::{Dump, Refusal, Request, Writer},
    net::Namespace, //
};
use stmf_uapi::iscsi::{self as uapi, AuthMethod, ObjectState, Redirection, Target as T};

/// `target-create`.
pub(super) fn create(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request, T::Name as u16)?;
    let mut config = Config::new()?;
    change(request, &mut config)?;
    let new = NewTarget {
        name,
        config,
        relative_id: request.u16(T::RelativeId as u16),
        offline: request.bytes(T::Offline as u16).is_some(),
    };
    provider()?.create_target(new, &Namespace::of(request))
}

/// `target-modify`.
pub(super) fn modify(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request, T::Name as u16)?;
    let namespace = Namespace::of(request);
    provider()?.modify_target(&name, &namespace, |config| change(request, config))
}

/// `target-delete`.
pub(super) fn delete(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let force = request.bytes(T::Force as u16).is_some();
    provider()?.delete_target(&name(request, T::Name as u16)?, force)
}

/// `target-get` of one.
pub(super) fn get(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let target = provider()?.known_target(&name(request, T::Name as u16)?)?;
    Ok(write(writer, &target)?)
}

/// `target-get` of all.
pub(super) fn dump(_: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let targets = provider.targets.lock();
    let all = targets.by_name.values();
    list(dump, targets.generation, all, |writer, target| {
        write(writer, target)
    })
}

/// `defaults-modify`.
pub(super) fn modify_defaults(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    provider()?.modify_defaults(|defaults| {
        change_settings(request, defaults)?;
        if request.u32(T::Auth as u16) == Some(AuthMethod::Default.number()) {
            defaults.auth = AuthMethod::None;
        }
        Ok(())
    })
}

/// `defaults-get`.
pub(super) fn get_defaults(_: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    Ok(write_settings(writer, &provider()?.defaults())?)
}

/// Changes what a request says about a target.
fn change(request: &Request<'_>, config: &mut Config) -> Result<(), Refusal> {
    if let Some(alias) = request.text(T::Alias as u16) {
        config.set_alias(alias)?;
    }
    match request.text(T::Tpgs as u16) {
        None => {}
        Some("") => config.groups = Groups::DEFAULT,
        Some(tags) => {
            let bad = || {
                let why = format_args!("not a list of up to 16 different tags");
                Refusal::new(EINVAL, why).at(T::Tpgs as u16)
            };
            config.groups = Groups::parse(tags).ok_or_else(bad)?;
        }
    }
    change_redirect(request, &mut config.redirect)?;
    change_settings(request, &mut config.settings)
}

/// Changes where a target's initiators are sent. An address without a [`Redirection`] is for now.
fn change_redirect(request: &Request<'_>, redirect: &mut Option<Redirect>) -> Result<(), Refusal> {
    let redirection = request.u32(T::Redirection as u16);
    let redirection = redirection.and_then(|number| Redirection::try_from(number).ok());
    match (request.text(T::Redirect as u16), redirection) {
        (None, None) => {}
        (None, Some(_)) => {
            let why = format_args!("says for how long initiators are sent away, but not where");
            return Err(Refusal::new(EINVAL, why).at(T::Redirection as u16));
        }
        (Some(""), _) => *redirect = None,
        (Some(address), redirection) => {
            let redirection = redirection.unwrap_or(Redirection::Temporary);
            let bad = || {
                let why = format_args!("not ADDRESS[:PORT][,TAG], with IPv6 addresses in brackets");
                Refusal::new(EINVAL, why).at(T::Redirect as u16)
            };
            *redirect = Some(Redirect::new(address, redirection)?.ok_or_else(bad)?);
        }
    }
    Ok(())
}

/// Changes what a request says about settings.
fn change_settings(request: &Request<'_>, settings: &mut Settings) -> Result<(), Refusal> {
    if let Some(Ok(auth)) = request.u32(T::Auth as u16).map(AuthMethod::try_from) {
        settings.auth = auth;
    }
    let credentials = &mut settings.credentials;
    set_credentials(
        request,
        credentials,
        T::ChapUser as u16,
        T::ChapSecret as u16,
    )?;
    let unset = request.u32(T::Unset as u16).unwrap_or(0);
    for (place, attribute) in (uapi::FIRST_LIMIT..).take(uapi::LIMITS).enumerate() {
        let bit = u32::try_from(place)
            .ok()
            .and_then(|place| 1_u32.checked_shl(place));
        if bit.is_some_and(|bit| unset & bit != 0) {
            settings.set_limit(place, None);
        }
        if let Some(value) = request.u32(attribute) {
            check(attribute, value)?;
            settings.set_limit(place, Some(value));
        }
    }
    Ok(())
}

/// Checks bounds that are too wide for the kernel's own policies.
fn check(attribute: u16, value: u32) -> Result<(), Refusal> {
    let kind = T::try_from(attribute).map(T::kind);
    match kind {
        Ok(stmf_uapi::Kind::U32 { min, max }) if !(min..=max).contains(&value) => {
            Err(Refusal::new(ERANGE, format_args!("has to be from {min} to {max}")).at(attribute))
        }
        _ => Ok(()),
    }
}

fn write(writer: &mut Writer<'_>, target: &Target) -> Result {
    let config = target.config();
    let state = if target.is_online() {
        ObjectState::Online
    } else {
        ObjectState::Offline
    };
    writer.text(T::Name as u16, target.name.as_str())?;
    // One that is being deleted has none any more.
    if let Ok(relative_id) = target.relative_id() {
        writer.u16(T::RelativeId as u16, relative_id)?;
    }
    if !config.alias().is_empty() {
        writer.text(T::Alias as u16, config.alias())?;
    }
    writer.u32(T::State as u16, state.number())?;
    writer.u32(T::Sessions as u16, target.sessions())?;
    let mut tags = Text::<{ uapi::TPGS_MAX }>::new();
    write!(tags, "{}", config.groups)?;
    writer.text(T::Tpgs as u16, tags.as_str())?;
    if let Some(redirect) = &config.redirect {
        writer.text(T::Redirect as u16, redirect.address())?;
        writer.u32(T::Redirection as u16, redirect.redirection.number())?;
    }
    write_settings(writer, &config.settings)
}

fn write_settings(writer: &mut Writer<'_>, settings: &Settings) -> Result {
    writer.u32(T::Auth as u16, settings.auth.number())?;
    let credentials = &settings.credentials;
    write_credentials(
        writer,
        credentials,
        T::ChapUser as u16,
        T::ChapSecretSet as u16,
    )?;
    for (attribute, value) in settings.limits() {
        writer.u32(attribute, value)?;
    }
    Ok(())
}
