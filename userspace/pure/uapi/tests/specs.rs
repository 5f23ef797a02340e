// SPDX-License-Identifier: GPL-2.0

//! Holds `rust/uapi` against the specifications in `Documentation/netlink/specs`: every name,
//! number, type, limit, permission and request must be the same in both.

use saphyr::{LoadableYamlNode, Yaml};
use std::collections::BTreeMap;
use std::path::Path;
use stmf_uapi::{iscsi, loopback, sbd, stmf, Attribute, Kind, Operation};

/// What one module of `rust/uapi` says about its family.
struct Family {
    file: &'static str,
    name: &'static str,
    version: u8,
    constants: Vec<(&'static str, u64)>,
    /// Name and, in order of their numbers, the numbers and names of the entries.
    enums: Vec<(&'static str, Vec<(u32, &'static str)>)>,
    sets: Vec<(&'static str, &'static [Attribute])>,
    operations: &'static [Operation],
}

macro_rules! entries {
    ($type:ty) => {
        <$type>::ALL
            .iter()
            .map(|entry| (entry.number(), entry.name()))
            .collect::<Vec<(u32, &'static str)>>()
    };
}

fn families() -> Vec<Family> {
    vec![
        Family {
            file: "stmf.yaml",
            name: stmf::FAMILY,
            version: stmf::VERSION,
            constants: vec![
                ("guid-len", stmf::GUID_LEN as u64),
                ("alias-max", stmf::ALIAS_MAX as u64),
                ("group-name-max", stmf::GROUP_NAME_MAX as u64),
                ("port-name-max", stmf::PORT_NAME_MAX as u64),
                ("provider-name-max", stmf::PROVIDER_NAME_MAX as u64),
                ("isid-max", stmf::ISID_MAX as u64),
                ("lun-max", u64::from(stmf::LUN_MAX)),
                ("histogram-len", stmf::HISTOGRAM_LEN as u64),
            ],
            enums: vec![
                ("object-state", entries!(stmf::ObjectState)),
                ("config-state", entries!(stmf::ConfigState)),
                ("alua-state", entries!(stmf::AluaState)),
                ("access-state", entries!(stmf::AccessState)),
                ("protocol", entries!(stmf::Protocol)),
                ("group-kind", entries!(stmf::GroupKind)),
                ("event-kind", entries!(stmf::EventKind)),
                ("statistics-scope", entries!(stmf::StatisticsScope)),
                ("task-stage", entries!(stmf::TaskStage)),
            ],
            sets: vec![
                ("service", stmf::Service::TABLE),
                ("lu", stmf::Lu::TABLE),
                ("view", stmf::View::TABLE),
                ("group", stmf::Group::TABLE),
                ("group-member", stmf::GroupMember::TABLE),
                ("access", stmf::Access::TABLE),
                ("target", stmf::Target::TABLE),
                ("session", stmf::Session::TABLE),
                ("task", stmf::Task::TABLE),
                ("statistics", stmf::Statistics::TABLE),
                ("event", stmf::Event::TABLE),
            ],
            operations: stmf::Command::OPERATIONS,
        },
        Family {
            file: "stmf_sbd.yaml",
            name: sbd::FAMILY,
            version: sbd::VERSION,
            constants: vec![
                ("guid-len", sbd::GUID_LEN as u64),
                ("alias-max", sbd::ALIAS_MAX as u64),
                ("file-max", sbd::FILE_MAX as u64),
                ("vendor-id-max", sbd::VENDOR_ID_MAX as u64),
                ("product-id-max", sbd::PRODUCT_ID_MAX as u64),
                ("serial-max", sbd::SERIAL_MAX as u64),
                ("revision-max", sbd::REVISION_MAX as u64),
                ("mgmt-url-max", sbd::MGMT_URL_MAX as u64),
                ("threshold-max", sbd::THRESHOLD_MAX.into()),
            ],
            enums: vec![("backend", entries!(sbd::Backend))],
            sets: vec![("lu", sbd::Lu::TABLE)],
            operations: sbd::Command::OPERATIONS,
        },
        Family {
            file: "stmf_iscsi.yaml",
            name: iscsi::FAMILY,
            version: iscsi::VERSION,
            constants: vec![
                ("name-max", iscsi::NAME_MAX as u64),
                ("alias-max", iscsi::ALIAS_MAX as u64),
                ("address-len", iscsi::ADDRESS_LEN as u64),
                ("default-port", u64::from(iscsi::DEFAULT_PORT)),
                ("default-tpgt", u64::from(iscsi::DEFAULT_TPGT)),
                ("chap-max", iscsi::CHAP_MAX as u64),
                ("chap-secret-min", iscsi::CHAP_SECRET_MIN as u64),
                ("tpg-name-max", iscsi::TPG_NAME_MAX as u64),
                ("tpgs-max", iscsi::TPGS_MAX as u64),
                ("portals-max", iscsi::PORTALS_MAX as u64),
                ("redirect-max", iscsi::REDIRECT_MAX as u64),
                ("interface-max", iscsi::INTERFACE_MAX as u64),
                ("isid-len", iscsi::ISID_LEN as u64),
                ("length-min", u64::from(iscsi::LENGTH_MIN)),
                ("length-max", u64::from(iscsi::LENGTH_MAX)),
            ],
            enums: vec![
                ("object-state", entries!(iscsi::ObjectState)),
                ("auth-method", entries!(iscsi::AuthMethod)),
                ("digest-policy", entries!(iscsi::DigestPolicy)),
                ("redirection", entries!(iscsi::Redirection)),
            ],
            sets: vec![
                ("target", iscsi::Target::TABLE),
                ("portal", iscsi::Portal::TABLE),
                ("tpg", iscsi::Tpg::TABLE),
                ("initiator", iscsi::Initiator::TABLE),
                ("session", iscsi::Session::TABLE),
            ],
            operations: iscsi::Command::OPERATIONS,
        },
        Family {
            file: "stmf_loopback.yaml",
            name: loopback::FAMILY,
            version: loopback::VERSION,
            constants: vec![("name-max", loopback::NAME_MAX as u64)],
            enums: vec![],
            sets: vec![("target", loopback::Target::TABLE)],
            operations: loopback::Command::OPERATIONS,
        },
    ]
}

fn load(file: &str) -> Yaml<'static> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../Documentation/netlink/specs")
        .join(file);
    let text: &'static str = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .leak();
    let mut documents = Yaml::load_from_str(text).expect("the specification is YAML");
    assert_eq!(documents.len(), 1, "{file}: documents");
    documents.remove(0)
}

