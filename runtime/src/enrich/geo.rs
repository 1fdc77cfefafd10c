//! Where an address is, from databases in MaxMind's format: GeoLite2, GeoIP2 and what is made like them.
//!
//! The facts are those of `std.geo`: `country`, `continent`, `subdivision`, `city` and `asn`. What no database knows is
//! absent; nothing is guessed, and no database is asked for a fact that the policy does not look at.
//! Format: <https://maxmind.github.io/MaxMind-DB/>.

use std::{net::IpAddr, path::Path, sync::Arc};

use limitrate_compiler::ir::Program;
use limitrate_core::{
    facts::{FactId, FactType, Value},
    net::canonical,
};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader};

/// The modules whose facts are told.
const MODULES: [&str; 2] = ["std.geo", "std.http"];

/// A database is at most so long: 1 GiB.
const MAX_DATABASE_BYTES: u64 = 1 << 30;

/// Why a database is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeoError {
    /// The file was not read.
    #[error("the file cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// The file is longer than is read.
    #[error("the file is longer than {} MiB", MAX_DATABASE_BYTES >> 20)]
    TooLong,
    /// The bytes are no database, or one that contradicts itself.
    #[error("this is no MaxMind database")]
    NoDatabase(#[source] MaxMindDbError),
    /// The database has another thing where a fact should be.
    #[error("the database does not say where {address} is in the form it should")]
    Malformed {
        /// What was looked up.
        address: IpAddr,
        /// What is wrong.
        #[source]
        source: MaxMindDbError,
    },
}

/// A database in memory. Shared between threads without locks.
pub struct GeoDatabase(Reader<Vec<u8>>);

impl GeoDatabase {
    /// Reads a database from a file, such as `GeoLite2-City.mmdb`.
    ///
    /// # Errors
    ///
    /// [`GeoError::Unreadable`], [`GeoError::TooLong`], [`GeoError::NoDatabase`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GeoError> {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(GeoError::Unreadable)?;
        if metadata.len() > MAX_DATABASE_BYTES {
            return Err(GeoError::TooLong);
        }
        Self::from_bytes(std::fs::read(path).map_err(GeoError::Unreadable)?)
    }

    /// Takes a database from memory.
    ///
    /// # Errors
    ///
    /// [`GeoError::NoDatabase`] if the bytes are none.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, GeoError> {
        Reader::from_source(bytes).map(Self).map_err(GeoError::NoDatabase)
    }

    /// What the database is called by who made it, such as `GeoLite2-City`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.metadata().database_type
    }

    /// What is known of an address; nothing for one of a version that the database does not cover.
    fn lookup(&self, address: IpAddr) -> Result<Option<LookupResult<'_, Vec<u8>>>, MaxMindDbError> {
        if address.is_ipv6() && self.0.metadata().ip_version == 4 {
            return Ok(None);
        }
        self.0.lookup(address).map(|found| found.has_data().then_some(found))
    }
}

impl std::fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GeoDatabase").field(&self.kind()).finish()
    }
}

/// A fact that databases know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Country,
    Continent,
    Subdivision,
    City,
    Asn,
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "country" => Self::Country,
            "continent" => Self::Continent,
            "subdivision" => Self::Subdivision,
            "city" => Self::City,
            "asn" => Self::Asn,
            _ => return None,
        })
    }

    fn read<'d>(self, found: &LookupResult<'d, Vec<u8>>) -> Result<Option<Value<'d>>, MaxMindDbError> {
        use PathElement::{Index, Key};
        let text =
            |path: &[PathElement<'_>]| found.decode_path::<&'d str>(path).map(|text| text.map(Value::Str));
        match self {
            Self::Country => text(&[Key("country"), Key("iso_code")]),
            Self::Continent => text(&[Key("continent"), Key("code")]),
            Self::Subdivision => text(&[Key("subdivisions"), Index(0), Key("iso_code")]),
            Self::City => text(&[Key("city"), Key("names"), Key("en")]),
            Self::Asn => found
                .decode_path::<u32>(&[Key("autonomous_system_number")])
                .map(|number| number.map(|number| Value::Int(i64::from(number)))),
        }
    }
}

/// Tells the facts of one policy about where its requests come from.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use limitrate_compiler::Policy;
/// # use limitrate_core::facts::Value;
/// use limitrate_runtime::{Limiter, enrich::geo::{GeoDatabase, GeoFacts}};
///
/// # fn example(policy: Arc<Policy>) -> Result<(), Box<dyn std::error::Error>> {
/// let city = Arc::new(GeoDatabase::open("GeoLite2-City.mmdb")?);
/// let geo = GeoFacts::new(policy.program(), vec![city]);
/// let limiter = Limiter::new(policy);
///
/// let mut facts = vec![(limiter.fact("ip")?, Value::Str("203.0.113.7"))];
/// geo.tell(&mut facts)?;
/// let decision = limiter.decide(&facts);
/// # let _ = decision;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GeoFacts {
    databases: Vec<Arc<GeoDatabase>>,
    address: Option<FactId>,
    wanted: Vec<(FactId, Field)>,
}

impl GeoFacts {
    /// For the facts that the policy takes from `std.geo` or `std.http` and looks at; the first database that knows
    /// one tells it.
    #[must_use]
    pub fn new(program: &Program, databases: Vec<Arc<GeoDatabase>>) -> Self {
        let facts = || (0..).map(FactId).zip(&program.facts);
        let is_of_modules =
            |modules: &[String]| modules.iter().any(|module| MODULES.contains(&module.as_str()));
        let address = facts().find(|(_, fact)| &*fact.decl.name == "ip" && fact.decl.ty == FactType::Ip);
        let wanted = facts()
            .filter(|(_, fact)| fact.used && is_of_modules(&fact.modules))
            .filter_map(|(id, fact)| Field::of(&fact.decl.name).map(|field| (id, field)));
        Self { databases, address: address.map(|(id, _)| id), wanted: wanted.collect() }
    }

    /// The facts that it can tell of a request.
    pub fn facts(&self) -> impl Iterator<Item = FactId> {
        self.wanted.iter().map(|(id, _)| *id)
    }

    /// Adds to `facts` what the databases know of the request's `ip`. A fact that is given already stays as it is.
    ///
    /// # Errors
    ///
    /// [`GeoError::Malformed`]; what was found before is added.
    pub fn tell<'a>(&'a self, facts: &mut Vec<(FactId, Value<'a>)>) -> Result<(), GeoError> {
        let Some(address) = self.address.and_then(|id| given(facts, id)).and_then(address_of) else {
            return Ok(());
        };
        let malformed = |source| GeoError::Malformed { address, source };
        for database in &self.databases {
            if self.wanted.iter().all(|(id, _)| given(facts, *id).is_some()) {
                return Ok(());
            }
            let Some(found) = database.lookup(address).map_err(malformed)? else { continue };
            for (id, field) in &self.wanted {
                if given(facts, *id).is_none()
                    && let Some(value) = field.read(&found).map_err(malformed)?
                {
                    facts.push((*id, value));
                }
            }
        }
        Ok(())
    }
}

/// The value that a request brings for a fact.
fn given<'a>(facts: &[(FactId, Value<'a>)], id: FactId) -> Option<Value<'a>> {
    let mut values = facts.iter().rev().filter(|(fact, _)| *fact == id).map(|(_, value)| *value);
    values.find(|value| *value != Value::Absent)
}

fn address_of(value: Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ip(address) => Some(canonical(address)),
        Value::Str(text) => text.parse().ok().map(canonical),
        Value::Int(_) | Value::Bool(_) | Value::Absent => None,
    }
}
