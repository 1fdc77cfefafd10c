//! The typed tree: what [`crate::check`] makes of a policy, and what [`crate::lower`] turns into the core program.
//!
//! Every expression has a type and knows whether it may be absent; names are positions. Nothing here can be wrong any
//! more: a policy that has a [`Checked`] tree without errors compiles.

use ipnet::IpNet;
use limitrate_core::{
    algorithm::Algorithm,
    charge::Fail,
    facts::{FactDecl, FactId, OwnedValue},
    literal,
    path::Pattern,
    schedule::Schedule,
    time::{Nanos, Timestamp},
    unit::{PriceUnit, Unit},
};
use limitrate_grammar::{ast, ast::RateWindow, span::Span};

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// Parts per million.
    Percent,
    /// An amount of a unit.
    Quantity(Unit),
    /// Money per so much of a unit.
    Price(PriceUnit),
    /// A length of time.
    Duration,
    /// A point in time.
    Instant,
    /// A day.
    Date,
    /// A time of day.
    Clock,
    /// Text, keys included.
    Text,
    /// An address.
    Ip,
    /// A member of the enum that this fact declares.
    OneOf(FactId),
    /// A plan.
    Plan,
    /// An amount per window.
    Rate(Unit, RateWindow),
    /// So many at once.
    InFlight,
    /// A ceiling that limits nothing.
    Unlimited,
    /// What an expression with a reported error has: it goes with everything.
    Unknown,
}

impl Type {
    /// A value of this type as people read it: `5 MiB`, `30%`, `2 min`.
    #[must_use]
    pub fn write(&self, value: i64) -> String {
        match self {
            Self::Percent => literal::write_percent(value).to_string(),
            Self::Quantity(unit) | Self::Rate(unit, _) => literal::write_amount(value, *unit).to_string(),
            Self::Price(unit) => literal::write_price(value, *unit).to_string(),
            Self::Duration => literal::write_duration(Nanos(value)).to_string(),
            Self::Instant => literal::write_instant(Timestamp(value)).to_string(),
            Self::Date => literal::write_date(i32::try_from(value).unwrap_or_default()).to_string(),
            Self::Clock => literal::write_clock(Nanos(value)),
            Self::Bool
            | Self::Int
            | Self::Text
            | Self::Ip
            | Self::OneOf(_)
            | Self::Plan
            | Self::InFlight
            | Self::Unlimited
            | Self::Unknown => literal::write_count(value).to_string(),
        }
    }
}

/// A typed expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Type,
    /// Where it may be absent: the place that makes it so.
    pub absent: Option<Span>,
    /// The positive test of an optional inside it, which must not be turned round.
    pub tests_absent: Option<Span>,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// The expressions that it is made of.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::Let(_)
            | ExprKind::Holds(_) => Vec::new(),
            ExprKind::ByPlan(parts) | ExprKind::Lookup(_, _, parts) => parts.iter().collect(),
            ExprKind::Not(a)
            | ExprKind::Present(a)
            | ExprKind::InNets(a, _)
            | ExprKind::Lower(a)
            | ExprKind::Length(a)
            | ExprKind::Has(a, ..)
            | ExprKind::Like(a, _)
            | ExprKind::Matches(a, _) => vec![a],
            ExprKind::And(a, b)
            | ExprKind::Or(a, b)
            | ExprKind::Coalesce(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::Arithmetic(_, a, b) => vec![a, b],
            ExprKind::If(a, b, c) => vec![a, b, c],
        }
    }

    /// The same as [`Self::children`], to be changed.
    pub(crate) fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::Let(_)
            | ExprKind::Holds(_) => Vec::new(),
            ExprKind::ByPlan(parts) | ExprKind::Lookup(_, _, parts) => parts.iter_mut().collect(),
            ExprKind::Not(a)
            | ExprKind::Present(a)
            | ExprKind::InNets(a, _)
            | ExprKind::Lower(a)
            | ExprKind::Length(a)
            | ExprKind::Has(a, ..)
            | ExprKind::Like(a, _)
            | ExprKind::Matches(a, _) => vec![a],
            ExprKind::And(a, b)
            | ExprKind::Or(a, b)
            | ExprKind::Coalesce(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::Arithmetic(_, a, b) => vec![a, b],
            ExprKind::If(a, b, c) => vec![a, b, c],
        }
    }

    /// Whether a text or an address may come out as a fact's, and so is not known to the compiler.
    pub(crate) fn reads_fact(&self) -> bool {
        match &self.kind {
            ExprKind::Coalesce(a, b) | ExprKind::If(_, a, b) => a.reads_fact() || b.reads_fact(),
            ExprKind::Lower(inner) => inner.reads_fact(),
            ExprKind::Fact(_) | ExprKind::Let(_) => true,
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Now
            | ExprKind::ByPlan(_)
            | ExprKind::Lookup(..)
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Compare(..)
            | ExprKind::Arithmetic(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Length(_)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_) => false,
        }
    }
}

