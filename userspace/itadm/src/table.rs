// SPDX-License-Identifier: GPL-2.0

//! How lists look.

use libstmf::cli::{harmless, Console};

use crate::args::List;

/// A list: titles, and objects of which each has columns and properties.
pub(crate) struct Table<'a> {
    /// Titles and least widths of the columns.
    columns: &'a [(&'a str, usize)],
    rows: Vec<Row<'a>>,
}

/// The columns of an object, and its properties.
type Row<'a> = (Vec<String>, Vec<(&'a str, String)>);

impl<'a> Table<'a> {
    pub(crate) fn new(columns: &'a [(&'a str, usize)]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds an object. What it is called may be the choice of whoever logs in.
    pub(crate) fn push(&mut self, columns: Vec<String>, properties: Vec<(&'a str, String)>) {
        let columns = columns.iter().map(|column| harmless(column)).collect();
        let properties = properties
            .into_iter()
            .map(|(name, value)| (name, harmless(&value)));
        self.rows.push((columns, properties.collect()));
    }

    /// Writes the list, if there is anything in it.
    pub(crate) fn print(self, args: &List, console: &mut Console<'_>) {
        if self.rows.is_empty() {
            return;
        }
        if args.parsable {
            for (columns, properties) in &self.rows {
                console.print(columns.join("\t") + "\n");
                for (name, value) in properties.iter().filter(|_| args.verbose) {
                    console.print(format_args!("\t{name}\t{value}\n"));
                }
            }
            return;
        }
        let titles = self.columns.iter().map(|(title, _)| (*title).to_owned());
        console.print(self.row(&titles.collect::<Vec<_>>()));
        for (columns, properties) in &self.rows {
            console.print(self.row(columns));
            let width = properties.iter().map(|(name, _)| name.len()).max();
            let width = width.unwrap_or(0).saturating_add(1).max(24);
            for (name, value) in properties.iter().filter(|_| args.verbose) {
                console.print(format_args!("        {name:<width$}{value}\n"));
            }
        }
    }

    fn row(&self, columns: &[String]) -> String {
        let mut text = String::new();
        for (place, column) in columns.iter().enumerate() {
            let least = self.columns.get(place).map_or(0, |(_, width)| *width);
            let cells = self.rows.iter().filter_map(|(cells, _)| cells.get(place));
            let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            let width = longest.max(least);
            text += &format!("{column:<width$} ");
        }
        text + "\n"
    }
}
