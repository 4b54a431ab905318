//! `flipper status [PAIR…]`

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tempfile::TempDir;

use super::output::{Output, complain, tell};
use super::together::{Doing, in_order};
use super::watch::{Screen, Shown, again_and_again, worst};
use super::{Exit, Stop, context, here, journal};
use crate::config::{Config, PairConfig};
use crate::link;
use crate::model::{Code, Snapshot, printable};
use crate::render::screen::Besides;
use crate::{observe, planfile, planner, render};

#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) pairs: &'a [String],
    pub(super) save: Option<&'a Path>,
    /// Again and again; `Some(None)`: as often as usual.
    pub(super) watch: Option<Option<&'a str>>,
    /// By the addresses alone.
    pub(super) quick: bool,
    /// Also what is in order.
    pub(super) long: bool,
}

/// Between the rounds of `--watch`.
const EVERY: Duration = Duration::from_secs(2);
/// A pair is asked no more often than that.
const OFTEN: Duration = Duration::from_millis(200);

pub(super) fn run(config: &Config, asked: &Asked<'_>, output: &Output) -> Result<Exit, Stop> {
    let (every, names) = interval(asked)?;
    for name in &names {
        context::pair(config, name)?;
    }
    let wanted = |pair: &&PairConfig| names.is_empty() || names.contains(&pair.pair.name.as_str());
    let mut posts: Vec<Post<'_>> = config.pairs.iter().filter(wanted).map(Post::new).collect::<Result<_, _>>()?;
    if let Some(stop) = contradiction(asked, posts.len()) {
        return Err(stop);
    }
    context::block_on(async {
        let exit = match every {
            None => once(&mut posts, asked, output).await,
            Some(every) => {
                let screen = Screen::new(output, every);
                again_and_again(screen, async || round(&mut posts, asked, output).await).await
            }
        };
        let closing = posts.into_iter().map(|post| Box::pin(post.close()) as Doing<'_, ()>);
        in_order(closing.collect(), |()| {}).await;
        exit
    })
}

/// How often, where again and again, and of which pairs. What follows `--watch` may be the first of their names.
fn interval<'a>(asked: &Asked<'a>) -> Result<(Option<Duration>, Vec<&'a str>), Stop> {
    let mut names: Vec<&str> = asked.pairs.iter().map(String::as_str).collect();
    let every = match asked.watch {
        None => None,
        Some(None) => Some(EVERY),
        Some(Some(text)) => match text.parse::<f64>().map(Duration::try_from_secs_f64) {
            Ok(Ok(every)) if every >= OFTEN => Some(every),
            Err(_) if text.parse::<crate::model::PairName>().is_ok() => {
                names.push(text);
                Some(EVERY)
            }
            _ => {
                return Err(Stop::say(
                    Exit::Usage,
                    "flipper::usage::time",
                    format!("`{}` is not how often it can be looked", printable(text)),
                    "a number of seconds, at least 0.2: --watch 5",
                ));
            }
        },
    };
    Ok((every, names))
}

fn contradiction(asked: &Asked<'_>, pairs: usize) -> Option<Stop> {
    asked.save?;
    let why = match (pairs, asked.watch, asked.quick) {
        (_, Some(_), _) => "--save takes what is seen once, and --watch looks again and again".to_owned(),
        (_, _, true) => "--save takes all that is seen, and --quick looks at the addresses only".to_owned(),
        (1, None, false) => return None,
        (pairs, ..) => format!("--save takes one pair, and {pairs} are asked for"),
    };
    Some(Stop::say(
        Exit::Usage,
        "flipper::usage::save",
        why,
        "name the pair, and nothing else: flipper status PAIR --save FILE",
    ))
}

/// What is kept of a pair from one round to the next.
struct Post<'a> {
    pair: &'a PairConfig,
    open: Option<context::Open>,
    /// Where its ssh connections live.
    control: Rc<TempDir>,
}

impl<'a> Post<'a> {
    fn new(pair: &'a PairConfig) -> Result<Self, Stop> {
        Ok(Self { pair, open: None, control: Rc::new(context::control_dir()?) })
    }

    async fn close(self) {
        match self.open {
            Some(context::Open { links, control, .. }) => {
                link::close(links, control.path(), self.pair.pair.limits.connect).await;
            }
            // a login that was not waited for comes up all the same
            None => link::sweep(self.control.path()).await,
        }
    }

    /// Looks at both nodes by links that are kept; what has broken since is opened again.
    async fn look(&mut self, output: &Output) -> Result<&Snapshot, Stop> {
        let pair = self.pair;
        // what is open stays in its place, so that it can be closed when this is not waited for
        let open = match &mut self.open {
            Some(open) => {
                open.again(pair).await;
                open
            }
            none => none.insert(context::reach(pair, Rc::clone(&self.control), output).await?),
        };
        Ok(&open.seen)
    }
}

