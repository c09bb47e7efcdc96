//! What was measured, and what it must not exceed.

use std::time::Duration;

/// All figures of a run. Those that have a limit are printed with it; one that exceeds it fails the run.
#[derive(Default)]
pub(crate) struct Board {
    exceeded: Vec<String>,
}

impl Board {
    /// A figure that nothing depends on.
    pub(crate) fn tell(&self, what: &str, figure: &str) {
        println!("{what:<46} {figure}");
    }

    /// What was not measured, and why.
    pub(crate) fn left_out(&self, what: &str, why: &str) {
        println!("{what:<46} left out: {why}");
    }

    /// A figure with its limit: a count, a size, or a ratio of two figures of this run.
    pub(crate) fn at_most(&mut self, what: &str, figure: f64, limit: f64, unit: &str) {
        let line = format!("{what:<46} {figure:.2} {unit} (at most {limit} {unit})");
        println!("{line}");
        // A figure that is no number is not kept, either.
        let is_kept = figure <= limit;
        if !is_kept {
            self.exceeded.push(line);
        }
    }

    /// Whether all was within its limits; says what was not.
    pub(crate) fn is_kept(&self) -> bool {
        for line in &self.exceeded {
            println!("EXCEEDED: {line}");
        }
        self.exceeded.is_empty()
    }
}

/// Milliseconds below which half of them lie.
pub(crate) fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[(times.len() - 1) / 2].as_secs_f64() * 1e3
}

/// How they lie.
pub(crate) fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p90 {:.1} ms, most {:.1} ms ({} times)", at(0.5), at(0.9), at(1.0), times.len())
}
