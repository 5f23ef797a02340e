// SPDX-License-Identifier: GPL-2.0

use serde_json::{json, Value};

use super::LioImport;
use crate::config::{Configuration, Extent};
use crate::sim::Sim;
use crate::{IscsiChange, IscsiTargets};

const HOST: &str = "iqn.1994-05.com.redhat:client";
const TARGET: &str = "iqn.2003-01.org.linux-iscsi.host:sn.1";

/// What rtslib 2.1 wrote, without what is not looked at.
fn saved() -> Value {
    json!({
        "fabric_modules": [],
        "storage_objects": [
            {
                "plugin": "block", "name": "web", "dev": "/dev/vg0/web",
                "wwn": "add2be47-a5c2-488f-9d08-0be125570d5e",
                "readonly": false, "write_back": false,
                "attributes": { "block_size": 512, "emulate_model_alias": 1, "emulate_tpu": 1,
                    "is_nonrot": 1 },
                "alua_tpgs": [{ "name": "default_tg_pt_gp" }]
            },
            {
                "plugin": "fileio", "name": "db", "dev": "/srv/db", "size": 67_108_864,
                "wwn": "98f934eb-6244-4b1b-870b-e53245d816a7",
                "attributes": { "block_size": 512, "emulate_model_alias": 0, "emulate_tpu": 0 }
            }
        ],
        "targets": [{
            "fabric": "iscsi",
            "wwn": TARGET,
            "parameters": { "cmd_completion_affinity": "-1" },
            "tpgs": [{
                "tag": 1,
                "enable": true,
                "attributes": { "authentication": 1, "generate_node_acls": 0,
                    "demo_mode_write_protect": 1 },
                "parameters": { "HeaderDigest": "CRC32C,None", "MaxBurstLength": "524288",
                    "InitialR2T": "No", "TargetAlias": "LIO Target" },
                "portals": [
                    { "ip_address": "0.0.0.0", "iser": false, "offload": false, "port": 3260 }
                ],
                "luns": [
                    { "index": 0, "storage_object": "/backstores/block/web" },
                    { "index": 1, "storage_object": "/backstores/fileio/db" }
                ],
                "node_acls": [{
                    "attributes": { "authentication": -1 },
                    "chap_userid": "joe", "chap_password": "secretsecret12",
                    "node_wwn": HOST,
                    "mapped_luns": [
                        { "index": 4, "tpg_lun": 0, "write_protect": false },
                        { "index": 5, "tpg_lun": 1, "write_protect": true }
                    ]
                }]
            }]
        }]
    })
}

fn import_beside(saved: &Value, current: &Configuration) -> (Value, Vec<String>) {
    let import = LioImport::parse(&saved.to_string(), current).unwrap();
    let text = import.configuration.to_string();
    (serde_json::from_str(&text).unwrap(), import.left_out)
}

fn import(saved: &Value) -> (Value, Vec<String>) {
    import_beside(saved, &Configuration::default())
}

#[test]
fn initiators_see_the_same_disks() {
    let (made, left_out) = import(&saved());
    assert!(left_out.is_empty(), "{left_out:?}");
    let expected = json!({
        "format": "stmf-configuration",
        "version": 1,
        "host-group": [{ "name": HOST }],
        "host-group-member": [{ "group": HOST, "name": HOST }],
        "target-group": [{ "name": TARGET }],
        "target-group-member": [{ "group": TARGET, "name": TARGET }],
        "view": [
            { "guid": "6001405ADD2BE47A5C2488F9D080BE12", "lun": 4, "host-group": HOST,
                "target-group": TARGET },
            { "guid": "600140598F934EB62444B1B870BE5324", "lun": 5, "host-group": HOST,
                "target-group": TARGET }
        ],
        "disk": [
            { "guid": "6001405ADD2BE47A5C2488F9D080BE12", "file": "/dev/vg0/web",
                "block-size": 512, "alias": "web", "vendor-id": "LIO-ORG", "product-id": "web",
                "serial": "add2be47-a5c2-488f-9d08-0be125570d5e", "write-protect": false,
                "revision": "4.0", "rotation-rate": 1, "unmap": true },
            // All who see it see it write-protected.
            { "guid": "600140598F934EB62444B1B870BE5324", "file": "/srv/db", "size": 67_108_864,
                "block-size": 512, "alias": "db", "vendor-id": "LIO-ORG", "product-id": "FILEIO",
                "serial": "98f934eb-6244-4b1b-870b-e53245d816a7", "write-protect": true,
                "write-cache-disable": true, "revision": "4.0", "unmap": false }
        ],
        "iscsi-initiator": [
            { "name": HOST, "chap-user": "joe", "chap-secret": "secretsecret12" }
        ],
        "iscsi-target": [
            { "name": TARGET, "tpgs": "1", "auth": 2, "initial-r2t": 0,
                "max-burst-length": 524_288 }
        ],
    });
    assert_eq!(made, expected);
}

