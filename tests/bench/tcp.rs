// SPDX-License-Identifier: GPL-2.0

//! The floor under iSCSI: `tcp REQUEST ANSWER DEPTH COUNT` exchanges COUNT requests and answers of
//! so many bytes over TCP on the loopback interface, DEPTH at a time, between two threads that do
//! nothing else, and prints the nanoseconds that one exchange takes.

use std::{
    env,
    io::{Read, Result, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

/// Answers requests: as many as one call received with one call.
fn serve(mut stream: TcpStream, request: usize, answer: usize) -> Result<()> {
    let mut received = vec![0; 1 << 16];
    let answers = vec![0; answer * 64];
    let mut pending = 0;
    loop {
        let n = stream.read(&mut received)?;
        if n == 0 {
            return Ok(());
        }
        pending += n;
        let mut due = pending / request;
        pending %= request;
        while due > 0 {
            let now = due.min(64);
            stream.write_all(&answers[..now * answer])?;
            due -= now;
        }
    }
}

/// Keeps `depth` requests under way until `count` are answered.
fn ask(mut stream: TcpStream, sizes: (usize, usize), depth: usize, count: usize) -> Result<()> {
    let (request, answer) = sizes;
    let requests = vec![0; request * depth];
    let mut received = vec![0; (answer * depth).min(1 << 18)];
    let (mut sent, mut pending, mut done) = (depth, 0, 0);
    stream.write_all(&requests)?;
    while done < count {
        pending += stream.read(&mut received)?;
        let whole = pending / answer;
        pending %= answer;
        done += whole;
        let more = whole.min(count.saturating_sub(sent));
        sent += more;
        stream.write_all(&requests[..more * request])?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let numbers: Vec<usize> = env::args().skip(1).flat_map(|word| word.parse()).collect();
    let [request, answer, depth, count] = numbers[..] else {
        panic!("usage: tcp REQUEST ANSWER DEPTH COUNT");
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let server = thread::spawn(move || serve(server, request, answer));
    let start = Instant::now();
    ask(client, (request, answer), depth, count)?;
    println!("{:.1}", start.elapsed().as_nanos() as f64 / count as f64);
    server.join().expect("the server ends with its connection")
}
