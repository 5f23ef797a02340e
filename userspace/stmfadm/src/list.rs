// SPDX-License-Identifier: GPL-2.0

//! How lists are written: as text for people, or as JSON for programs.

use libstmf::cli::Console;
use serde_json::Value;

/// Writes a list. The JSON is one array, also when there is nothing in it.
pub(crate) fn print<T>(
    items: &[T],
    json: bool,
    console: &mut Console<'_>,
    text: impl Fn(&T) -> String,
    value: impl Fn(&T) -> Value,
) {
    if json {
        let all: Vec<_> = items.iter().map(value).collect();
        return console.print(format_args!("{:#}\n", Value::from(all)));
    }
    for item in items {
        console.print(text(item));
    }
}
