//! The stable codes of everything that can be wrong with a policy.
//!
//! A code never changes its meaning. Bands: 00 text, 01 names, 02 types, 03 absence, 04 phase, 05 limits, 06 modules,
//! 07 tests; from 10 on warnings.

use std::fmt;

use crate::diagnostic::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $code:ident $title:literal)*) => {
        /// A stable diagnostic code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])* $code,)* }

        impl Code {
            /// Every code in use, in order.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The code as users write it, `RL0301`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// What the code means, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$code => $title,)* }
            }
        }
    };
}

codes! {
    /// The text does not fit the grammar here.
    RL0001 "unexpected text"
    /// A brace, parenthesis or string that is opened and never closed.
    RL0002 "unclosed block or string"
    /// `//`, `--` or `/*` where a comment begins with `#`.
    RL0003 "wrong comment style"
    /// `=` in a condition.
    RL0004 "`=` for `==`"
    /// A word that begins no item, statement, clause or step.
    RL0005 "unknown statement"
    /// Nested deeper than the bound.
    RL0006 "nested too deeply"
    /// A word or sign of another language: `&&`, `elif`, `unless`.
    RL0007 "word from another language"
    /// Look-alike letters and characters that change the reading direction.
    RL0008 "confusable characters"
    /// Part of the language, not of this version.
    RL0009 "not supported yet"
    /// Not UTF-8, a NUL byte, or longer than the bound.
    RL0010 "not a policy's text"
    /// A date, time or zone that does not exist.
    RL0011 "no such date, time or zone"
    /// `m` may be minutes or months.
    RL0012 "ambiguous unit"
    /// A number outside 64 bits, or with more decimals than its unit has.
    RL0013 "number out of range"
    /// A name longer than the bound, or not in lower snake case.
    RL0014 "not a good name"
    /// A name that nothing declares.
    RL0101 "unknown name"
    /// A name declared twice.
    RL0102 "declared twice"
    /// A module that does not exist.
    RL0103 "module not found"
    /// Modules that use each other in a circle.
    RL0104 "import cycle"
    /// A fact that two sources declare differently.
    RL0105 "one fact, two declarations"
    /// A function that ends up calling itself.
    RL0106 "recursive function"
    /// A plan that extends itself.
    RL0107 "plan extends itself"
    /// Two measures that do not mix.
    RL0201 "unit mismatch"
    /// A value of another type than needed.
    RL0202 "type mismatch"
    /// A value that its enum, plan list or range does not have.
    RL0203 "not a member"
    /// A `match` that leaves values out.
    RL0204 "match not exhaustive"
    /// A divisor that may be zero.
    RL0206 "may divide by zero"
    /// An amount where a rate is needed.
    RL0207 "rate has no window"
    /// Two currencies in one expression.
    RL0209 "two currencies"
    /// A pattern that does not compile.
    RL0210 "pattern invalid or too large"
    /// A key part that some requests lack.
    RL0301 "key may be missing"
    /// A negative test on what may be absent.
    RL0302 "negative test on an optional"
    /// A cost that some requests lack.
    RL0303 "cost may be missing"
    /// A limit whose unit needs a cost and has none.
    RL0304 "cost not said"
    /// A fact of the response where the request is decided.
    RL0401 "known only after the response"
    /// A reservation that nothing settles, or a settlement of nothing.
    RL0402 "reserve and settle belong together"
    /// A value that must not depend on the request.
    RL0403 "must be constant"
    /// A limit without a key.
    RL0501 "no key"
    /// One limit name with two shapes.
    RL0502 "one name, two shapes"
    /// A clause that is missing or has no meaning here.
    RL0503 "clause missing or without meaning"
    /// An in-flight limit without a lease.
    RL0504 "in flight without a lease"
    /// A bucket that never refills, or refills too fast.
    RL0505 "bucket never refills"
    /// A clause that stands twice.
    RL0506 "clause twice"
    /// A limit whose shape changes along a plan ladder.
    RL0507 "shape changes along a plan ladder"
    /// Two limits that change one fact to different values.
    RL0508 "conflicting downgrades"
    /// More facts, charges, arms or plans than a decision may have.
    RL0509 "too much for one decision"
    /// One request may take more than the policy's budget.
    RL0510 "more than the budget"
    /// A share that comes to less than one unit.
    RL0511 "share of nothing"
    /// A constant that a plan lacks.
    RL0604 "plan lacks a constant"
    /// An edition this compiler does not know.
    RL0605 "unknown edition"
    /// A module that is there and cannot be taken.
    RL0606 "module cannot be read"
    /// A `module` line that does not fit the file's place.
    RL0607 "not the module of this place"
    /// An expectation that did not hold.
    RL0701 "test failed"
    /// A test that does not give a fact its requests need.
    RL0704 "fact not given"
    /// A condition that holds for every request or for none.
    RL1004 "always true, or never"
    /// Two rules that do the same.
    RL1006 "duplicate rule"
    /// A plan that a choice between plans, or every limit, leaves out.
    RL1008 "plan not covered"
    /// A declaration that nothing refers to.
    RL1010 "unused"
    /// A request that can never pass.
    RL1012 "one request exceeds the ceiling"
    /// A key of which the caller can make as many as he likes.
    RL1201 "unbounded key"
    /// A key that the caller chooses altogether.
    RL1202 "client-chosen key"
    /// A calendar window that does not say its zone.
    RL1301 "calendar window without `resets in`"
    /// A fixed window of less than a day, whose edge lets twice the ceiling through.
    RL1302 "twice the ceiling at a window's edge"
    /// An edge of a schedule that a change of the clock skips or repeats.
    RL1303 "schedule edge in a clock change"
    /// A limit of money that does not say what happens without a store.
    RL1304 "money limit without `fail`"
    /// An `exempt` that does not say why.
    RL1305 "exempt without a reason"
    /// A sliding window with so small a ceiling that it lets less through than it says.
    RL1306 "ceiling too small for a sliding window"
    /// A rule that no test reaches.
    RL1307 "rule no test reaches"
    /// A limit whose counters start anew with the next version of the policy.
    RL1308 "counter will reset"
}

impl Code {
    /// The code of this name, in either case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(name))
    }

    /// Codes from `RL10` on are warnings.
    #[must_use]
    pub const fn severity(self) -> Severity {
        if let [_, _, b'0', ..] = self.as_str().as_bytes() { Severity::Error } else { Severity::Warning }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
