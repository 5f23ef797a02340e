// SPDX-License-Identifier: GPL-2.0

//! A hostile initiator: it plays cases of what no initiator should send against a target, each with
//! what has to become of it, and looks after each whether the target is as it was.

#![forbid(unsafe_code)]

mod cases;
mod connection;
mod logins;
mod pdu;
mod player;
mod session;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use cases::{kind_of, round, KINDS};
use connection::Outcome;
use player::Player;
use session::Place;

#[derive(Parser)]
#[command(about)]
struct Cli {
    /// Where the target listens.
    address: SocketAddr,
    /// Its name.
    target: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Play cases.
    Play(Play),
    /// Log in and out, again and again.
    Logins(logins::Logins),
}

#[derive(clap::Args)]
struct Play {
    /// A target at the same address that lets nobody in without a secret.
    closed: String,
    /// The initiator's name.
    #[arg(long, default_value = "iqn.2026-11.test:hostile")]
    initiator: String,
    /// How many.
    #[arg(long, default_value_t = round() * 20)]
    cases: usize,
    /// Begin with the one of this number.
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// What is random follows from this and the case's number.
    #[arg(long, default_value_t = 7143)]
    seed: u64,
    /// How many play at a time.
    #[arg(long, default_value_t = 8)]
    players: u16,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let place = |target: &str, initiator: &str, isid| Place {
        address: cli.address,
        target: target.into(),
        initiator: initiator.into(),
        isid,
    };
    match &cli.what {
        What::Logins(logins) => logins::run(logins, &place(&cli.target, logins::NAME, 0)),
        What::Play(play) => {
            let player = |number: u16| {
                // Each player has four ISIDs.
                let of = |target: &str| place(target, &play.initiator, number * 4);
                Player::new(of(&cli.target), of(&play.closed), number)
            };
            play_all(play, player)
        }
    }
}

/// What all players share.
struct Game {
    next: AtomicUsize,
    lost: AtomicBool,
}

fn play_all(play: &Play, player: impl Fn(u16) -> Player) -> ExitCode {
    let game = Game {
        next: AtomicUsize::new(0),
        lost: AtomicBool::new(false),
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let players: Vec<_> = (0..play.players)
            .map(|number| {
                let player = player(number);
                scope.spawn(|| play_some(play, &game, player))
            })
            .collect();
        let mut said = start;
        while !players.iter().all(|player| player.is_finished()) {
            thread::sleep(Duration::from_millis(100));
            if said.elapsed() > Duration::from_secs(15) {
                said = Instant::now();
                eprintln!(
                    "  {} of {} cases",
                    game.next.load(Ordering::Relaxed),
                    play.cases
                );
            }
        }
    });
    if game.lost.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    println!(
        "{} cases of {} kinds in {} s, none went wrong",
        play.cases,
        KINDS.len(),
        start.elapsed().as_secs()
    );
    ExitCode::SUCCESS
}

fn play_some(play: &Play, game: &Game, mut player: Player) {
    while !game.lost.load(Ordering::Relaxed) {
        let number = game.next.fetch_add(1, Ordering::Relaxed);
        if number >= play.cases {
            return;
        }
        let number = number + play.first;
        let (kind, serial) = kind_of(number);
        if let Err(trouble) = play_one(play, &mut player, number, serial, kind) {
            game.lost.store(true, Ordering::Relaxed);
            println!(
                "FAIL: case {number} of seed {}: {}: {trouble}",
                play.seed, kind.name
            );
        }
    }
}

fn play_one(
    play: &Play,
    player: &mut Player,
    number: usize,
    serial: usize,
    kind: &cases::Kind,
) -> Outcome<()> {
    player.rng =
        fastrand::Rng::with_seed(play.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    player.serial = serial;
    (kind.play)(player)?;
    player.is_usable()
}
