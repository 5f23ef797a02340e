// SPDX-License-Identifier: GPL-2.0

//! Logins and logouts at a steady rate, as many initiators that come and go make them.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::{Outcome, Trouble};
use crate::pdu::Digests;
use crate::session::{Place, Session};

/// As whom.
pub(crate) const NAME: &str = "iqn.2026-11.test:comes-and-goes";

#[derive(clap::Args)]
pub(crate) struct Logins {
    /// How many a minute.
    #[arg(long, default_value_t = 2000)]
    rate: u32,
    /// How long.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
}

/// How many take turns: one whose login takes long doesn't keep the others.
const INITIATORS: u16 = 4;

/// Says how many there were, and how long one took at most.
pub(crate) fn run(logins: &Logins, place: &Place) -> ExitCode {
    let start = Instant::now();
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..INITIATORS)
            .map(|number| scope.spawn(move || log_in_and_out(logins, place, number, start)))
            .collect();
        let ends = threads.into_iter().map(|thread| thread.join());
        ends.map(|end| end.unwrap_or_else(|_| Err(Trouble::Wrong("a panic".into()))))
            .collect::<Outcome<Vec<_>>>()
    });
    match all {
        Ok(all) => {
            let count: u32 = all.iter().map(|(count, _)| count).sum();
            let longest = all.iter().map(|(_, longest)| longest).max();
            let longest = longest.map_or(0, Duration::as_millis);
            println!("{count} logins, the longest of {longest} ms");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            println!("FAIL: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// The turns of one initiator: how many, and the longest.
fn log_in_and_out(
    logins: &Logins,
    place: &Place,
    number: u16,
    start: Instant,
) -> Outcome<(u32, Duration)> {
    let pause = Duration::from_secs(60) / logins.rate.max(1);
    let place = Place {
        isid: number,
        ..place.clone()
    };
    let (mut count, mut longest) = (0, Duration::ZERO);
    loop {
        // One that is late doesn't make the others later.
        let turn = count * u32::from(INITIATORS) + u32::from(number);
        if (pause * turn).as_secs() >= logins.seconds {
            return Ok((count, longest));
        }
        thread::sleep((start + pause * turn).saturating_duration_since(Instant::now()));
        let begin = Instant::now();
        let session = Session::open(&place, Digests::default())?;
        longest = longest.max(begin.elapsed());
        session.logout()?;
        count += 1;
    }
}
