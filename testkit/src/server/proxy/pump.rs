//! One connection: what comes from one side is passed to the other.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use rustix::net::sockopt::set_socket_linger;

use super::{
    Fault, Toward, Way,
    commands::{CutReply, Reading},
};

/// A connection of a client, and the one to the server that belongs to it.
#[derive(Debug)]
pub(super) struct Pair {
    client: TcpStream,
    server: TcpStream,
    is_reset: AtomicBool,
    /// Whether what was last passed on was a request.
    is_asking: AtomicBool,
    cut_reply: CutReply,
}

impl Pair {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> Self {
        Self {
            client,
            server,
            is_reset: AtomicBool::new(false),
            is_asking: AtomicBool::new(false),
            cut_reply: CutReply::default(),
        }
    }

    /// Closes both connections with a reset, without a farewell.
    pub(super) fn reset(&self) {
        self.is_reset.store(true, Relaxed);
        for stream in [&self.client, &self.server] {
            // One that is closed already needs no reset. Nothing is sent before the last user lets go.
            let _ = reset_on_close(stream);
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

/// Makes the end of a connection a reset.
pub(super) fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    Ok(set_socket_linger(stream, Some(Duration::ZERO))?)
}

/// Passes on what goes one way until there is no more.
pub(super) fn pump(way: &Way, pair: &Pair, toward: Toward) {
    let (mut from, mut to) = match toward {
        Toward::Server => (&pair.client, &pair.server),
        Toward::Client => (&pair.server, &pair.client),
    };
    let mut buffer = vec![0; 64 * 1024];
    let mut reading = Reading::default();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let Some(allowed) = pass(way, pair, toward, length) else { return };
        let Some(mut passed) = buffer.get(..allowed) else { return };
        if let Some(commands) = &way.commands {
            let up_to = reading.pass(commands, &pair.cut_reply, toward, passed);
            passed = passed.get(..up_to).unwrap_or_default();
        }
        if to.write_all(passed).is_err() {
            break;
        }
        if passed.len() < length {
            pair.reset();
            way.changed.notify_all();
            return;
        }
    }
    if !pair.is_reset.load(Relaxed) {
        // The other side may be closed already.
        let _ = to.shutdown(Shutdown::Write);
    }
}

/// Waits for as long as the fault wants. How much of a piece goes on; nothing does once the connection was reset.
fn pass(way: &Way, pair: &Pair, toward: Toward, length: usize) -> Option<usize> {
    let is_over = || pair.is_reset.load(Relaxed);
    let mut now = way.now.lock();
    if let Fault::Delay(delay) = now.fault {
        way.changed.wait_while_for(&mut now, |now| matches!(now.fault, Fault::Delay(_)) && !is_over(), delay);
    }
    way.changed.wait_while(&mut now, |now| now.fault == Fault::Silence && !now.is_closed && !is_over());
    if is_over() || now.is_closed {
        return None;
    }
    let asks = toward == Toward::Server;
    if asks && !pair.is_asking.swap(asks, Relaxed) {
        now.round_trips += 1;
    }
    pair.is_asking.store(asks, Relaxed);
    let flow = now.flow(toward);
    let length = length as u64;
    let allowed = flow.cut_after.map_or(length, |left| left.min(length));
    flow.cut_after = flow.cut_after.map(|left| left - allowed);
    if flow.cut_after == Some(0) {
        flow.cut_after = None;
    }
    flow.bytes += allowed;
    usize::try_from(allowed).ok()
}
