//! Which limits, denials and exemptions the requests of tests reached.

use std::collections::BTreeMap;

use limitrate_compiler::{
    grammar::{code::Code, diagnostic::Diagnostic, span::Span},
    ir::{OriginKind, Program},
};
use limitrate_runtime::{Cause, Decision, Outcome};

/// What requests reached, by the position of the site in its program. Counts for one policy only.
#[derive(Debug, Clone, Default)]
pub struct Coverage(BTreeMap<(Table, usize), Reached>);

#[derive(Debug, Clone, Copy, Default)]
struct Reached {
    requests: u64,
    refused: u64,
}

/// The list of a program that a site stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Table {
    Charges,
    Denies,
    Exempts,
    Reports,
}

/// What a site of a policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SiteKind {
    /// It charges a limit.
    Limit,
    /// It denies.
    Deny,
    /// It exempts.
    Exempt,
}

/// A site, and how often it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// What it does.
    pub kind: SiteKind,
    /// The limit's name; of a denial or exemption, its rule's.
    pub name: String,
    /// The rule or plan that it stands in.
    pub origin: String,
    /// Which of the two that is.
    pub origin_kind: OriginKind,
    /// Where it stands.
    pub span: Span,
    /// How many requests it applied to.
    pub requests: u64,
    /// How many of them it refused; in shadow, would have refused.
    pub refused: u64,
}

impl Coverage {
    /// Notes what a request reached.
    pub fn note(&mut self, decision: &Decision<'_>) {
        let in_shadow = decision.shadow().map(|(_, limit)| (limit, !limit.fits()));
        let counted = decision.limits().map(|(_, limit)| (limit, !limit.fits()));
        for (limit, refused) in counted.chain(in_shadow) {
            self.reached(Table::Charges, limit.site, refused);
        }
        if decision.outcome() == Outcome::Downgrade {
            for (_, limit) in decision.first_pass().filter(|(_, limit)| limit.refuses()) {
                self.reached(Table::Charges, limit.site, true);
            }
        }
        let denied = decision.outcome() == Outcome::Deny;
        if let Cause::Rules(sites) = decision.cause() {
            for site in sites {
                self.reached(if denied { Table::Denies } else { Table::Exempts }, *site, denied);
            }
        }
        for report in decision.reports() {
            self.reached(Table::Reports, report.site, report.deny);
        }
    }

    fn reached(&mut self, table: Table, site: u32, refused: bool) {
        let reached = self.0.entry((table, site as usize)).or_default();
        reached.requests += 1;
        reached.refused += u64::from(refused);
    }

    /// Every site of `program`, in the order of the text, with what reached it. The charge of a share stands for
    /// itself.
    #[must_use]
    pub fn of(&self, program: &Program) -> Vec<Covered> {
        let limits = program.charges.iter().enumerate().map(|(position, site)| {
            let name = program.limits.get(site.limit.0 as usize).map(|limit| limit.name.as_str());
            (SiteKind::Limit, (Table::Charges, position), site.origin, name, site.span)
        });
        let denies = program.denies.iter().enumerate().map(|(position, site)| {
            (SiteKind::Deny, (Table::Denies, position), site.origin, None, site.span)
        });
        let exempts = program.exempts.iter().enumerate().map(|(position, site)| {
            (SiteKind::Exempt, (Table::Exempts, position), site.origin, None, site.span)
        });
        let reports = program.reports.iter().enumerate().map(|(position, site)| {
            let kind = if site.deny { SiteKind::Deny } else { SiteKind::Exempt };
            (kind, (Table::Reports, position), site.origin, None, site.span)
        });
        let sites = limits.chain(denies).chain(exempts).chain(reports);
        let mut covered: Vec<Covered> = sites
            .filter_map(|(kind, position, origin, name, span)| {
                let origin = program.origins.get(origin)?;
                let reached = self.0.get(&position).copied().unwrap_or_default();
                Some(Covered {
                    kind,
                    name: name.unwrap_or(&origin.name).to_owned(),
                    origin: origin.name.clone(),
                    origin_kind: origin.kind,
                    span,
                    requests: reached.requests,
                    refused: reached.refused,
                })
            })
            .collect();
        covered.sort_by(|a, b| (a.span, a.kind, &a.name).cmp(&(b.span, b.kind, &b.name)));
        // What is rolled out to a part of the requests is one statement with two sites.
        covered.dedup_by(|next, kept| {
            let same = (next.span, next.kind, &next.name) == (kept.span, kept.kind, &kept.name);
            if same {
                kept.requests += next.requests;
                kept.refused += next.refused;
            }
            same
        });
        covered
    }

    /// A warning for each rule of `program` of which no request reached anything.
    #[must_use]
    pub fn untested(&self, program: &Program) -> Vec<Diagnostic> {
        let mut reached: BTreeMap<&str, bool> = BTreeMap::new();
        let covered = self.of(program);
        for site in covered.iter().filter(|site| site.origin_kind == OriginKind::Rule) {
            *reached.entry(&site.origin).or_default() |= site.requests > 0;
        }
        let rules = program.origins.iter().filter(|origin| origin.kind == OriginKind::Rule);
        let untested = rules.filter(|rule| reached.get(rule.name.as_str()) == Some(&false));
        untested
            .map(|rule| {
                let message = format!("no test reaches the rule `{}`", rule.name);
                Diagnostic::new(Code::RL1307, message, rule.span, "no request of a test comes this far")
                    .help("add a test that sends a request to it and says what to expect")
            })
            .collect()
    }
}
