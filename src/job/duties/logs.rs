//! What is fetched about a job that failed: the words of spark-submit and of the driver.

use std::time::Duration;

use tokio::time::sleep;
use tracing::debug;

use crate::job::machine::Run;
use crate::job::report::{DriverLog, ErrorName, Source};
use crate::job::verdict::Verdict;
use crate::job::world::{Application, Unreachable, World};
use crate::retry;

/// How often the log of a failed job is asked for before the failure is reported without it.
const LOG_TRIES: usize = 5;
/// For how long a driver's log is waited for that its node has given away and the log server has not got yet.
const AGGREGATION: Duration = Duration::from_secs(15);

/// The batch's log, or nothing where Livy does not give it soon: a failure is told all the same.
pub(super) async fn last_log<W: World>(world: &W, run: &Run) -> Vec<String> {
    let mut waits = retry::LOOK.start();
    for _ in 0..LOG_TRIES {
        match world.log(&run.name).await {
            Ok(lines) => return lines,
            Err(_) => sleep(waits.next(fastrand::f64())).await,
        }
    }
    Vec::new()
}

/// What the driver of a failed application wrote, as far as it can be had soon: where logs are aggregated they are
/// nowhere for some seconds.
pub(super) async fn driver_log<W: World>(
    world: &W,
    verdict: Verdict,
    application: Option<&Application>,
) -> DriverLog {
    let failed = verdict == Verdict::Failed(ErrorName::Failed, Source::Yarn);
    let page = application.filter(|_| failed).and_then(|application| application.log_url.as_deref());
    let Some(page) = page else { return DriverLog::default() };
    let (stderr, stdout) =
        tokio::join!(driver_file(world, page, "stderr"), driver_file(world, page, "stdout"));
    DriverLog { stderr, stdout }
}

async fn driver_file<W: World>(world: &W, page: &str, file: &str) -> Vec<String> {
    let mut waits = retry::LOOK.start();
    let mut silences = 0;
    let reading = async {
        loop {
            match world.driver_log(page, file).await {
                Ok(Some(lines)) => return lines,
                Ok(None) => {}
                Err(Unreachable(words)) => {
                    silences += 1;
                    if silences == LOG_TRIES {
                        debug!("the driver's {file} cannot be read: {words}");
                        return Vec::new();
                    }
                }
            }
            sleep(waits.next(fastrand::f64())).await;
        }
    };
    tokio::time::timeout(AGGREGATION, reading).await.unwrap_or_default()
}