/// What a typed expression computes.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// Any scalar as an integer in its base unit: `false` is 0, members of enums and plans by position.
    Const(i64),
    /// Literal text.
    Text(String),
    /// A fact of the request.
    Fact(FactId),
    /// The instant of the request.
    Now,
    /// A value by plan, in the order of the plans.
    ByPlan(Vec<Expr>),
    /// A column of a table, by the values of its keys.
    Lookup(TableId, usize, Vec<Expr>),
    /// An earlier `let`.
    Let(LetId),
    /// Logical not.
    Not(Box<Expr>),
    /// Logical and.
    And(Box<Expr>, Box<Expr>),
    /// Logical or.
    Or(Box<Expr>, Box<Expr>),
    /// The left value, or the right one where it is absent.
    Coalesce(Box<Expr>, Box<Expr>),
    /// A comparison of integers of one type, or equality of text.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Saturating arithmetic.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// Whether the value is there.
    Present(Box<Expr>),
    /// Whether an address lies in one of these networks.
    InNets(Box<Expr>, Vec<IpNet>),
    /// Text with its ASCII letters in lower case.
    Lower(Box<Expr>),
    /// The length of text in bytes.
    Length(Box<Expr>),
    /// Whether text has this text at a place.
    Has(Box<Expr>, Place, String),
    /// Whether text matches a glob over the whole value.
    Like(Box<Expr>, String),
    /// Whether text contains a match of a regular expression.
    Matches(Box<Expr>, String),
    /// Whether a schedule holds now.
    Holds(ScheduleId),
    /// A choice.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// Where one text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At its beginning.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Anywhere,
}

impl Place {
    /// Whether `text` has `part` at this place.
    #[must_use]
    pub fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Start => text.starts_with(part),
            Self::End => text.ends_with(part),
            Self::Anywhere => text.contains(part),
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named for its sign")]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// An operation on integers; each saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Left times right parts per million, rounded down.
    Scale,
    /// The lesser.
    Min,
    /// The greater.
    Max,
    /// Left through right, rounded down; 0 where right is 0.
    Divide,
    /// Left through right in parts per million, rounded down; 0 where right is 0.
    Ratio,
    /// Left times right through this divisor, rounded up: a price times a quantity. The divisor lies between 1 and
    /// [`crate::ir::arithmetic::MAX_DIVISOR`].
    Price(i64),
}

/// The position of a `let` in [`Checked::lets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LetId(pub usize);

/// The position of a table in [`Checked::tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableId(pub usize);

/// A table: its rows are total, and the first that fits holds.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The rows; the last one holds where none before it does.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    /// A constant for each key, or nothing for `else`.
    pub patterns: Vec<Option<Expr>>,
    /// A constant for each column.
    pub cells: Vec<Expr>,
}

/// The position of a schedule in [`Checked::schedules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(pub usize);

/// The position of a rule in [`Checked::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub usize);

