//! Work that takes its time: a terminal shows how it stands, and a log gets a line when that changes.

use std::fmt::Display;
use std::time::Duration;

pub use indicatif::MultiProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Terminal, stderr_is_terminal};
use crate::text::sanitize::sanitize;

/// The time after which work shows that it goes on.
const PATIENCE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

/// The state of long work. What a terminal shows disappears when this is dropped.
#[derive(Debug)]
pub struct Progress {
    terminal: Terminal,
    /// On a terminal only.
    bar: Option<ProgressBar>,
    state: String,
}

impl Terminal {
    /// Work of minutes begins, with a line of its own beside others; the terminal shows `message`
    /// until there is a state.
    #[must_use]
    pub fn progress(self, beside: &MultiProgress, message: String) -> Progress {
        let bar = self.shows_progress().then(|| {
            let bar = beside.add(ProgressBar::new_spinner());
            // On as many lines as it takes: a name in it may be copied.
            bar.set_message(message);
            show(&bar, "{spinner} {msg} ({elapsed})");
            bar
        });
        Progress { terminal: self, bar, state: String::new() }
    }

    /// Waits for `work`; after half a second a terminal shows `message` until it is done.
    pub async fn wait_for<T>(self, message: impl Display, work: impl Future<Output = T>) -> T {
        let uncounted = Count(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()));
        self.wait_counting(message, &uncounted, work).await
    }

    /// The same for work that counts what of it is done.
    pub async fn wait_counting<T>(
        self,
        message: impl Display,
        Count(bar): &Count,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
            return done;
        }
        if !self.shows_progress() {
            return work.await;
        }
        bar.set_message(sanitize(&message.to_string()).into_owned());
        bar.set_draw_target(ProgressDrawTarget::stderr());
        show(
            bar,
            match bar.length() {
                Some(_) => "{spinner} {msg}: {pos} of {len} ({elapsed})",
                None => "{spinner} {msg} ({elapsed})",
            },
        );
        let done = work.await;
        bar.finish_and_clear();
        done
    }

    fn shows_progress(self) -> bool {
        !self.quiet && stderr_is_terminal()
    }
}

fn show(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
}

impl Progress {
    /// This is how it stands now.
    pub fn is(&mut self, state: impl Display) {
        let state = state.to_string();
        if state == self.state {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(sanitize(&state).into_owned()),
            None => self.terminal.tell(&state),
        }
        self.state = state;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A count of how much work is done, for a person to see. Its clones count the same.
#[derive(Clone, Debug)]
pub struct Count(ProgressBar);

impl Count {
    /// Nothing is done yet of `total` things.
    #[must_use]
    pub fn of(total: usize) -> Self {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        Self(ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()))
    }

    /// One more thing is done.
    pub fn one_done(&self) {
        self.0.inc(1);
    }
}