/// Imports into a framework; returns the steps that were taken, and what was left out.
fn import_into(sim: &mut Sim, saved: &Value) -> (Vec<String>, Vec<String>) {
    let current = Configuration::of_kernel(sim).unwrap();
    let import = LioImport::parse(&saved.to_string(), &current).unwrap();
    let steps = current.steps_to(&import.configuration, Extent::Add);
    for step in &steps {
        assert!(step.perform(sim).unwrap(), "{step}");
    }
    (
        steps.iter().map(ToString::to_string).collect(),
        import.left_out,
    )
}

#[test]
fn what_was_made_is_made_once() {
    // The portals that the default group has anyway, others, a tag of its own, and two targets
    // that can't both be in the default group.
    for (tag, portals, others) in [
        (1, vec![("0.0.0.0", 3260)], None),
        (1, vec![("192.0.2.1", 3260), ("192.0.2.2", 3260)], None),
        (7, vec![("192.0.2.1", 3260)], None),
        (
            1,
            vec![("192.0.2.1", 3260)],
            Some(vec![("192.0.2.2", 3260)]),
        ),
    ] {
        let mut saved = saved();
        saved["targets"][0]["tpgs"][0]["tag"] = tag.into();
        if let Some(others) = others {
            let mut second = saved["targets"][0].clone();
            second["wwn"] = "iqn.2003-01.org.linux-iscsi.host:sn.2".into();
            saved["targets"].as_array_mut().unwrap().push(second);
            with_portals(&mut saved, 1, &others);
        }
        with_portals(&mut saved, 0, &portals);
        let mut sim = Sim::new();
        let (_, left_out) = import_into(&mut sim, &saved);
        let again = import_into(&mut sim, &saved);
        assert_eq!(again, (Vec::new(), left_out), "{portals:?}");
    }
}

#[test]
fn a_group_of_an_earlier_import_is_not_taken_for_another() {
    let mut sim = Sim::new();
    for (target, address, tag) in [
        ("iqn.2003-01.org.linux-iscsi.host:sn.0", "192.0.2.9", "1"),
        ("iqn.2003-01.org.linux-iscsi.host:sn.1", "192.0.2.1", "100"),
        ("iqn.2003-01.org.linux-iscsi.host:sn.2", "192.0.2.2", "101"),
    ] {
        let mut saved = saved();
        saved["targets"][0]["wwn"] = target.into();
        with_portals(&mut saved, 0, &[(address, 3260)]);
        import_into(&mut sim, &saved);
        let mut targets = IscsiTargets::with_transport(&mut sim);
        let made = targets.targets().unwrap();
        let made = made.iter().find(|made| made.name == target).unwrap();
        assert_eq!(format!("{:?}", made.tpgs), format!("[{tag}]"));
    }
}

/// A change to what was saved, and what is said of it.
type Case = (fn(&mut Value), &'static [&'static str]);