fn text<'a>(node: &'a Yaml<'_>, key: &str) -> &'a str {
    node.as_mapping_get(key)
        .and_then(Yaml::as_str)
        .unwrap_or_else(|| panic!("no text `{key}` in {node:?}"))
}

fn list<'a>(node: &'a Yaml<'static>, key: &str) -> &'a [Yaml<'static>] {
    node.as_mapping_get(key)
        .and_then(Yaml::as_sequence)
        .unwrap_or_else(|| panic!("no list `{key}` in {node:?}"))
}

/// The definitions of one type, by name and in order.
fn definitions<'a>(spec: &'a Yaml<'static>, kind: &str) -> Vec<(&'a str, &'a Yaml<'static>)> {
    list(spec, "definitions")
        .iter()
        .filter(|definition| text(definition, "type") == kind)
        .map(|definition| (text(definition, "name"), definition))
        .collect()
}

fn constants<'a>(spec: &'a Yaml<'static>) -> Vec<(&'a str, u64)> {
    definitions(spec, "const")
        .into_iter()
        .map(|(name, definition)| {
            let value = definition
                .as_mapping_get("value")
                .and_then(Yaml::as_integer)
                .and_then(|value| u64::try_from(value).ok())
                .unwrap_or_else(|| panic!("constant {name} has no value"));
            (name, value)
        })
        .collect()
}

