// SPDX-License-Identifier: GPL-2.0

//! How top looks.

use libstmf::{Latency, Statistics, StatisticsScope};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Row, Sparkline, Table, TableState};
use ratatui::Frame;

use super::load::{commands, failures, Load};
use crate::figures::{below, size, time};

/// Lines for how long the commands of one object took.
const DETAILS: u16 = 11;

pub(super) fn draw(load: &Load, frame: &mut Frame<'_>) {
    let parts = [
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(DETAILS),
        Constraint::Length(1),
    ];
    let [head, table, details, keys] = Layout::vertical(parts).areas(frame.area());
    frame.render_widget(Paragraph::new(summary(load)), head);
    list(load, frame, table);
    if let Some(item) = load.changes().get(load.selected()) {
        latencies(item, frame, details);
    }
    let help = "l LUs  t targets  n sessions' LUs  s sort  ↑↓ select  q quit";
    frame.render_widget(Line::from(help).dim(), keys);
}

/// All objects together.
fn summary(load: &Load) -> Vec<Line<'static>> {
    let sum = |count: fn(&Statistics) -> u64| {
        let all = load.changes().iter().map(count);
        load.rate(all.fold(0, u64::saturating_add))
    };
    let what = match load.scope() {
        StatisticsScope::Lu => "logical units",
        StatisticsScope::Target => "targets",
        StatisticsScope::Nexus => "sessions' logical units",
    };
    let line = format!(
        "{} {what}: {:.0} commands/s, {}/s read, {}/s written, {:.0} failures/s",
        load.changes().len(),
        sum(commands),
        size(sum(|item| item.read_bytes)),
        size(sum(|item| item.written_bytes)),
        sum(failures),
    );
    let order = format!(
        "by {}, every {}",
        load.order().name(),
        time(Some(load.interval()))
    );
    vec![Line::from(line).bold(), Line::from(order).dim()]
}

/// A line for each object.
fn list(load: &Load, frame: &mut Frame<'_>, area: Rect) {
    let titles = [
        "READS/s",
        "WRITES/s",
        "OTHERS/s",
        "READ/s",
        "WRITTEN/s",
        "FAILED",
        "DEPTH",
        "PORT",
        "QUEUE",
        "DEVICE",
    ];
    let header = titles.map(right).into_iter();
    let header = Row::new(header.chain([Line::from("NAME")])).bold();
    let widths = [8, 8, 8, 8, 9, 7, 5, 6, 6, 6].map(Constraint::Length);
    let table = Table::new(
        load.changes().iter().map(|item| row(load, item)),
        widths.into_iter().chain([Constraint::Min(32)]),
    );
    let table = table
        .header(header)
        .row_highlight_style(Style::new().reversed());
    let mut state = TableState::new().with_selected(load.selected());
    frame.render_stateful_widget(table, area, &mut state);
}

fn row(load: &Load, item: &Statistics) -> Row<'static> {
    let count = |count| right(format!("{:.0}", load.rate(count)));
    let mean = |latency: &Latency| right(time(latency.mean()));
    Row::new([
        count(item.reads),
        count(item.writes),
        count(item.others),
        right(size(load.rate(item.read_bytes))),
        right(size(load.rate(item.written_bytes))),
        right(failures(item)),
        right(item.depth),
        mean(&item.port),
        mean(&item.queue),
        mean(&item.device),
        Line::from(item.subject.to_string()),
    ])
}

fn right(text: impl ToString) -> Line<'static> {
    Line::from(text.to_string()).right_aligned()
}

/// How long the commands of one object took, in each phase, as bars of a histogram.
fn latencies(item: &Statistics, frame: &mut Frame<'_>, area: Rect) {
    let parts = [
        Constraint::Length(2),
        Constraint::Length(3),
        Constraint::Length(3),
        Constraint::Length(3),
    ];
    let [title, rows @ ..] = Layout::vertical(parts).areas::<4>(area);
    let scale = "                    256ns   4us     65us    1.0ms   17ms    268ms   4.3s    69s";
    let lines = vec![
        Line::from(item.subject.to_string()).bold(),
        Line::from(scale).dim(),
    ];
    frame.render_widget(Paragraph::new(lines), title);
    let phases = [
        ("port", &item.port),
        ("queue", &item.queue),
        ("device", &item.device),
    ];
    for ((phase, latency), row) in phases.into_iter().zip(rows) {
        let [text, bars] =
            Layout::horizontal([Constraint::Length(18), Constraint::Min(0)]).areas(row);
        let lines = vec![
            Line::from(format!("{phase:<7}{:>8}", time(latency.mean()))),
            Line::from(format!("  50 % {:>8}", below(latency.quantile(0.5)))).dim(),
            Line::from(format!("  99 % {:>8}", below(latency.quantile(0.99)))).dim(),
        ];
        frame.render_widget(Paragraph::new(lines), text);
        // Two columns for each step.
        let wide = latency.histogram.iter().flat_map(|count| [*count, *count]);
        frame.render_widget(Sparkline::default().data(wide.collect::<Vec<_>>()), bars);
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::busy;
    use super::*;
    use ratatui::backend::TestBackend;
    use ratatui::Terminal;

    /// The lines of a screen of this size.
    fn drawn(load: &Load, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(load, frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let lines = buffer.content().chunks(width.into());
        lines
            .map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>())
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    #[test]
    fn a_whole_screen() {
        let lines = drawn(&busy(), 120, 24);
        assert_eq!(
            lines[..5],
            [
                "2 logical units: 1102 commands/s, 3.9M/s read, 100M/s written, 2 failures/s",
                "by throughput, every 1s",
                " READS/s WRITES/s OTHERS/s   READ/s WRITTEN/s  FAILED DEPTH   PORT  QUEUE DEVICE NAME",
                "    1000      100        2     3.9M      100M       2     0    1us    0ns  100us \
                 600144FEEEEEEEEEEEEEEEEEEEEEEE02",
                "       0        0        0        0         0       0     3      -      -      - \
                 600144FEEEEEEEEEEEEEEEEEEEEEEE01",
            ]
        );
        assert_eq!(lines[12], "600144FEEEEEEEEEEEEEEEEEEEEEEE02");
        assert_eq!(
            lines[14].trim_end_matches('█').trim_end(),
            "port        1us"
        );
        // All took between 65 and 131 µs: two columns at the tenth step.
        assert_eq!(lines[20], format!("device    100us   {}██", " ".repeat(18)));
        assert_eq!(lines[22], format!("  99 %   <131us   {}██", " ".repeat(18)));
        assert!(lines[23].starts_with("l LUs"), "{}", lines[23]);
    }

    #[test]
    fn small_screens_do_no_harm() {
        for (width, height) in [(80, 24), (40, 10), (10, 3), (1, 1)] {
            assert_eq!(drawn(&busy(), width, height).len(), usize::from(height));
        }
    }
}