#[test]
fn what_has_no_counterpart_is_told_and_access_never_widened() {
    let cases: &[Case] = &[
        (
            |saved| saved["storage_objects"][0]["plugin"] = "pscsi".into(),
            &[
                "backstore pscsi/web: only block and fileio can be taken over",
                "LUN 4 of iqn.1994-05.com.redhat:client at iqn.2003-01.org.linux-iscsi.host:sn.1: \
                 its backstore is not taken over",
            ],
        ),
        (
            |saved| saved["storage_objects"][0]["wwn"] = Value::Null,
            &[
                "backstore block/web: it has no serial number (wwn), so that it can't stay the \
                 same disk",
                "LUN 4 of iqn.1994-05.com.redhat:client at iqn.2003-01.org.linux-iscsi.host:sn.1: \
                 its backstore is not taken over",
            ],
        ),
        (
            |saved| {
                saved["storage_objects"][1]["wwn"] = saved["storage_objects"][0]["wwn"].clone();
            },
            &[
                "backstore fileio/db: it would have the identifier of backstore block/web",
                "LUN 5 of iqn.1994-05.com.redhat:client at iqn.2003-01.org.linux-iscsi.host:sn.1: \
                 its backstore is not taken over",
            ],
        ),
        (
            |saved| saved["targets"][0]["fabric"] = "vhost".into(),
            &["target iqn.2003-01.org.linux-iscsi.host:sn.1: targets of vhost are not taken over"],
        ),
        (
            |saved| {
                let mut other = saved["targets"][0]["tpgs"][0]["node_acls"][0].clone();
                other["node_wwn"] = "iqn.1994-05.com.redhat:other".into();
                other["mapped_luns"] =
                    json!([{ "index": 0, "tpg_lun": 1, "write_protect": false }]);
                let acls = &mut saved["targets"][0]["tpgs"][0]["node_acls"];
                acls.as_array_mut().unwrap().push(other);
            },
            &[
                "LUN 5 of iqn.1994-05.com.redhat:client at iqn.2003-01.org.linux-iscsi.host:sn.1: \
                 others may write the disk, and it is write-protected for all or none",
            ],
        ),
        (
            |saved| {
                saved["targets"][0]["tpgs"][0]["node_acls"][0]["chap_password"] = "short".into();
            },
            &[
                "initiator iqn.1994-05.com.redhat:client: its secret is shorter than 12 bytes; it \
                 can't log in with CHAP",
            ],
        ),
        (
            |saved| saved["targets"][0]["tpgs"][0]["attributes"]["generate_node_acls"] = 1.into(),
            &[
                "hosts that iqn.2003-01.org.linux-iscsi.host:sn.1 does not know: they see \
                 nothing, because it has entries for others",
            ],
        ),
        (
            |saved| {
                let tpg = &mut saved["targets"][0]["tpgs"][0];
                tpg["attributes"]["authentication"] = 0.into();
                tpg["node_acls"][0]["attributes"]["authentication"] = 1.into();
            },
            &[
                "initiator iqn.1994-05.com.redhat:client: that it authenticates otherwise than \
                 others at iqn.2003-01.org.linux-iscsi.host:sn.1 is not known here, and it sees \
                 nothing there",
            ],
        ),
        (
            |saved| {
                saved["fabric_modules"] =
                    json!([{ "name": "iscsi", "discovery_enable_auth": true }]);
            },
            &[
                "authentication of discovery: one name and secret for all initiators is not known \
                 here; with itadm modify-defaults -a chap each gives its own",
            ],
        ),
    ];
    let (whole, _) = import(&saved());
    for (change, expected) in cases {
        let mut saved = saved();
        change(&mut saved);
        let (made, left_out) = import(&saved);
        assert_eq!(left_out, *expected);
        let views = |made: &Value| made["view"].as_array().map_or(0, Vec::len);
        assert!(views(&made) <= views(&whole) + 1, "{made}");
    }
}

#[test]
fn nobody_sees_more_than_with_lio() {
    let mut with_own = saved();
    let tpg = &mut with_own["targets"][0]["tpgs"][0];
    tpg["attributes"]["authentication"] = 0.into();
    tpg["node_acls"][0]["attributes"]["authentication"] = 1.into();
    let (made, _) = import(&with_own);
    assert_eq!(made.get("view"), None, "{made}");

    let mut nowhere = saved();
    with_portals(&mut nowhere, 0, &[]);
    let (made, left_out) = import(&nowhere);
    let expected = format!("target {TARGET}: it has no portal, and is offline");
    assert_eq!(left_out, [expected]);
    assert_eq!(made["offline-target"], json!([{ "name": TARGET }]));
}

