//! Addresses of Redis servers, read. What is wrong with one is said in words that show no secret.

use std::path::PathBuf;

use super::{Host, LONGEST_PREFIX, PORT, RedisOptions, SENTINEL_PORT, Servers};

/// The schemes there are.
const SCHEMES: &str = "`redis`, `rediss`, `redis+unix`, `redis+sentinel`, `rediss+sentinel`, `redis+cluster` or \
                       `rediss+cluster`";

/// See [`RedisOptions::from_url`].
pub(super) fn read(url: &str) -> Result<RedisOptions, String> {
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| format!("it begins with no scheme: {SCHEMES}"))?;
    // A password may have an `@` and a `?`. After it there is no `@`: a parameter has `%40` for it.
    let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (tls, kind) = scheme
        .strip_prefix("rediss")
        .map_or_else(
            || scheme.strip_prefix("redis").map(|kind| (false, kind)).ok_or(()),
            |kind| Ok((true, kind)),
        )
        .map_err(|()| format!("its scheme is none of {SCHEMES}"))?;
    let mut options = match kind {
        "" => node(rest)?,
        "+unix" if !tls => unix(rest)?,
        "+sentinel" => sentinel(rest)?,
        "+cluster" => cluster(rest)?,
        _ => return Err(format!("its scheme is none of {SCHEMES}")),
    };
    options.tls = tls;
    if let Some(login) = login {
        log_in(&mut options, login)?;
    }
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        set(&mut options, parameter)?;
    }
    Ok(options)
}

fn node(rest: &str) -> Result<RedisOptions, String> {
    let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
    let mut options = RedisOptions::new(Servers::Node(read_host(host, PORT)?));
    set_database(&mut options, database)?;
    Ok(options)
}

fn unix(rest: &str) -> Result<RedisOptions, String> {
    if !rest.starts_with('/') {
        return Err("after `redis+unix://` comes the path of a socket, from `/` on".to_owned());
    }
    Ok(RedisOptions::new(Servers::Unix(PathBuf::from(decoded(rest)?))))
}

fn sentinel(rest: &str) -> Result<RedisOptions, String> {
    let (sentinels, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (master, database) = path.split_once('/').unwrap_or((path, ""));
    if master.is_empty() {
        return Err("after the Sentinels comes `/` and what they call the master".to_owned());
    }
    let sentinels = read_hosts(sentinels, SENTINEL_PORT)?;
    let mut options = RedisOptions::new(Servers::Sentinel { sentinels, master: decoded(master)? });
    set_database(&mut options, database)?;
    Ok(options)
}

fn cluster(rest: &str) -> Result<RedisOptions, String> {
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !matches!(path, "" | "0") {
        return Err("a Cluster has no database but 0".to_owned());
    }
    Ok(RedisOptions::new(Servers::Cluster(read_hosts(hosts, PORT)?)))
}

fn read_hosts(hosts: &str, port: u16) -> Result<Vec<Host>, String> {
    hosts.split(',').map(|host| read_host(host, port)).collect()
}

fn read_host(host: &str, port: u16) -> Result<Host, String> {
    let (name, written) = match host.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest.split_once(']').ok_or("a `[` of an address is not closed")?;
            (name, after.strip_prefix(':').or(if after.is_empty() { None } else { Some("") }))
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() {
        return Err("a host is missing".to_owned());
    }
    let port = match written {
        Some(written) => written
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or("the port of a host is no number from 1 to 65535")?,
        None => port,
    };
    Ok(Host { name: name.to_owned(), port })
}

fn log_in(options: &mut RedisOptions, login: &str) -> Result<(), String> {
    let (user, password) = login.split_once(':').ok_or("before `@` comes `user:password` or `:password`")?;
    if !user.is_empty() {
        options.user = Some(decoded(user)?);
    }
    options.password =
        Some(decoded(password).map_err(|_| "the password has a `%` without two digits of 0 to f")?);
    Ok(())
}

fn set(options: &mut RedisOptions, parameter: &str) -> Result<(), String> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match name {
        "prefix" => {
            let prefix = decoded(value)?;
            let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
            if prefix.is_empty() || prefix.len() > LONGEST_PREFIX || !prefix.bytes().all(is_fine) {
                return Err(format!(
                    "`prefix` is 1 to {LONGEST_PREFIX} letters, digits, `.`, `_`, `-`, `:` or `/`"
                ));
            }
            options.prefix = prefix;
        }
        "ca" if options.tls => options.authorities = Some(PathBuf::from(decoded(value)?)),
        "ca" => return Err("`ca` is for `rediss` only".to_owned()),
        "database" if !options.is_cluster() => set_database(options, value)?,
        "database" => return Err("a Cluster has no database but 0".to_owned()),
        // Not told which: of an address without its host, it may be a part of the password.
        _ => return Err("it has a parameter that is none of `prefix`, `ca` and `database`".to_owned()),
    }
    Ok(())
}

