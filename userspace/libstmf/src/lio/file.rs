// SPDX-License-Identifier: GPL-2.0

//! LIO's `saveconfig.json`, as rtslib writes it, as far as it is looked at.

use serde::Deserialize;
use serde_json::{Map, Value};

/// All of it.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) fabric_modules: Vec<Map<String, Value>>,
    pub(super) storage_objects: Vec<StorageObject>,
    pub(super) targets: Vec<Target>,
}

/// A backstore.
#[derive(Debug, Deserialize)]
pub(super) struct StorageObject {
    pub(super) plugin: String,
    pub(super) name: String,
    /// Path of the file or device; backstores of some kinds have none.
    pub(super) dev: Option<String>,
    /// The unit serial number.
    pub(super) wwn: Option<String>,
    pub(super) size: Option<u64>,
    #[serde(default)]
    pub(super) readonly: bool,
    #[serde(default)]
    pub(super) write_back: bool,
    #[serde(default)]
    pub(super) attributes: Numbers,
    #[serde(default)]
    pub(super) alua_tpgs: Vec<AluaGroup>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AluaGroup {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) fabric: String,
    pub(super) wwn: String,
    #[serde(default)]
    pub(super) tpgs: Vec<Tpg>,
}

/// A target portal group, which with LIO has logical units and access lists of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Tpg {
    #[serde(default = "first_tag")]
    pub(super) tag: u16,
    #[serde(default)]
    pub(super) enable: bool,
    #[serde(default)]
    pub(super) attributes: Numbers,
    #[serde(default)]
    pub(super) parameters: Map<String, Value>,
    #[serde(default)]
    pub(super) portals: Vec<Portal>,
    #[serde(default)]
    pub(super) luns: Vec<Lun>,
    #[serde(default)]
    pub(super) node_acls: Vec<Acl>,
}

fn first_tag() -> u16 {
    1
}

#[derive(Debug, Deserialize)]
pub(super) struct Portal {
    pub(super) ip_address: String,
    pub(super) port: u16,
    #[serde(default)]
    pub(super) iser: bool,
    #[serde(default)]
    pub(super) offload: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Lun {
    pub(super) index: u64,
    /// `/backstores/PLUGIN/NAME`.
    pub(super) storage_object: String,
}

/// What one initiator may.
#[derive(Debug, Deserialize)]
pub(super) struct Acl {
    pub(super) node_wwn: String,
    #[serde(default)]
    pub(super) attributes: Numbers,
    #[serde(default)]
    pub(super) mapped_luns: Vec<MappedLun>,
    #[serde(flatten)]
    pub(super) chap: Chap,
}

#[derive(Debug, Deserialize)]
pub(super) struct MappedLun {
    pub(super) index: u64,
    pub(super) tpg_lun: u64,
    #[serde(default)]
    pub(super) write_protect: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Chap {
    #[serde(default)]
    pub(super) chap_userid: String,
    #[serde(default)]
    pub(super) chap_password: String,
    #[serde(default)]
    pub(super) chap_mutual_userid: String,
    #[serde(default)]
    pub(super) chap_mutual_password: String,
}

/// Attributes of configfs: numbers, some of them as text.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Numbers(Map<String, Value>);

impl Numbers {
    pub(super) fn get(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        }
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|number| number > 0)
    }
}
