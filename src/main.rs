//! Arguments → command → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    spark_job_worker::cli::main()
}
