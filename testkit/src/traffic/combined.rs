//! The combined log format of Apache and nginx:
//! `ip ident remote_user [time] "request" status size "referer" "user agent"`.
//!
//! Source: Apache HTTP Server documentation, `mod_log_config`. The common format, which lacks the last two fields, is
//! read too; fields after them are ignored, but counted.

use std::fmt::Write as _;

use jiff::civil;
use jiff::tz::Offset;
use limitrate_core::time::{Nanos, Timestamp};

use super::fact_value::{Raw, Text};
use super::record::{Draft, Line, Record, Reply, Scratch, Spare};
use super::schema::{CombinedTargets, Schema};
use super::skip::{SkipReason, quoted};

/// The bytes of a time, as in `10/Oct/2000:13:55:36 -0700`.
const TIME_BYTES: usize = 26;

/// Reads a line of a combined log.
///
/// A `-` is an absent fact, for the size none at all. The path goes without the query. Escapes of the log are undone;
/// escaped bytes that are not UTF-8 stay as they are.
///
/// # Errors
///
/// The [`SkipReason`] where the line is no log line, or its request none of HTTP.
pub fn read_combined<'a>(
    line: Line<'a>,
    schema: &'a Schema,
    scratch: &'a mut Scratch,
) -> Result<Record<'a>, SkipReason> {
    let Scratch { arena, spare, unknown, .. } = scratch;
    arena.clear();
    let fields = Fields::read(line.text, arena)?;
    if fields.has_more {
        unknown.count("", "fields after the user agent");
    }
    let request = Request::read(&fields.request, arena)?;
    let Spare { facts, reply } = std::mem::take(spare);
    let (mut facts, mut reply) = (Draft::new(facts), Draft::new(reply));
    facts.add_constants(schema);

    let CombinedTargets { ip, remote_user, method, path, query, referer, user_agent, status, size } =
        &schema.combined;
    for (name, targets, text) in [
        ("ip", ip, known(fields.ip)),
        ("remote_user", remote_user, known(fields.remote_user)),
        ("method", method, Some(request.method)),
        ("path", path, Some(request.path)),
        ("query", query, request.query),
        ("referer", referer, fields.referer.filter(|text| text.get(arena) != "-")),
        ("user_agent", user_agent, fields.user_agent.filter(|text| text.get(arena) != "-")),
    ] {
        facts.add(("", name), targets, &text.map_or(Raw::Null, Raw::Text), arena)?;
    }
    if let Some(code) = fields.status {
        reply.add(("reply.", "status"), status, &Raw::Int(code.into()), arena)?;
        reply.add(("reply.", "size"), size, &Raw::Int(fields.size), arena)?;
    }

    let arena: &'a str = arena;
    let facts = facts.finish(arena);
    let reply = reply.finish(arena);
    let reply = fields.status.map(|status| Reply { after: Nanos::ZERO, status, facts: reply });
    Ok(Record { at: fields.at, facts, reply, line: line.number })
}

fn known(text: &str) -> Option<Text<'_>> {
    (text != "-").then_some(Text::Borrowed(text))
}

/// The fields of a line.
struct Fields<'a> {
    ip: &'a str,
    remote_user: &'a str,
    at: Timestamp,
    request: Text<'a>,
    status: Option<u16>,
    size: i64,
    referer: Option<Text<'a>>,
    user_agent: Option<Text<'a>>,
    has_more: bool,
}

impl<'a> Fields<'a> {
    fn read(line: &'a str, arena: &mut String) -> Result<Self, SkipReason> {
        let mut cursor = Cursor { line, rest: line };
        let ip = cursor.word("an address")?;
        cursor.word("an identity")?;
        // Names of users may have spaces, so the time tells where they end.
        let (remote_user, time) = cursor.until_time()?;
        let at = parse_time(time).ok_or_else(|| SkipReason::BadTime {
            expected: "day/month/year:hour:minute:second zone",
            found: quoted(time),
        })?;
        cursor.space()?;
        let request = cursor.quoted("a request in quotes", arena)?;
        cursor.space()?;
        let (status, size) = (cursor.status()?, cursor.size()?);
        let referer = cursor.optional_quoted("a referer in quotes", arena)?;
        let user_agent = match referer {
            Some(_) => cursor.optional_quoted("a user agent in quotes", arena)?,
            None => None,
        };
        let has_more = !cursor.rest.trim_end().is_empty();
        Ok(Self { ip, remote_user, at, request, status, size, referer, user_agent, has_more })
    }
}

/// The parts of a request line.
struct Request<'a> {
    method: Text<'a>,
    path: Text<'a>,
    query: Option<Text<'a>>,
}

impl<'a> Request<'a> {
    /// Reads `GET /path?query HTTP/1.1`; HTTP/0.9 has no version.
    fn read(text: &Text<'a>, arena: &str) -> Result<Self, SkipReason> {
        let line = text.get(arena);
        let refused = || SkipReason::BadRequest { found: quoted(line) };
        let (method, rest) = line.split_once(' ').ok_or_else(refused)?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(refused());
        }
        let target = match rest.rsplit_once(' ') {
            Some((target, version)) if version.starts_with("HTTP/") => target,
            Some(_) => return Err(refused()),
            None => rest,
        };
        if target.is_empty() || target.starts_with("HTTP/") {
            return Err(refused());
        }
        let start = method.len() + 1;
        let path = target.find('?').unwrap_or(target.len());
        Ok(Self {
            method: text.slice(0..method.len()),
            path: text.slice(start..start + path),
            query: (path < target.len()).then(|| text.slice(start + path + 1..start + target.len())),
        })
    }
}

