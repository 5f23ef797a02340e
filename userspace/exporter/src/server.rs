// SPDX-License-Identifier: GPL-2.0

//! HTTP.

use std::convert::Infallible;
use std::io;
use std::panic;
use std::process::exit;
use std::sync::Arc;
use std::thread;

use libstmf::Stmf;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::{metrics, Cli};

/// Scrapes at a time: one that is read slowly doesn't hold up the others.
const WORKERS: usize = 4;

/// The type of the text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers scrapes, for ever.
///
/// # Errors
///
/// When the address can't be listened on, or no connection accepted any more, for want of file
/// descriptors for one.
pub fn serve(cli: &Cli) -> Result<Infallible, io::Error> {
    end_with_any_thread();
    let server = Server::http(cli.listen)
        .map_err(|error| io::Error::other(format!("{}: {error}", cli.listen)))?;
    eprintln!("stmf-exporter: http://{}/metrics", cli.listen);
    let server = Arc::new(server);
    for _ in 1..WORKERS {
        let (server, nexuses) = (server.clone(), cli.nexuses);
        thread::Builder::new().spawn(move || {
            let Err(error) = work(&server, nexuses);
            eprintln!("stmf-exporter: {error}");
            exit(1);
        })?;
    }
    work(&server, cli.nexuses)
}

/// Has the process end when one of its threads panics. The one that accepts connections does when it has a file
/// descriptor for a connection but none for its copy, and nobody would notice.
fn end_with_any_thread() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        usual(panic);
        exit(1);
    }));
}

/// Answers scrapes, until no connection can be accepted any more: the server doesn't go on after that.
fn work(server: &Server, nexuses: bool) -> Result<Infallible, io::Error> {
    loop {
        let request = server.recv()?;
        // A connection that breaks costs a scrape, not the service.
        if let Err(error) = answer(request, nexuses) {
            eprintln!("stmf-exporter: {error}");
        }
    }
}

fn answer(request: Request, nexuses: bool) -> io::Result<()> {
    let path = request.url().split('?').next().unwrap_or_default();
    match (request.method(), path) {
        (Method::Get | Method::Head, "/metrics") => {}
        (Method::Get | Method::Head, "/") => {
            return request.respond(Response::from_string("stmf-exporter: see /metrics\n"));
        }
        (Method::Get | Method::Head, _) => return request.respond(Response::empty(404)),
        _ => return request.respond(Response::empty(405)),
    }
    let text = metrics(Stmf::open, nexuses);
    let response = match Header::from_bytes("Content-Type", CONTENT_TYPE) {
        Ok(header) => Response::from_string(text).with_header(header),
        Err(()) => Response::from_string(text),
    };
    request.respond(response)
}
