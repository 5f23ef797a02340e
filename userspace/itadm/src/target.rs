// SPDX-License-Identifier: GPL-2.0

//! Targets and their defaults.

use libstmf::cli::{Console, Exit, Failure};
use libstmf::{
    AuthMethod, Error, IscsiChange, IscsiSettings, IscsiTarget, IscsiTargets, Redirect,
    Redirection, Tpg, Transport,
};
use serde_json::{json, Value};

use crate::args::{
    name, CreateTarget, Delete, List, ListDefaults, ModifyTarget, Properties, TargetProperties,
};
use crate::secret;
use crate::table::Table;

/// Tag and name of the portal group that targets belong to unless they are told otherwise.
const DEFAULT_TPG: (u16, &str) = (1, "default");

/// A text of which `none` is the empty one.
pub(crate) fn text(text: Option<&String>) -> Option<String> {
    text.map(|text| match text.as_str() {
        "none" => String::new(),
        text => text.to_owned(),
    })
}

fn change(args: &Properties) -> Result<IscsiChange, Failure> {
    let auth = args.auth.map(|auth| auth.method()).map(|method| {
        let why = "RADIUS is not supported";
        method.ok_or_else(|| Failure::new(Exit::Failed, "auth-method", why))
    });
    Ok(IscsiChange {
        auth: auth.transpose()?,
        chap_user: text(args.chap_user.as_ref()),
        chap_secret: secret::get(&args.secret)?,
        limits: args.limits.clone(),
        ..IscsiChange::default()
    })
}

fn target_change<T: Transport>(
    args: &TargetProperties,
    targets: &mut IscsiTargets<T>,
) -> Result<IscsiChange, Failure> {
    let tpgs = match args.tpgs.as_slice() {
        [] => None,
        names => Some(tags(names, &targets.tpgs()?)?),
    };
    Ok(IscsiChange {
        alias: text(args.alias.as_ref()),
        tpgs,
        redirect: text(args.redirect.as_ref()).map(|address| Redirect {
            address,
            redirection: match args.permanent {
                true => Redirection::Permanent,
                false => Redirection::Temporary,
            },
        }),
        ..change(&args.common)?
    })
}

fn tags(names: &[String], known: &[Tpg]) -> Result<Vec<u16>, Failure> {
    let tag = |name: &String| {
        if name == DEFAULT_TPG.1 {
            return Ok(DEFAULT_TPG.0);
        }
        let tpg = known.iter().find(|tpg| tpg.name == *name);
        let unknown = || Failure::new(Exit::NotFound, name, "no such target portal group");
        Ok(tpg.ok_or_else(unknown)?.tag)
    };
    names.iter().map(tag).collect()
}

pub(crate) fn create<T: Transport>(
    args: &CreateTarget,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => libstmf::new_iscsi_name()?,
    };
    let properties = target_change(&args.properties, targets)?;
    targets.create(&name, &properties)?;
    console.done(format_args!("Target {name} successfully created\n"));
    Ok(())
}

pub(crate) fn modify<T: Transport>(
    args: &ModifyTarget,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let change = target_change(&args.properties, targets)?;
    console.each(&args.targets, |console, name| {
        targets.modify(name, &change)?;
        console.done(format_args!("Target {name} successfully modified\n"));
        Ok(())
    });
    Ok(())
}

pub(crate) fn delete<T: Transport>(
    args: &Delete,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.names, |_, text| {
        let name = &name(text).map_err(|why| Failure::new(Exit::Usage, text, why))?;
        match targets.delete(name, args.force) {
            Err(Error::Busy { .. }) if !args.force => Err(Failure::new(
                Exit::Busy,
                name,
                format_args!(
                    "The target is online or busy. Use the -f (force) option, or \
                     'stmfadm offline-target {name}'"
                ),
            )),
            done => Ok(done?),
        }
    });
}

pub(crate) fn list<T: Transport>(
    args: &List,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut list = Vec::new();
    if args.names.is_empty() {
        list = targets.targets()?;
    }
    console.each(&args.names, |_, text| {
        let name = name(text).map_err(|why| Failure::new(Exit::Usage, text, why))?;
        list.push(targets.target(&name)?);
        Ok(())
    });
    let (tpgs, defaults) = match args.verbose || args.json {
        true => (targets.tpgs()?, targets.defaults()?),
        false => (Vec::new(), unknown()),
    };
    if args.json {
        let all: Vec<_> = list.iter().map(|target| describe(target, &tpgs)).collect();
        console.print(format_args!("{:#}\n", Value::from(all)));
        return Ok(());
    }
    let columns = [("TARGET NAME", 60), ("STATE", 8), ("SESSIONS", 8)];
    let mut table = Table::new(&columns);
    for target in &list {
        table.push(
            vec![
                target.name.clone(),
                target.state.to_string(),
                target.sessions.to_string(),
            ],
            properties(target, &tpgs, &defaults),
        );
    }
    table.print(args, console);
    Ok(())
}

