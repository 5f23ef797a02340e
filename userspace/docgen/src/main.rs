// SPDX-License-Identifier: GPL-2.0

//! Writes manual pages and shell completion of all tools below a directory, from the definitions of
//! their command lines.

#![forbid(unsafe_code)]

mod examples;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;

fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(directory), None) = (args.next(), args.next()) else {
        return Err(io::Error::other("usage: docgen DIRECTORY"));
    };
    let directory = PathBuf::from(directory);
    tools()
        .into_iter()
        .try_for_each(|tool| write(tool, &directory))
}

fn tools() -> [Command; 4] {
    [
        stmfadm::Cli::command(),
        itadm::Cli::command(),
        sbdadm::Cli::command(),
        stmf_exporter::Cli::command(),
    ]
}

/// Writes all about one tool, to where it is installed below `share`.
fn write(mut tool: Command, share: &Path) -> io::Result<()> {
    let name = tool.get_name().to_owned();
    for (shell, place) in [
        (Shell::Bash, "bash-completion/completions"),
        (Shell::Zsh, "zsh/site-functions"),
        (Shell::Fish, "fish/vendor_completions.d"),
    ] {
        let directory = share.join(place);
        fs::create_dir_all(&directory)?;
        let path = clap_complete::generate_to(shell, &mut tool, &name, &directory)?;
        if shell == Shell::Bash {
            // Under the tool's own name it is found when it is needed.
            fs::rename(path, directory.join(&name))?;
        }
    }
    let pages = share.join("man/man1");
    fs::create_dir_all(&pages)?;
    let mut commands: Vec<_> = tool.get_subcommands().map(Command::get_name).collect();
    commands.push("");
    let commands: Vec<_> = commands
        .into_iter()
        .map(|command| format!("{name} {command}").trim_end().to_owned())
        .collect();
    clap_mangen::generate_to(tool, &pages)?;
    commands
        .iter()
        .try_for_each(|command| add_examples(command, &pages))
}

/// Adds the examples of a command to its page.
fn add_examples(command: &str, pages: &Path) -> io::Result<()> {
    let examples = match command.contains(' ') || command == "stmf-exporter" {
        true => examples::of(command),
        // The page of a tool leads to those of its commands.
        false => Vec::new(),
    };
    if examples.is_empty() {
        return Ok(());
    }
    let page = pages.join(format!("{}.1", command.replace(' ', "-")));
    let mut page = fs::OpenOptions::new().append(true).open(page)?;
    page.write_all(examples::section(&examples).as_bytes())
}
