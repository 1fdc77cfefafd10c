//! Commands of Redis on their way, over one proxy or several: the n-th is cut off, or its reply is.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;

use super::Toward;

/// What does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The command: the server never has the whole of it.
    Request,
    /// Its reply: the server did it, and nobody hears of that.
    Reply,
}

/// Whether a command, as it is sent, is counted.
type IsMeant = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Counts commands, and cuts the connection of one. Several proxies may share it.
#[derive(Clone)]
pub struct Commands(Arc<Inner>);

struct Inner {
    is_meant: IsMeant,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    seen: u64,
    /// Which is to be cut.
    cut: Option<(u64, Lost)>,
    has_cut: bool,
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Commands").field(&*self.0.plan.lock()).finish()
    }
}

impl Commands {
    /// Counts the commands of which this holds.
    #[must_use]
    pub fn counting(is_meant: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { is_meant: Box::new(is_meant), plan: Mutex::default() }))
    }

    /// Has the command of this number cut off, counted anew from 0.
    pub fn cut(&self, number: u64, lost: Lost) {
        *self.0.plan.lock() = Plan { cut: Some((number, lost)), ..Plan::default() };
    }

    /// Has no command cut off any more. Whether one was.
    pub fn stop(&self) -> bool {
        std::mem::take(&mut *self.0.plan.lock()).has_cut
    }

    /// What is lost of this command, which is counted.
    fn meet(&self, command: &[u8]) -> Option<Lost> {
        if !(self.0.is_meant)(command) {
            return None;
        }
        let mut plan = self.0.plan.lock();
        let (number, lost) = plan.cut?;
        plan.seen += 1;
        plan.has_cut |= plan.seen == number + 1;
        (plan.seen == number + 1).then_some(lost)
    }
}

/// Which reply of a connection is to be cut off, by the number of its command; none at first.
#[derive(Debug)]
pub(super) struct CutReply(AtomicU64);

impl Default for CutReply {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

/// One direction of one connection, as it is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What of a value has gone by already.
    begun: Vec<u8>,
    /// How many values have.
    values: u64,
}

impl Reading {
    /// How much of a piece goes on: up to what is cut off.
    pub(super) fn pass(
        &mut self,
        commands: &Commands,
        cut: &CutReply,
        toward: Toward,
        piece: &[u8],
    ) -> usize {
        let before = self.begun.len();
        self.begun.extend_from_slice(piece);
        let mut from = 0;
        while let Some(to) = end_of_value(&self.begun, from) {
            let value = self.begun.get(from..to).unwrap_or_default();
            let is_cut = match toward {
                Toward::Server => match commands.meet(value) {
                    Some(Lost::Request) => true,
                    Some(Lost::Reply) => {
                        cut.0.store(self.values, Relaxed);
                        false
                    }
                    None => false,
                },
                Toward::Client => !value.starts_with(b">") && cut.0.load(Relaxed) == self.values,
            };
            if is_cut {
                return from.saturating_sub(before);
            }
            self.values += u64::from(!value.starts_with(b">"));
            from = to;
        }
        self.begun.drain(..from);
        piece.len()
    }
}

/// Where the value ends that begins there, if all of it is there.
fn end_of_value(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // An attribute is followed by what it is of.
    let mut left = 1_usize;
    while left > 0 {
        let rest = bytes.get(at..)?;
        let line = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (kind, text) = rest.get(..line)?.split_first()?;
        let count = str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok());
        at += line + 2;
        left -= 1;
        match kind {
            b'$' | b'=' | b'!' => at += count.map_or(0, |count| count + 2),
            b'*' | b'~' | b'>' => left += count.unwrap_or(0),
            b'%' => left += 2 * count.unwrap_or(0),
            b'|' => left += 2 * count.unwrap_or(0) + 1,
            _ => {}
        }
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [&[u8]; 7] = [
        b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n",
        b"+OK\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"%1\r\n+a\r\n*2\r\n:1\r\n$0\r\n\r\n",
        b"|1\r\n+a\r\n:1\r\n*1\r\n_\r\n",
        b"-ERR no\r\n",
    ];

    #[test]
    fn values_end_where_they_end_however_they_arrive() {
        let all = VALUES.concat();
        let mut from = 0;
        for value in VALUES {
            let to = from + value.len();
            assert!((from..to).all(|end| end_of_value(&all[..end], from).is_none()), "{value:?}");
            assert_eq!(end_of_value(&all, from), Some(to));
            from = to;
        }
    }

    #[test]
    fn a_command_or_its_reply_is_cut_off_and_what_came_before_is_not() {
        let command: &[u8] = b"*1\r\n$4\r\nPING\r\n";
        let three = command.repeat(3);
        for (split, lost) in (0..three.len()).flat_map(|split| [(split, Lost::Request), (split, Lost::Reply)])
        {
            let commands = Commands::counting(|command| command.ends_with(b"PING\r\n"));
            let (cut, mut asked, mut told) = (CutReply::default(), Reading::default(), Reading::default());
            commands.cut(1, lost);
            let mut passed = 0;
            for piece in [&three[..split], &three[split..]] {
                let some = asked.pass(&commands, &cut, Toward::Server, piece);
                passed += some;
                if some < piece.len() {
                    break;
                }
            }
            assert!(commands.stop());
            let replies =
                told.pass(&commands, &cut, Toward::Client, b">1\r\n+x\r\n+PONG\r\n+PONG\r\n+PONG\r\n");
            if lost == Lost::Request {
                assert!((command.len()..2 * command.len()).contains(&passed), "{split} {passed}");
            } else {
                assert_eq!((passed, replies), (three.len(), 8 + 7));
            }
        }
    }
}
