// SPDX-License-Identifier: GPL-2.0

//! Writes manual pages and shell completion of all tools below a directory, from the definitions of
//! their command lines.

#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;

fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(directory), None) = (args.next(), args.next()) else {
        return Err(io::Error::other("usage: docgen DIRECTORY"));
    };
    let directory = PathBuf::from(directory);
    for tool in [
        stmfadm::Cli::command(),
        itadm::Cli::command(),
        stmf_exporter::Cli::command(),
    ] {
        write(tool, &directory)?;
    }
    Ok(())
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
    clap_mangen::generate_to(tool, pages)
}