/// A place in a line.
struct Cursor<'a> {
    line: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    #[cold]
    fn missing(&self, expected: &'static str) -> SkipReason {
        SkipReason::NotALogLine { expected, column: self.line.len() - self.rest.len() + 1 }
    }

    /// Everything up to the next space, and that space.
    fn word(&mut self, expected: &'static str) -> Result<&'a str, SkipReason> {
        match self.rest.split_once(' ') {
            Some((word, rest)) if !word.is_empty() => {
                self.rest = rest;
                Ok(word)
            }
            _ => Err(self.missing(expected)),
        }
    }

    fn space(&mut self) -> Result<(), SkipReason> {
        self.rest = self.rest.strip_prefix(' ').ok_or_else(|| self.missing("a space"))?;
        Ok(())
    }

    /// The user up to ` [`, and the time up to `]`. The quotes that must follow cannot be part of a user: logs
    /// escape them.
    fn until_time(&mut self) -> Result<(&'a str, &'a str), SkipReason> {
        for (at, _) in self.rest.match_indices(" [") {
            let (user, after) = self.rest.split_at(at);
            let Some((time, rest)) = after.get(2..).and_then(|after| after.split_once(']')) else { break };
            if rest.starts_with(" \"") && !user.is_empty() {
                self.rest = rest;
                return Ok((user, time));
            }
        }
        Err(self.missing("a user and a time in brackets"))
    }

    /// A text in quotes, with its escapes undone.
    fn quoted(&mut self, expected: &'static str, arena: &mut String) -> Result<Text<'a>, SkipReason> {
        let body = self.rest.strip_prefix('"').ok_or_else(|| self.missing(expected))?;
        let mut bytes = body.bytes().enumerate();
        let mut is_escaped = false;
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'\\' => {
                    is_escaped = true;
                    bytes.next();
                }
                b'"' => {
                    let (text, rest) = (body.get(..at), body.get(at + 1..));
                    let text = text.unwrap_or_default();
                    self.rest = rest.unwrap_or_default();
                    return Ok(if is_escaped { unescape(text, arena) } else { Text::Borrowed(text) });
                }
                _ => {}
            }
        }
        Err(self.missing(expected))
    }

    /// The same after a space, unless the line ends here.
    fn optional_quoted(
        &mut self,
        expected: &'static str,
        arena: &mut String,
    ) -> Result<Option<Text<'a>>, SkipReason> {
        if self.rest.trim_end().is_empty() {
            return Ok(None);
        }
        self.space()?;
        self.quoted(expected, arena).map(Some)
    }

    fn status(&mut self) -> Result<Option<u16>, SkipReason> {
        let (text, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        let status = match text {
            "-" => None,
            _ if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => return Err(self.missing("a status")),
        };
        self.rest = rest;
        Ok(status)
    }

    fn size(&mut self) -> Result<i64, SkipReason> {
        let end = self.rest.find(' ').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let size = match text.trim_end() {
            "-" => 0,
            digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| self.missing("a size"))?
            }
            _ => return Err(self.missing("a size")),
        };
        self.rest = rest;
        Ok(size)
    }
}

/// Undoes `\"`, `\\`, `\n` and the like, and `\xhh`.
fn unescape<'a>(text: &str, arena: &mut String) -> Text<'a> {
    let start = arena.len();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, length) = match after.as_bytes() {
            [b'x', high, low, ..] => (hex(*high, *low), 3),
            [quote @ (b'"' | b'\\'), ..] => (Some(*quote), 1),
            [b'n', ..] => (Some(b'\n'), 1),
            [b'r', ..] => (Some(b'\r'), 1),
            [b't', ..] => (Some(b'\t'), 1),
            [b'v', ..] => (Some(0x0b), 1),
            [b'b', ..] => (Some(0x08), 1),
            _ => (None, 0),
        };
        bytes.push(byte.unwrap_or(b'\\'));
        rest = if byte.is_some() { after.get(length..).unwrap_or_default() } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    for chunk in bytes.utf8_chunks() {
        arena.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string never fails.
            let _ = write!(arena, "\\x{byte:02X}");
        }
    }
    Text::Unescaped(start..arena.len())
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Reads `10/Oct/2000:13:55:36 -0700`.
fn parse_time(text: &str) -> Option<Timestamp> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let bytes: &[u8; TIME_BYTES] = text.as_bytes().try_into().ok()?;
    let [
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
        b' ',
        sign @ (b'+' | b'-'),
        oh1,
        oh2,
        om1,
        om2,
    ] = *bytes
    else {
        return None;
    };
    let month = (1..=12).zip(MONTHS).find(|(_, name)| *name == [m1, m2, m3])?.0;
    let year = number(&[y1, y2])? * 100 + number(&[y3, y4])?;
    let small = |digits| i8::try_from(number(digits)?).ok();
    let local = civil::DateTime::new(
        year,
        month,
        small(&[d1, d2])?,
        small(&[h1, h2])?,
        small(&[i1, i2])?,
        small(&[s1, s2])?,
        0,
    )
    .ok()?;
    let ahead = (i32::from(number(&[oh1, oh2])?) * 60 + i32::from(number(&[om1, om2])?)) * 60;
    let offset = Offset::from_seconds(if sign == b'-' { -ahead } else { ahead }).ok()?;
    let instant = offset.to_timestamp(local).ok()?;
    i64::try_from(instant.as_nanosecond()).ok().map(Timestamp)
}

/// A number of two digits.
fn number(digits: &[u8; 2]) -> Option<i16> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
}
