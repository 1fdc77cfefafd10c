//! Two commands to one server in one go.

use redis::{Cmd, RedisError, Value};

use super::{Link, Until, too_many};
use crate::store::redis::fault::{self, Failure};

impl Link {
    /// Sends two commands in one go, and waits for both answers: the second is not executed before the first.
    pub(in crate::store::redis) async fn call_both(
        &self,
        commands: [&Cmd; 2],
        until: Until,
    ) -> Result<[Result<Value, Failure>; 2], Failure> {
        let Ok(_place) = self.0.waiting.try_acquire() else { return Err(too_many().into()) };
        let live = self.live(until).await?;
        let mut connection = live.connection.clone();
        let mut both = redis::pipe();
        commands.iter().for_each(|command| {
            both.add_command((*command).clone());
        });
        let sent = both.ignore_errors().query_async(&mut connection);
        let both: [Result<Value, RedisError>; 2] = self.answered(&live, sent, until).await?;
        if both.iter().any(|answer| matches!(answer, Err(error) if fault::is_demoted(error))) {
            self.abandon(&live);
        }
        let both = both.map(|answer| answer.map_err(fault::after_sending));
        if both.iter().any(|answer| answer.as_ref().is_err_and(Failure::is_of_the_server)) {
            self.note(true);
        }
        Ok(both)
    }
}