/// What came of a look at one pair.
type Look = Result<(Shown, Option<Snapshot>), Stop>;

async fn look(post: &mut Post<'_>, asked: Asked<'_>, output: &Output) -> Look {
    let pair = &post.pair.pair;
    if asked.quick {
        let quick = observe::quick(pair, &context::servers(post.pair, output)?).await;
        let exit = if quick.is_whole(pair) { Exit::Done } else { Exit::Refused };
        let (text, json) = (render::quick::text(pair, &quick), render::quick::json(pair, &quick));
        return Ok((Shown { text, json, exit }, None));
    }
    let seen = post.look(output).await?.clone();
    let shown = shown(post.pair, &seen, asked.long);
    Ok((shown, asked.save.map(|_| seen)))
}

fn shown(pair: &PairConfig, seen: &Snapshot, long: bool) -> Shown {
    let pair = &pair.pair;
    let findings = planner::findings(pair, seen);
    let last = journal::last_move(&pair.name);
    let besides = Besides { findings: &findings, last: &last, now: here::clock() };
    let cut = journal::cut_off(&pair.name);
    let mut text = match long {
        false => render::screen::text(pair, seen, &besides),
        true => format!("{}{}", render::status::text(pair, seen), render::screen::foot(pair, &besides)),
    };
    // whoever was declared dead and is not back, as this machine remembers or the servers show
    let dead: Vec<_> = findings.iter().filter(|found| found.code == Code::Deposed).collect();
    for found in &dead {
        text += &format!("\n{}.\n{}.\n", found.seen, found.help);
    }
    if let Some(cut) = &cut {
        text += &format!("\n{}", cut.text);
    }
    let mut json = render::json::status(pair, seen, &besides);
    json["deposed"] = dead.iter().map(|found| found.seen.as_str()).collect();
    json["cut_off"] = cut.map_or(serde_json::Value::Null, |cut| cut.json);
    let blind = seen.nodes.iter().any(|node| node.access.known().is_none() || node.addresses.known().is_none());
    Shown { text, json, exit: if blind { Exit::Refused } else { Exit::Done } }
}

/// All pairs at the same time; one that cannot be looked at does not hide the others.
fn looks<'a>(posts: &'a mut [Post<'_>], asked: &Asked<'a>, output: &'a Output) -> Vec<Doing<'a, Look>> {
    let asked = *asked;
    posts.iter_mut().map(|post| Box::pin(look(post, asked, output)) as Doing<'a, Look>).collect()
}

async fn once(posts: &mut [Post<'_>], asked: &Asked<'_>, output: &Output) -> Result<Exit, Stop> {
    let pairs: Vec<&PairConfig> = posts.iter().map(|post| post.pair).collect();
    let what = match pairs[..] {
        [one] => one.pair.name.to_string(),
        _ => format!("{} pairs", pairs.len()),
    };
    let waiting = output.waiting(format!("looking at {what}"));
    let (mut told, mut to_save) = (vec![], None);
    in_order(looks(posts, asked, output), |look| {
        let blank = if told.is_empty() { "" } else { "\n" };
        match look {
            Ok((shown, seen)) => {
                output.data(|| format!("{blank}{}", shown.text), || shown.json.clone());
                to_save = seen;
                told.push(shown);
            }
            Err(stop) => {
                complain(output, &stop.report, stop.exit);
                told.push(Shown { text: String::new(), json: serde_json::Value::Null, exit: stop.exit });
            }
        }
    })
    .await;
    drop(waiting);
    if let (Some(file), Some(seen), [pair]) = (asked.save, to_save, &pairs[..]) {
        save(pair, &seen, file)?;
    }
    Ok(worst(&told))
}

async fn round(posts: &mut [Post<'_>], asked: &Asked<'_>, output: &Output) -> Vec<Shown> {
    let names: Vec<String> = posts.iter().map(|post| post.pair.pair.name.to_string()).collect();
    let mut told = vec![];
    in_order(looks(posts, asked, output), |look| {
        let name = names.get(told.len()).map(String::as_str).unwrap_or_default();
        told.push(match look {
            Ok((shown, _)) => shown,
            Err(stop) => Shown {
                text: format!("Pair {name}: {}\n", stop.report),
                json: serde_json::json!({
                    "type": "error", "format": 1, "exit": stop.exit as u8, "pair": name,
                    "error": { "message": stop.report.to_string() },
                }),
                exit: stop.exit,
            },
        });
    })
    .await;
    told
}

fn save(pair: &PairConfig, seen: &Snapshot, file: &Path) -> Result<(), Stop> {
    let taken = humantime::format_rfc3339_seconds(here::clock()).to_string();
    let text = planfile::snapshot::to_text(&pair.pair.name, &taken, seen);
    planfile::snapshot::save(file, &text).map_err(|error| Stop::new(Exit::BadFile, error))?;
    tell(&format!("saved to {}", file.display()));
    Ok(())
}