/// A policy whose types are right.
#[derive(Debug, Default)]
pub struct Checked {
    /// The facts a request has; [`FactId`] is the position.
    pub facts: Vec<Fact>,
    /// The fact whose type is `plan`.
    pub plan_fact: Option<FactId>,
    /// `method` and `path` of `std.http`.
    pub http: Option<HttpFacts>,
    /// Names of the plans.
    pub plans: Vec<String>,
    /// Schedules by position.
    pub schedules: Vec<Schedule>,
    /// Tables by position.
    pub tables: Vec<Table>,
    /// Values of `let`s, of arguments and of what functions give. Those of one that is a parameter mean nothing.
    pub lets: Vec<Expr>,
    /// Rules in the order of the text.
    pub rules: Vec<Rule>,
    /// Limits of plans.
    pub plan_limits: Vec<PlanLimit>,
    /// Tests.
    pub tests: Vec<Test>,
    /// The most charges one request can make.
    pub worst_case_charges: usize,
}

/// A fact with what the policy does with it.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its declaration, as the runtime needs it.
    pub decl: FactDecl,
    /// Where it was declared.
    pub span: Span,
    /// Whether the policy looks at it. An imported fact that is never used is not asked for.
    pub used: bool,
    /// Whether it came with a module.
    pub imported: bool,
}

/// The facts of `std.http` that `on` looks at.
#[derive(Debug, Clone, Copy)]
pub struct HttpFacts {
    /// `method`
    pub method: FactId,
    /// `path`
    pub path: FactId,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Which requests it looks at; empty means all.
    pub on: Vec<Target>,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// A method with a path pattern.
#[derive(Debug, Clone)]
pub struct Target {
    /// The method.
    pub verb: ast::Verb,
    /// The pattern.
    pub pattern: Pattern,
}

/// A statement.
#[derive(Debug)]
pub enum Stmt {
    /// A charge.
    Limit(Box<Limit>),
    /// A refusal.
    Deny(Deny),
    /// A pass without charges.
    Exempt(Exempt),
    /// A choice; `match` is a chain of them.
    If(Expr, Vec<Stmt>, Vec<Stmt>),
}

/// `deny`.
#[derive(Debug, Clone)]
pub struct Deny {
    /// The HTTP status.
    pub status: u16,
    /// The text, in pieces.
    pub message: Vec<MessagePiece>,
    /// The statement.
    pub span: Span,
}

/// `exempt`.
#[derive(Debug, Clone)]
pub struct Exempt {
    /// Why.
    pub reason: String,
    /// The statement.
    pub span: Span,
}

/// A piece of a message.
#[derive(Debug, Clone)]
pub enum MessagePiece {
    /// As written.
    Text(String),
    /// A value to be printed.
    Value(Expr),
}

/// A limit where it is written.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its name: its own, or its rule's.
    pub name: String,
    /// From `limit` to the end.
    pub span: Span,
    /// What its counters are.
    pub shape: Shape,
    /// The algorithm's word, as `using` would have it.
    pub word: &'static str,
    /// The ceiling; `unlimited` where there is none.
    pub ceiling: Expr,
    /// Capacity of a bucket where written.
    pub burst: Option<i64>,
    /// First content of a bucket where written.
    pub starting: Option<i64>,
    /// What one request takes; one where not written.
    pub cost: Option<Expr>,
    /// The part of each further key.
    pub share: Option<Share>,
    /// What happens when the counter cannot be kept.
    pub fail: Fail,
}

/// `at most 30% per user`.
#[derive(Debug, Clone)]
pub struct Share {
    /// Parts per million of the ceiling.
    pub ppm: i64,
    /// The limit's key and this one's.
    pub keys: Vec<KeyPart>,
}

/// What makes two limits of one name the same counters: the unit, the family of the algorithm with its window, the key.
///
/// Buckets are one family whatever they are refilled over, and so is what is in flight whatever its lease: their states
/// can be judged by either.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What is counted.
    pub unit: Counted,
    /// The algorithm with its window.
    pub algorithm: Algorithm,
    /// The key.
    pub keys: Vec<KeyPart>,
}

