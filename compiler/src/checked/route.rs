//! Routes: which requests the policy tells apart by method and path, and what they meet at most.

use super::Target;

/// Every route that some rule names, and the requests that none names.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    /// The rules and limits of plans that look at every request, by their position in
    /// [`crate::ir::Program::origins`].
    pub every: Vec<usize>,
    /// The requests that no rule names first, then the routes in the order of the text.
    pub list: Vec<Route>,
}

/// The requests to one route that match no narrower one.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its method and path; `None` stands for the requests that no rule names.
    pub target: Option<Target>,
    /// How many limits one of its requests is charged for at most.
    pub charges: usize,
    /// How many groups of counters one of its requests asks for at most.
    pub round_trips: usize,
    /// What looks at its requests beside [`RouteTable::every`].
    pub parts: Vec<usize>,
}

impl RouteTable {
    /// The most charges of one request.
    #[must_use]
    pub fn charges(&self) -> usize {
        self.list.iter().map(|route| route.charges).max().unwrap_or(0)
    }

    /// The most groups of counters that one request asks for.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.list.iter().map(|route| route.round_trips).max().unwrap_or(0)
    }
}
