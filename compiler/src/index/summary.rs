//! How a policy selects its sites, for people who ask what a decision costs.

use super::{Brings, Index};
use crate::ir::{Program, slot::Slot};

/// How a policy selects its sites.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Summary {
    /// Every node and every site is evaluated for each request: the reference.
    Whole,
    /// A small policy: all sites one after the other.
    Straight,
    /// Sites are selected first.
    Indexed {
        /// What is read for every request, the most selective first.
        dimensions: Vec<DimensionSummary>,
        /// How many sites there are.
        sites: usize,
        /// How many of them the dimensions settle as a whole, amounts included: nothing of them is evaluated.
        settled: usize,
        /// How many different bodies the other sites share.
        bodies: usize,
        /// The size of all tables in bytes.
        table_bytes: usize,
    },
}

/// One dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DimensionSummary {
    /// The slot that is read; of tests, one of those that are looked up together.
    pub slot: Slot,
    /// How many sites it tells apart.
    pub sites: usize,
    /// The size of its table in bytes.
    pub table_bytes: usize,
}

impl Index {
    /// What it consists of.
    #[must_use]
    pub fn summary(&self, program: &Program) -> Summary {
        let dimensions = self.dimensions.iter().filter_map(|dimension| {
            let (Brings::Value(slot) | Brings::Tests(slot)) = dimension.brings;
            let slot = *program.slots.get(slot.0 as usize)?;
            Some(DimensionSummary {
                slot,
                sites: dimension.constrained,
                table_bytes: dimension.table.bytes(),
            })
        });
        let tables: usize = self.dimensions.iter().map(|dimension| dimension.table.bytes()).sum();
        let settled = self.residues.sites.iter().filter(|site| site.is_settled());
        Summary::Indexed {
            dimensions: dimensions.collect(),
            sites: self.residues.sites.len(),
            settled: settled.count(),
            bodies: self.residues.shapes.len(),
            table_bytes: tables + self.rows.bytes() + self.of_test.len() + self.residues.bytes(),
        }
    }
}