fn set_database(options: &mut RedisOptions, database: &str) -> Result<(), String> {
    if !database.is_empty() {
        options.database = database.parse().map_err(|_| "the database is no number".to_owned())?;
    }
    Ok(())
}

/// A text with `%XX` for some of its bytes.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) =
                    digit(*high).zip(digit(*low)).ok_or("a `%` is not followed by two digits of 0 to f")?;
                (high * 16 + low, after)
            }
            (b'%', _) => return Err("a `%` is not followed by two digits of 0 to f".to_owned()),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| "what is written with `%` is no UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: u16) -> Host {
        Host { name: name.to_owned(), port }
    }

    #[test]
    fn each_kind_of_server_has_its_address() {
        let plain = read("redis://cache").unwrap();
        assert_eq!(plain, RedisOptions::new(Servers::Node(host("cache", 6379))));
        let full = read("rediss://ann:p%40ss@[::1]:7000/3?prefix=shop:eu&ca=/etc/ca.pem").unwrap();
        assert_eq!(full.servers, Servers::Node(host("::1", 7000)));
        assert_eq!((full.tls, full.database, full.prefix.as_str()), (true, 3, "shop:eu"));
        assert_eq!((full.user.as_deref(), full.password.as_deref()), (Some("ann"), Some("p@ss")));
        assert_eq!(full.authorities, Some(PathBuf::from("/etc/ca.pem")));
        let socket = read("redis+unix:///run/redis%20one.sock?database=2").unwrap();
        assert_eq!((socket.servers, socket.database), (Servers::Unix("/run/redis one.sock".into()), 2));
        let watched = read("redis+sentinel://:pw@s1,s2:5000/main/1").unwrap();
        let sentinels = vec![host("s1", 26379), host("s2", 5000)];
        assert_eq!(watched.servers, Servers::Sentinel { sentinels, master: "main".to_owned() });
        assert_eq!((watched.user, watched.password.as_deref()), (None, Some("pw")));
        let cluster = read("redis+cluster://a:7000,b").unwrap();
        assert_eq!(cluster.servers, Servers::Cluster(vec![host("a", 7000), host("b", 6379)]));
    }

    #[test]
    fn a_wrong_address_is_told_without_its_password() {
        for (url, told) in [
            ("cache:6379", "no scheme"),
            ("http://:hunter2@cache", "scheme is none"),
            ("rediss+unix://:hunter2@/a", "scheme is none"),
            ("redis://:hunter2@", "host is missing"),
            ("redis://:hunter2@cache:port", "port of a host"),
            ("redis://:hunter2@cache:0", "port of a host"),
            ("redis://:hunter2@[::1", "not closed"),
            ("redis://:hunter2@[::1]x", "port of a host"),
            ("redis://hunter2@cache", "comes `user:password`"),
            ("redis://:hunter2%@cache", "password has a `%`"),
            ("redis://:hunter2@cache/one", "no number"),
            ("redis+unix://:hunter2@run/redis", "path of a socket"),
            ("redis+sentinel://:hunter2@a", "what they call the master"),
            ("redis+cluster://:hunter2@a/1", "no database but 0"),
            ("redis+cluster://:hunter2@a?database=1", "no database but 0"),
            ("redis://:hunter2@cache?prefix=a{b}", "`prefix` is 1 to 64"),
            ("redis://:hunter2@cache?prefix=", "`prefix` is 1 to 64"),
            ("redis://:hunter2@cache?ca=/a", "`rediss` only"),
            ("redis://:hunter2@cache?deadline=3", "parameter that is none of"),
            ("redis://:@hunter2:cache", "port of a host"),
            ("redis://cache?hunter2", "parameter that is none of"),
        ] {
            let what = read(url).unwrap_err();
            assert!(what.contains(told), "{url}: {what}");
            assert!(!what.contains("hunter2"), "{what}");
        }
        let options = read("redis://ann:12?hunter2@cache?prefix=shop").unwrap();
        assert_eq!(options.servers, Servers::Node(host("cache", PORT)));
        assert_eq!((options.password.as_deref(), options.prefix.as_str()), (Some("12?hunter2"), "shop"));
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