fn unknown() -> IscsiSettings {
    IscsiSettings {
        auth: AuthMethod::None,
        chap_user: None,
        chap_secret_set: false,
        limits: Vec::new(),
    }
}

fn auth_of(settings: &IscsiSettings) -> &'static str {
    match settings.auth {
        AuthMethod::Default => AuthMethod::None.name(),
        auth => auth.name(),
    }
}

pub(crate) fn set_or_unset(is_set: bool) -> String {
    if is_set { "set" } else { "unset" }.to_owned()
}

pub(crate) fn or_dash<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), T::to_string)
}

fn properties(
    target: &IscsiTarget,
    tpgs: &[Tpg],
    defaults: &IscsiSettings,
) -> Vec<(&'static str, String)> {
    let settings = &target.settings;
    let auth = match settings.auth {
        AuthMethod::Default => format!("{} (defaults)", auth_of(defaults)),
        auth => auth.to_string(),
    };
    let mut properties = vec![
        ("alias:", or_dash(target.alias.as_ref())),
        ("auth:", auth),
        ("targetchapuser:", or_dash(settings.chap_user.as_ref())),
        ("targetchapsecret:", set_or_unset(settings.chap_secret_set)),
        ("tpg-tags:", tpg_tags(target, tpgs)),
        ("relative-id:", or_dash(target.relative_id.as_ref())),
    ];
    if let Some(Redirect {
        address,
        redirection,
    }) = &target.redirect
    {
        properties.push(("redirect:", format!("{address} ({redirection})")));
    }
    for (limit, value) in &settings.limits {
        properties.push((limit.key, limit.show(*value)));
    }
    properties
}

/// `name = tag` of each group.
fn tpg_tags(target: &IscsiTarget, tpgs: &[Tpg]) -> String {
    let name = |tag: &u16| match tpgs.iter().find(|tpg| tpg.tag == *tag) {
        Some(tpg) => format!("{} = {tag}", tpg.name),
        None if *tag == DEFAULT_TPG.0 => DEFAULT_TPG.1.to_owned(),
        None => tag.to_string(),
    };
    let names: Vec<_> = target.tpgs.iter().map(name).collect();
    names.join(",")
}

fn limits(settings: &IscsiSettings) -> Value {
    let limits = settings.limits.iter();
    let limits = limits.map(|(limit, value)| (limit.key.to_owned(), limit.show(*value).into()));
    Value::Object(limits.collect())
}

fn describe(target: &IscsiTarget, tpgs: &[Tpg]) -> Value {
    let settings = &target.settings;
    json!({
        "name": target.name,
        "state": target.state.name(),
        "sessions": target.sessions,
        "alias": target.alias,
        "auth": settings.auth.name(),
        "targetchapuser": settings.chap_user,
        "targetchapsecret": set_or_unset(settings.chap_secret_set),
        "tpg_tags": target.tpgs,
        "tpgs": target.tpgs.iter().map(|tag| {
            let tpg = tpgs.iter().find(|tpg| tpg.tag == *tag);
            tpg.map_or(DEFAULT_TPG.1, |tpg| tpg.name.as_str())
        }).collect::<Vec<_>>(),
        "relative_id": target.relative_id,
        "redirect": target.redirect.as_ref().map(|redirect| json!({
            "address": redirect.address,
            "redirection": redirect.redirection.name(),
        })),
        "limits": limits(settings),
    })
}

pub(crate) fn modify_defaults<T: Transport>(
    args: &Properties,
    targets: &mut IscsiTargets<T>,
) -> Result<(), Failure> {
    let change = change(args)?;
    Ok(targets.modify_defaults(&change)?)
}

pub(crate) fn list_defaults<T: Transport>(
    args: &ListDefaults,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let defaults = targets.defaults()?;
    if args.json {
        let value = json!({
            "auth": auth_of(&defaults),
            "targetchapuser": defaults.chap_user,
            "targetchapsecret": set_or_unset(defaults.chap_secret_set),
            "limits": limits(&defaults),
        });
        console.print(format_args!("{value:#}\n"));
        return Ok(());
    }
    let mut properties = vec![
        ("alias:", "-".to_owned()),
        ("auth:", auth_of(&defaults).to_owned()),
        ("targetchapuser:", or_dash(defaults.chap_user.as_ref())),
        ("targetchapsecret:", set_or_unset(defaults.chap_secret_set)),
        ("radiusserver:", "-".to_owned()),
        ("radiussecret:", "unset".to_owned()),
        ("isns:", "disabled".to_owned()),
        ("isnsserver:", "-".to_owned()),
    ];
    for (limit, value) in &defaults.limits {
        properties.push((limit.key, limit.show(*value)));
    }
    if !args.parsable {
        console.print("iSCSI Target Default Properties:\n\n");
    }
    for (name, value) in properties {
        match args.parsable {
            true => console.print(format_args!("{name}\t{value}\n")),
            false => console.print(format_args!("{name:<26}{value}\n")),
        }
    }
    Ok(())
}