fn enums<'a>(spec: &'a Yaml<'static>) -> Vec<(&'a str, Vec<(u32, &'a str)>)> {
    definitions(spec, "enum")
        .into_iter()
        .map(|(name, definition)| {
            let start = definition
                .as_mapping_get("value-start")
                .and_then(Yaml::as_integer)
                .unwrap_or(0);
            assert_eq!(start, 0, "enum {name} starts at 0");
            let entries = list(definition, "entries")
                .iter()
                .zip(0..)
                .map(|(entry, number)| (number, text(entry, "name")))
                .collect();
            (name, entries)
        })
        .collect()
}

/// The value of a limit, which is a number or the name of a constant.
fn limit(checks: Option<&Yaml<'_>>, key: &str, constants: &BTreeMap<&str, u64>) -> Option<u64> {
    let value = checks?.as_mapping_get(key)?;
    match value.as_integer() {
        Some(number) => Some(u64::try_from(number).expect("limits are not negative")),
        None => Some(constants[value.as_str().expect("a limit is a number or a name")]),
    }
}

fn kind(attribute: &Yaml<'static>, spec: &Yaml<'static>) -> Kind {
    let constants: BTreeMap<_, _> = constants(spec).into_iter().collect();
    let checks = attribute.as_mapping_get("checks");
    let name = text(attribute, "name");
    let last_entry = attribute
        .as_mapping_get("enum")
        .and_then(Yaml::as_str)
        .map(|wanted| {
            let (_, entries) = enums(spec)
                .into_iter()
                .find(|(name, _)| *name == wanted)
                .unwrap_or_else(|| panic!("{name}: no enum {wanted}"));
            u64::from(entries.last().expect("an enum has entries").0)
        });
    let min = limit(checks, "min", &constants).unwrap_or(0);
    let max = limit(checks, "max", &constants).or(last_entry);
    match text(attribute, "type") {
        "flag" => Kind::Flag,
        "u8" => Kind::U8 {
            min: min.try_into().unwrap(),
            max: max.map_or(u8::MAX, |max| max.try_into().unwrap()),
        },
        "u16" => Kind::U16 {
            min: min.try_into().unwrap(),
            max: max.map_or(u16::MAX, |max| max.try_into().unwrap()),
        },
        "u32" => Kind::U32 {
            min: min.try_into().unwrap(),
            max: max.map_or(u32::MAX, |max| max.try_into().unwrap()),
        },
        "uint" => Kind::Uint,
        "string" => Kind::String {
            max: limit(checks, "max-len", &constants)
                .unwrap_or_else(|| panic!("{name}: text without a limit"))
                .try_into()
                .unwrap(),
        },
        "binary" => Kind::Binary {
            len: limit(checks, "exact-len", &constants)
                .unwrap_or_else(|| panic!("{name}: bytes without a length"))
                .try_into()
                .unwrap(),
        },
        other => panic!("{name}: type {other}"),
    }
}

/// The attribute numbers of one kind of request; `None` when the operation does not take it.
fn request(operation: &Yaml<'static>, mode: &str, set: &[Attribute]) -> Option<Vec<u16>> {
    let mode = operation.as_mapping_get(mode)?;
    let Some(request) = mode.as_mapping_get("request") else {
        return Some(Vec::new());
    };
    Some(
        list(request, "attributes")
            .iter()
            .map(|name| {
                let name = name.as_str().expect("an attribute's name");
                set.iter()
                    .find(|attribute| attribute.name == name)
                    .unwrap_or_else(|| panic!("no attribute {name}"))
                    .number
            })
            .collect(),
    )
}

#[test]
fn families_and_constants_agree() {
    for family in families() {
        let spec = load(family.file);
        assert_eq!(text(&spec, "name"), family.name);
        assert_eq!(text(&spec, "protocol"), "genetlink");
        assert_eq!(family.version, 1, "the protocol level fixes the version");
        assert_eq!(constants(&spec), family.constants, "{}", family.file);
        assert_eq!(enums(&spec), family.enums, "{}", family.file);
    }
}

