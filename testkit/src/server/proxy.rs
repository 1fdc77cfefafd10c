//! The way to a server, with its faults: slow, silent, cut. And what is seen on it: bytes, and round trips.

mod commands;
mod pump;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

pub use self::commands::{Commands, Lost};

use self::pump::Pair;
use super::ServerError;

/// What is wrong with the way, for all connections over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Every piece takes so much longer, in both directions.
    Delay(Duration),
    /// Connections are taken, and nothing goes through until the fault ends; then all of it does.
    Silence,
    /// New connections are reset; those that are open go on.
    Refuse,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    /// From clients: requests.
    Server,
    /// From the server: replies.
    Client,
}

/// Stands between a server and its clients, who take its address for the server's. Closed when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    way: Arc<Way>,
}

/// What all connections share.
#[derive(Debug, Default)]
struct Way {
    now: Mutex<Now>,
    changed: Condvar,
    /// What counts commands, if anybody does.
    commands: Option<Commands>,
}

#[derive(Debug, Default)]
struct Now {
    fault: Fault,
    is_closed: bool,
    to_server: Flow,
    to_client: Flow,
    round_trips: u64,
    opened: u64,
    pairs: Vec<Weak<Pair>>,
}

/// One direction, over all connections.
#[derive(Debug, Default)]
struct Flow {
    bytes: u64,
    /// After how many more bytes the connection that carries them is reset.
    cut_after: Option<u64>,
}

impl Now {
    const fn flow(&mut self, toward: Toward) -> &mut Flow {
        match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        }
    }
}

impl Proxy {
    /// Stands before a server.
    ///
    /// # Errors
    ///
    /// If there is no port for it.
    pub fn before(server: SocketAddr) -> Result<Self, ServerError> {
        Self::standing(server, None)
    }

    /// Stands before a Redis server, and counts its commands.
    ///
    /// # Errors
    ///
    /// If there is no port for it.
    pub fn counting(server: SocketAddr, commands: &Commands) -> Result<Self, ServerError> {
        Self::standing(server, Some(commands.clone()))
    }

    fn standing(server: SocketAddr, commands: Option<Commands>) -> Result<Self, ServerError> {
        let refused = || ServerError::refused("listen for connections");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refused())?;
        let address = listener.local_addr().map_err(refused())?;
        let way = Arc::new(Way { commands, ..Way::default() });
        let taking = Arc::clone(&way);
        let take = move || {
            for client in listener.incoming().map_while(Result::ok) {
                if taking.now.lock().is_closed {
                    break;
                }
                // A server that is not there looks to clients like one that resets.
                let _ = taking.open(client, server);
            }
        };
        thread::Builder::new().spawn(take).map_err(refused())?;
        Ok(Self { address, way })
    }

    /// What clients take for the server's address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a fault, or ends it.
    pub fn set(&self, fault: Fault) {
        self.way.now.lock().fault = fault;
        self.way.changed.notify_all();
    }

    /// Resets all connections that are open.
    pub fn cut(&self) {
        let pairs = std::mem::take(&mut self.way.now.lock().pairs);
        pairs.iter().filter_map(Weak::upgrade).for_each(|pair| pair.reset());
        self.way.changed.notify_all();
    }

    /// Resets a connection when so many more bytes went over it in that direction. No more is passed on.
    pub fn cut_after(&self, toward: Toward, bytes: u64) {
        self.way.now.lock().flow(toward).cut_after = Some(bytes);
    }

    /// How many bytes went through in a direction.
    #[must_use]
    pub fn bytes(&self, toward: Toward) -> u64 {
        self.way.now.lock().flow(toward).bytes
    }

    /// How often a client sent something that it had not yet been answered: what is sent without waiting for the answer to
    /// what was sent before counts once.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.way.now.lock().round_trips
    }

    /// How many connections were opened.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.way.now.lock().opened
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.way.now.lock().is_closed = true;
        self.cut();
        // The listener looks up.
        let _ = TcpStream::connect(self.address);
    }
}

impl Way {
    fn open(self: &Arc<Self>, client: TcpStream, server: SocketAddr) -> io::Result<()> {
        if self.now.lock().fault == Fault::Refuse {
            return pump::reset_on_close(&client);
        }
        let Ok(server) = TcpStream::connect(server) else { return pump::reset_on_close(&client) };
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let pair = Arc::new(Pair::new(client, server));
        {
            let mut now = self.now.lock();
            now.opened += 1;
            now.pairs.retain(|pair| pair.strong_count() > 0);
            now.pairs.push(Arc::downgrade(&pair));
        }
        for toward in [Toward::Server, Toward::Client] {
            let (way, pair) = (Arc::clone(self), Arc::clone(&pair));
            thread::Builder::new().spawn(move || pump::pump(&way, &pair, toward))?;
        }
        Ok(())
    }
}