#[test]
fn targets_for_everybody_are_for_everybody() {
    let mut saved = saved();
    let tpg = &mut saved["targets"][0]["tpgs"][0];
    tpg["node_acls"] = json!([]);
    tpg["attributes"] = json!({ "generate_node_acls": 1, "demo_mode_write_protect": 0 });
    tpg["enable"] = false.into();
    let (made, left_out) = import(&saved);
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(
        made["view"],
        json!([
            { "guid": "6001405ADD2BE47A5C2488F9D080BE12", "lun": 0, "target-group": TARGET },
            { "guid": "600140598F934EB62444B1B870BE5324", "lun": 1, "target-group": TARGET }
        ])
    );
    assert_eq!(made["iscsi-target"][0]["auth"], json!(1));
    assert_eq!(made["offline-target"], json!([{ "name": TARGET }]));
    // Who may only read LIO's disk does not write ours.
    saved["targets"][0]["tpgs"][0]["attributes"]["demo_mode_write_protect"] = 1.into();
    let (made, _) = import(&saved);
    assert_eq!(made["disk"][0]["write-protect"], json!(true));
}

fn with_portals(saved: &mut Value, target: usize, portals: &[(&str, u16)]) {
    let portals = portals.iter();
    let portals = portals.map(|(address, port)| json!({ "ip_address": address, "port": port }));
    saved["targets"][target]["tpgs"][0]["portals"] = portals.collect();
}

#[test]
fn tag_1_is_kept_where_it_can_be() {
    let mut saved = saved();
    with_portals(
        &mut saved,
        0,
        &[("192.0.2.1", 3260), ("[2001:db8::1]", 3261)],
    );
    let (made, left_out) = import(&saved);
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(
        made["iscsi-portal"],
        json!([
            { "address": "192.0.2.1", "port": 3260 },
            { "address": "2001:db8::1", "port": 3261 }
        ])
    );
    assert_eq!(made["iscsi-target"][0]["tpgs"], json!("1"));

    // Targets of others are in the default group.
    let mut sim = Sim::new();
    let mut targets = IscsiTargets::with_transport(&mut sim);
    let other = "iqn.2026-11.org.example:other";
    targets.create(other, &IscsiChange::default()).unwrap();
    let current = Configuration::of_kernel(&mut sim).unwrap();
    let (made, left_out) = import_beside(&saved, &current);
    assert_eq!(made.get("iscsi-portal"), None);
    assert_eq!(
        made["iscsi-tpg"],
        json!([
            { "name": "100", "portals": "192.0.2.1:3260" },
            { "name": "101", "portals": "[2001:db8::1]:3261" }
        ])
    );
    assert_eq!(made["iscsi-target"][0]["tpgs"], json!("100,101"));
    assert_eq!(
        left_out,
        [format!(
            "target {TARGET}: its portal group 1 becomes 100,101; initiators have to discover it \
             again"
        )]
    );
}

#[test]
fn targets_are_reached_where_they_were_and_nowhere_else() {
    let mut saved = saved();
    let mut second = saved["targets"][0].clone();
    second["wwn"] = "iqn.2003-01.org.linux-iscsi.host:sn.2".into();
    saved["targets"].as_array_mut().unwrap().push(second);
    with_portals(&mut saved, 0, &[("192.0.2.1", 3260)]);
    with_portals(&mut saved, 1, &[("192.0.2.1", 3260), ("192.0.2.2", 3260)]);
    let (made, _) = import(&saved);
    assert_eq!(made["iscsi-target"][0]["tpgs"], json!("100"));
    assert_eq!(made["iscsi-target"][1]["tpgs"], json!("100,101"));
    // A tag of its own is kept.
    saved["targets"][0]["tpgs"][0]["tag"] = 7.into();
    with_portals(&mut saved, 1, &[("192.0.2.2", 3260)]);
    let (made, left_out) = import(&saved);
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(made["iscsi-target"][0]["tpgs"], json!("7"));
    assert_eq!(
        made["iscsi-tpg"],
        json!([{ "name": "7", "portals": "192.0.2.1:3260" }])
    );
    assert_eq!(
        made["iscsi-portal"],
        json!([{ "address": "192.0.2.2", "port": 3260 }])
    );
}

#[test]
fn a_file_of_something_else_is_refused() {
    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"storage_objects": 1, "targets": []}"#,
    ] {
        assert!(
            LioImport::parse(text, &Configuration::default()).is_err(),
            "{text}"
        );
    }
    let mut saved = saved();
    saved["targets"][0]["tpgs"][0]["node_acls"][0]["mapped_luns"][0]["index"] = 70000.into();
    let error = LioImport::parse(&saved.to_string(), &Configuration::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "view[0].lun: expected a number from 0 to 16383"
    );
}
