//! What a connection does beside batches: reading, and dropping what is idle.

use tokio::sync::oneshot;

use super::{
    dialect::{Dialect, Reply},
    failure::{Failure, Stage},
    link::Link,
    queue::Errand,
};
use crate::store::{KEPT_IDLE, StoreError};

/// How many rows are dropped in one step.
pub(super) const SWEEP_ROWS: usize = 1_000;

/// Does an errand and answers it.
pub(super) async fn run<D: Dialect>(dialect: &D, link: &mut Link<'_, D>, errand: Errand) {
    match errand {
        Errand::Read(script, answer) => {
            let reply = read(link, script).await;
            tell(answer, reply.map_err(|failure| failure.to_error()));
        }
        Errand::Sweep(answer) => {
            let swept = sweep(dialect, link).await;
            // The turn is the connection's, so one that failed must not keep it.
            link.drop_unless(swept.is_ok());
            tell(answer, swept.map_err(|failure| failure.to_error()));
        }
    }
}

fn tell<T>(answer: oneshot::Sender<Result<T, StoreError>>, told: Result<T, StoreError>) {
    // Who left in the meantime wants no answer.
    let _ = answer.send(told);
}

async fn read<D: Dialect>(link: &mut Link<'_, D>, script: String) -> Result<Reply, Failure> {
    let was_open = link.is_open();
    let reply = link.run(Stage::Before, script.clone()).await;
    match reply {
        // The server may have closed a connection that was not in use.
        Err(failure) if failure.is_worth_repeating(was_open) => link.run(Stage::Before, script).await,
        reply => reply,
    }
}

async fn sweep<D: Dialect>(dialect: &D, link: &mut Link<'_, D>) -> Result<usize, Failure> {
    let idle = read(link, dialect.begin_sweep(KEPT_IDLE.0, SWEEP_ROWS)).await?;
    if idle.numbers.first() != Some(&1) {
        link.run(Stage::Before, D::END_UNCHANGED.to_owned()).await?;
        return Ok(0);
    }
    let keys: Vec<Vec<u8>> = idle.found.into_iter().map(|row| row.key).collect();
    link.run(Stage::Before, dialect.end_sweep(&keys)).await?;
    metrics::counter!("limitrate_store_dropped_total", "store" => D::NAME)
        .increment(u64::try_from(keys.len()).unwrap_or(u64::MAX));
    Ok(keys.len())
}
