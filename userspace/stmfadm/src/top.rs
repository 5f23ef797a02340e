// SPDX-License-Identifier: GPL-2.0

//! The live view: top.

mod load;
mod screen;

use std::io::{stdout, IsTerminal};
use std::time::{Duration, Instant};

use libstmf::cli::{Exit, Failure};
use libstmf::{StatisticsScope, Stmf, Transport};
use load::Load;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::DefaultTerminal;

use crate::args::Top;

pub(crate) fn run<T: Transport>(args: &Top, stmf: &mut Stmf<T>) -> Result<(), Failure> {
    if !stdout().is_terminal() {
        let sentence = "it is no terminal: see stmfadm stats --interval";
        return Err(Failure::new(Exit::Failed, "standard output", sentence));
    }
    let mut load = Load::new(args.by, args.interval);
    // Before the screen is taken: what goes wrong is told as by any other command.
    load.look(stmf)?;
    let mut terminal = ratatui::init();
    let outcome = watch(&mut load, stmf, &mut terminal);
    ratatui::restore();
    outcome
}

/// Looks and draws until the user has seen enough.
fn watch<T: Transport>(
    load: &mut Load,
    stmf: &mut Stmf<T>,
    terminal: &mut DefaultTerminal,
) -> Result<(), Failure> {
    let broken = |error| Failure::new(Exit::Failed, "terminal", error);
    let mut last = Instant::now();
    loop {
        terminal
            .draw(|frame| screen::draw(load, frame))
            .map_err(broken)?;
        let left = load.interval().saturating_sub(last.elapsed());
        if left > Duration::ZERO && event::poll(left).map_err(broken)? {
            match wish(&event::read().map_err(broken)?) {
                Some(Wish::Quit) => return Ok(()),
                Some(Wish::Show(scope)) => {
                    load.show(scope);
                    load.look(stmf)?;
                    last = Instant::now();
                }
                Some(Wish::Sort) => load.sort_by_next(),
                Some(Wish::Move(by)) => load.select(by),
                None => {}
            }
            continue;
        }
        load.look(stmf)?;
        last = Instant::now();
    }
}

/// What the user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Quit,
    Show(StatisticsScope),
    Sort,
    Move(isize),
}

fn wish(event: &Event) -> Option<Wish> {
    let Event::Key(key) = event else {
        return None;
    };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if is_control => Wish::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Char('l') => Wish::Show(StatisticsScope::Lu),
        KeyCode::Char('t') => Wish::Show(StatisticsScope::Target),
        KeyCode::Char('n') => Wish::Show(StatisticsScope::Nexus),
        KeyCode::Char('s') => Wish::Sort,
        KeyCode::Up => Wish::Move(-1),
        KeyCode::Down => Wish::Move(1),
        KeyCode::PageUp => Wish::Move(-10),
        KeyCode::PageDown => Wish::Move(10),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyEvent;

    #[test]
    fn keys_are_wishes() {
        for (code, modifiers, expected) in [
            (KeyCode::Char('q'), KeyModifiers::NONE, Some(Wish::Quit)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Wish::Quit)),
            (KeyCode::Char('c'), KeyModifiers::NONE, None),
            (KeyCode::Char('s'), KeyModifiers::NONE, Some(Wish::Sort)),
            (KeyCode::Down, KeyModifiers::NONE, Some(Wish::Move(1))),
            (
                KeyCode::Char('t'),
                KeyModifiers::NONE,
                Some(Wish::Show(StatisticsScope::Target)),
            ),
        ] {
            let event = Event::Key(KeyEvent::new(code, modifiers));
            assert_eq!(wish(&event), expected, "{code:?}");
        }
        assert_eq!(wish(&Event::Resize(80, 24)), None);
    }
}
