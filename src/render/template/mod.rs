//! Templates that users bring: Jinja, as far as minijinja has it.
//!
//! A template sees the data and nothing else: no file, no variable of the shell, no network. What
//! it may cost is limited, so that one with an endless loop, or one that somebody else wrote, ends
//! in an error and not in a machine without memory.
//!
//! White space is as in Ansible's template module, which its readers know: the line break behind
//! a block or a comment is no part of the text (`trim_blocks`), blanks before one are (no
//! `lstrip_blocks`), and the last line break of the file is kept.

mod fault;
mod filters;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context,
    escape_formatter,
};
use nix::sys::resource::{UsageWho, getrusage};

pub use self::fault::Fault;
use super::data::{Cluster, SCHEMA_VERSION};

/// The most that a template may cost: a step of the engine costs one, and so do 64 bytes of text
/// that it makes, in the output or on the way there.
const FUEL: u64 = 4_000_000;
/// The most beyond that for each host; a table of everything about one takes 60.
const FUEL_OF_HOST: u64 = 300;
/// The deepest nesting of macros and loops.
const DEPTH: usize = 200;
/// The longest template, in bytes. Its lists can stand in each other half as deep, and the engine
/// goes down into them.
const TEXT_MAX: usize = 64 * 1024;
/// Bytes of stack for that: 2 KiB for each of them, as measured without optimization. Only what is
/// used of it is memory.
const STACK: usize = TEXT_MAX / 2 * 2048 + 16 * 1024 * 1024;
/// The longest that reading or rendering a template may take: some expressions cost the square of
/// their length, which the engine does not count.
const LIMIT: Duration = Duration::from_secs(30);
/// The most memory that it may take, in bytes for each unit of fuel: four times the text that this
/// pays for. Some filters make a text of lists in lists, or join long ones, and the engine counts
/// what that took when it is done.
const MEMORY_OF_FUEL: u64 = 4 * 64;
/// The name of the thread that the engine runs in. Some wrong templates make the engine panic, and
/// this tells that from a fault of the program.
pub const THREAD: &str = "template";
/// The pause between two looks at the memory.
const POLL: Duration = Duration::from_millis(10);

/// A template that was read and makes sense.
#[derive(Debug)]
pub struct Template {
    engine: Environment<'static>,
    name: String,
    text: String,
}

impl Template {
    /// Parses the text of the template that a message calls `name`.
    ///
    /// # Errors
    ///
    /// Where it is no template: with the place, and what is wrong there.
    pub fn parse(name: &str, text: String) -> Result<Self, Fault> {
        if text.len() > TEXT_MAX {
            let what = format!("over {} KiB, too large for a template", TEXT_MAX / 1024);
            return Err(Fault::of_all(name, what));
        }
        let owned = name.to_owned();
        bounded(name, LIMIT, FUEL * MEMORY_OF_FUEL, move || {
            let mut engine = engine();
            match engine.add_template_owned(owned.clone(), text.clone()) {
                Ok(()) => Ok(Self { engine, name: owned, text }),
                Err(error) => Err(Fault::of(&error, &owned, &text)),
            }
        })
    }

    /// Renders the whole text.
    ///
    /// # Errors
    ///
    /// Where the template asks for what is not there, or for too much: with the place, and why.
    pub fn render(self, clusters: &[Cluster<'_>]) -> Result<String, Fault> {
        let Self { mut engine, name, text } = self;
        let (shown, seen) = (name.clone(), seen(clusters));
        let hosts = clusters.iter().map(|cluster| cluster.hosts.len() as u64).sum::<u64>();
        let fuel = FUEL.saturating_add(hosts.saturating_mul(FUEL_OF_HOST));
        engine.set_fuel(Some(fuel));
        bounded(&shown, LIMIT, fuel.saturating_mul(MEMORY_OF_FUEL), move || {
            let template = engine.get_template(&name);
            let rendered = template.and_then(|template| template.render(seen));
            rendered.map_err(|error| Fault::of(&error, &name, &text))
        })
    }
}

/// Does `work` where it has room to go down into whatever a template makes, no longer than for
/// `limit`, and with no more than `memory` bytes: then the run ends, and the work with it.
fn bounded<T: Send + 'static>(
    name: &str,
    limit: Duration,
    memory: u64,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (done, result) = mpsc::channel();
    let (start, before) = (Instant::now(), memory_taken());
    let builder = thread::Builder::new().name(THREAD.to_owned()).stack_size(STACK);
    let worker = builder.spawn(move || {
        // Nobody receives only where it was too much.
        let _ = done.send(work());
    });
    let fault = |what| Err(Fault::of_all(name, what));
    if let Err(error) = worker {
        return fault(format!("no thread to read it with: {error}"));
    }
    loop {
        match result.recv_timeout(POLL.min(limit)) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) if start.elapsed() >= limit => {
                return fault(format!("it takes longer than {limit:?}"));
            }
            Err(RecvTimeoutError::Timeout) if memory_taken().saturating_sub(before) > memory => {
                return fault(format!("it takes more than {} MiB of memory", memory >> 20));
            }
            Err(RecvTimeoutError::Timeout) => {}
            // In the program a panic ends the run before this.
            Err(RecvTimeoutError::Disconnected) => {
                return fault("the template engine failed".to_owned());
            }
        }
    }
}

/// The most memory that this process had at once, in bytes; nothing where the system does not say.
fn memory_taken() -> u64 {
    // It is counted in KiB, but for Apple's systems.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    let most = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss());
    u64::try_from(most).unwrap_or_default().saturating_mul(unit)
}

/// The data as the template sees them; each host stands in memory once.
fn seen(data: &[Cluster<'_>]) -> Value {
    let mut hosts = Vec::new();
    let mut clusters = Vec::with_capacity(data.len());
    for cluster in data {
        let own: Vec<Value> = cluster.hosts.iter().map(|host| Value::from(Serde(host))).collect();
        hosts.extend(own.iter().cloned());
        let metadata = Cluster { hosts: Vec::new(), ..cluster.clone() };
        clusters.push(context! { hosts => own, ..Value::from(Serde(metadata)) });
    }
    context! { schema_version => SCHEMA_VERSION, clusters, hosts }
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).keep_trailing_newline(true);
    if let Ok(syntax) = syntax.build() {
        engine.set_syntax(syntax);
    }
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_recursion_limit(DEPTH);
    // For the places of errors.
    engine.set_debug(true);
    engine.set_formatter(write_value);
    // It prints the engine itself, and not the data.
    engine.remove_global("debug");
    // With a namespace a loop could nest lists without end, or put a list into itself.
    engine.remove_global("namespace");
    filters::add_to(&mut engine);
    engine
}

/// `null` has no text of its own: `none` in a file would be a mistake that nobody sees.
fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_none() {
        let told = "this is null, which has no text: give a default, as in \
                    {{ host.role or \"-\" }}";
        return Err(Error::new(ErrorKind::InvalidOperation, told));
    }
    escape_formatter(out, state, value)
}

#[cfg(test)]
mod tests;