#[test]
fn names_agree_in_both_forms() {
    for (name, c_name) in [
        (stmf::FAMILY, stmf::FAMILY_C),
        (sbd::FAMILY, sbd::FAMILY_C),
        (iscsi::FAMILY, iscsi::FAMILY_C),
        (loopback::FAMILY, loopback::FAMILY_C),
    ] {
        assert_eq!(Ok(name), c_name.to_str());
        assert!(name.len() < 16, "{name} fits GENL_NAMSIZ");
    }
    assert_eq!(Ok(stmf::EVENTS), stmf::EVENTS_C.to_str());
}

#[test]
fn multicast_groups_agree() {
    for family in families() {
        let spec = load(family.file);
        let groups = spec
            .as_mapping_get("mcast-groups")
            .map_or(&[][..], |groups| list(groups, "list"));
        let names: Vec<_> = groups.iter().map(|group| text(group, "name")).collect();
        let ours: &[&str] = match family.name {
            stmf::FAMILY => &[stmf::EVENTS],
            _ => &[],
        };
        assert_eq!(names, ours, "{}", family.file);
    }
}

#[test]
fn attributes_agree() {
    for family in families() {
        let spec = load(family.file);
        let sets = list(&spec, "attribute-sets");
        let names: Vec<_> = sets.iter().map(|set| text(set, "name")).collect();
        let ours: Vec<_> = family.sets.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ours, "{}", family.file);
        for (set, (set_name, table)) in sets.iter().zip(&family.sets) {
            let attributes: Vec<_> = list(set, "attributes")
                .iter()
                .zip(1..)
                .map(|(attribute, number)| {
                    assert!(
                        attribute.as_mapping_get("value").is_none(),
                        "numbers follow from the order"
                    );
                    let name = text(attribute, "name");
                    (number, name, kind(attribute, &spec))
                })
                .collect();
            let ours: Vec<_> = table
                .iter()
                .map(|attribute| (attribute.number, attribute.name, attribute.kind))
                .collect();
            assert_eq!(attributes, ours, "{}: {set_name}", family.file);
        }
    }
}

#[test]
fn operations_agree() {
    for family in families() {
        let spec = load(family.file);
        let operations = list(
            spec.as_mapping_get("operations").expect("operations"),
            "list",
        );
        assert_eq!(operations.len(), family.operations.len());
        for ((operation, ours), number) in operations.iter().zip(family.operations).zip(1..) {
            let name = text(operation, "name");
            assert_eq!((ours.number, ours.name), (number, name));
            let (_, set) = family
                .sets
                .iter()
                .find(|(set, _)| *set == text(operation, "attribute-set"))
                .expect("the set exists");
            assert_eq!(ours.attributes, *set, "{name}");
            let flags: Vec<_> = operation
                .as_mapping_get("flags")
                .and_then(Yaml::as_sequence)
                .into_iter()
                .flatten()
                .filter_map(Yaml::as_str)
                .collect();
            let admin = match flags[..] {
                [] => false,
                ["admin-perm"] => true,
                _ => panic!("{name}: flags {flags:?}"),
            };
            assert_eq!(ours.admin, admin, "{name}");
            let single = request(operation, "do", set);
            assert_eq!(ours.request, single.as_deref(), "{name}");
            let dump = request(operation, "dump", set);
            assert_eq!(ours.dump, dump.as_deref(), "{name}");
            let is_event = operation.as_mapping_get("event").is_some();
            let is_request = ours.request.is_some() || ours.dump.is_some();
            assert_ne!(is_request, is_event, "{name}");
        }
    }
}

#[test]
fn numbers_come_back() {
    for &command in stmf::Command::ALL {
        assert_eq!(stmf::Command::try_from(command.number()), Ok(command));
    }
    for &attribute in sbd::Lu::ALL {
        assert_eq!(sbd::Lu::try_from(attribute.number()), Ok(attribute));
        let entry = sbd::Lu::TABLE[usize::from(attribute.number()) - 1];
        assert_eq!(entry.name, attribute.name());
        assert_eq!(entry.kind, attribute.kind());
    }
    assert_eq!(stmf::Command::try_from(0), Err(stmf_uapi::Unknown(0)));
    assert_eq!(
        iscsi::Portal::try_from(999),
        Err(stmf_uapi::Unknown(999)),
        "a number from a later version"
    );
}
