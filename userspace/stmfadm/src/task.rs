// SPDX-License-Identifier: GPL-2.0

//! Commands that have not ended: list-task.

use libstmf::cli::{Console, Failure};
use libstmf::{Stmf, Task, Transport};
use serde_json::{json, Value};

use crate::args::ListTask;

pub(crate) fn list<T: Transport>(
    args: &ListTask,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut tasks = Vec::new();
    if args.lus.is_empty() {
        tasks = stmf.tasks(None)?;
    }
    console.each(&args.lus, |_, guid| {
        tasks.extend(stmf.tasks(Some(guid))?);
        Ok(())
    });
    tasks.sort_by_key(|task| std::cmp::Reverse(task.age));
    if args.json {
        let all: Vec<_> = tasks.iter().map(describe).collect();
        console.print(format_args!("{:#}\n", Value::from(all)));
    } else {
        console.print(listing(&tasks));
    }
    Ok(())
}

fn describe(task: &Task) -> Value {
    json!({
        "age": task.age.as_secs_f64(),
        "stage": task.stage.name(),
        "opcode": task.opcode,
        "tag": task.tag,
        "session": task.session,
        "lu": task.guid.map(|guid| guid.to_string()),
    })
}

fn listing(tasks: &[Task]) -> String {
    if tasks.is_empty() {
        return String::new();
    }
    let mut text = line("AGE (s)", "STAGE", "OPCODE", "TAG", "SESSION", "LU NAME");
    for task in tasks {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        text.push_str(&line(
            &format!("{:.3}", task.age.as_secs_f64()),
            task.stage.name(),
            &format!("0x{:02x}", task.opcode),
            &format!("0x{:x}", task.tag),
            &or_none(task.session.map(|session| session.to_string())),
            &or_none(task.guid.map(|guid| guid.to_string())),
        ));
    }
    text
}

fn line(age: &str, stage: &str, opcode: &str, tag: &str, session: &str, lu: &str) -> String {
    format!("{age:>12}  {stage:<9}  {opcode:<6}  {tag:<18}  {session:<7}  {lu}\n")
}
