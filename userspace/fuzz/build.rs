// SPDX-License-Identifier: GPL-2.0

//! Makes every file of `targets/` a module, and a line of the table of targets.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Write;
use std::{env, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=targets");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            names.push(name.ok_or("a target's name is not UTF-8")?.to_owned());
        }
    }
    names.sort();
    let (mut modules, mut table) = (String::new(), String::new());
    for name in names {
        let path = folder.join(format!("{name}.rs"));
        writeln!(modules, "#[path = {path:?}]\nmod {name};")?;
        writeln!(table, "    ({name:?}, {name}::run),")?;
    }
    let text = format!("{modules}\nconst ALL: &[(&str, Run)] = &[\n{table}];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("targets.rs"), text)?;
    Ok(())
}