impl Shape {
    /// Whether both count in one way.
    #[must_use]
    pub fn same_family(&self, other: &Self) -> bool {
        match (&self.algorithm, &other.algorithm) {
            (Algorithm::Bucket(_), Algorithm::Bucket(_))
            | (Algorithm::InFlight(_), Algorithm::InFlight(_)) => true,
            (ours, theirs) => ours == theirs,
        }
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.unit == other.unit && self.same_family(other) && self.keys == other.keys
    }
}

impl Eq for Shape {}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Amounts of a unit.
    Unit(Unit),
    /// Requests that are running.
    InFlight,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Tried in order.
    pub alternatives: Vec<KeySource>,
    /// The optional level of the hierarchy that this part is: without it the limit is skipped.
    pub skip_without: Option<FactId>,
}

/// Where a key's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A fact.
    Fact(FactId),
    /// A constant.
    Literal(String),
    /// `prefix(ip, 24, 56)`: the network of an address, by so many leading bits of IPv4 and IPv6.
    Prefix(FactId, u8, u8),
    /// `bucket(api_key ?? "none", 256)`: one of so many buckets, by the first of these that is there.
    Bucket(Vec<KeySource>, u32),
}

impl KeySource {
    /// The source as a policy writes it: `bucket(api_key ?? "none", 256)`.
    #[must_use]
    pub fn words(&self, facts: &[Fact]) -> String {
        let name = |fact: FactId| facts.get(usize::from(fact.0)).map_or("", |fact| &*fact.decl.name);
        match self {
            Self::Fact(fact) => name(*fact).to_owned(),
            Self::Literal(text) => format!("{text:?}"),
            Self::Prefix(fact, v4, v6) => format!("prefix({}, {v4}, {v6})", name(*fact)),
            Self::Bucket(alternatives, buckets) => {
                let words: Vec<String> = alternatives.iter().map(|source| source.words(facts)).collect();
                format!("bucket({}, {buckets})", words.join(" ?? "))
            }
        }
    }

    /// The facts it is made of, in order.
    #[must_use]
    pub fn facts(&self) -> Vec<FactId> {
        match self {
            Self::Fact(fact) | Self::Prefix(fact, ..) => vec![*fact],
            Self::Literal(_) => Vec::new(),
            Self::Bucket(alternatives, _) => alternatives.iter().flat_map(Self::facts).collect(),
        }
    }
}

/// A limit of plans.
#[derive(Debug)]
pub struct PlanLimit {
    /// The plan it is written in.
    pub written_in: usize,
    /// The plans that have it.
    pub plans: Vec<usize>,
    /// Where it applies; empty means everywhere.
    pub on: Vec<Target>,
    /// The limit.
    pub limit: Limit,
}

/// A test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its title.
    pub title: String,
    /// Where the title stands.
    pub span: Span,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step of a test.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// Where it stands.
    pub span: Span,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Facts that hold from here on.
    Given(Vec<(FactId, OwnedValue)>),
    /// Moves the clock to an instant.
    At(Timestamp),
    /// Moves the clock on.
    Wait(Nanos),
    /// Sets what a counter holds.
    SetUsed(UsedCounter, i64),
    /// Sends requests.
    Send(Box<Send>),
    /// Answers the last `send`.
    Reply,
    /// Looks at a counter.
    ExpectUsed(UsedCounter, ast::Comparison, i64),
}

/// A counter named in a test.
#[derive(Debug, Clone)]
pub struct UsedCounter {
    /// The limit's name, `daily.share` for a share.
    pub limit: String,
    /// The facts of its key, where not as given.
    pub keys: Vec<(FactId, OwnedValue)>,
    /// Where the name stands.
    pub span: Span,
}

/// Requests of a test.
#[derive(Debug, Clone)]
pub struct Send {
    /// How many.
    pub count: u64,
    /// Facts of these requests, method and path included.
    pub facts: Vec<(FactId, OwnedValue)>,
    /// Whether each is answered at once.
    pub replied: bool,
    /// What each must be answered.
    pub expect: ast::Expected,
    /// Where the expectation stands.
    pub expect_span: Span,
}
