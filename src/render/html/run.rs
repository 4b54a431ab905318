//! A run that carried a plan out, as one page: what was done when, how long writes were out, where both nodes stood.

use std::time::{Duration, SystemTime};

use super::markup::Markup;
use super::{fact, whole};
use crate::journal::{Found, Known, NodeStand, Record, Session, Story, Taken};
use crate::model::{PairName, Plan, printable};
use crate::render::history::{ending, is_out, says, short, time, trouble, unreadable, writer, writes};
use crate::render::times::{ms, seconds};

const STYLE: &str = include_str!("run.css");

/// The run as a page.
#[must_use]
pub fn run(pair: &PairName, found: &Found) -> String {
    let title = |rest: &str| format!("flipper: run of {pair}{rest}");
    let story = match &found.story {
        Ok(story) => story,
        Err(why) => {
            let page = Markup::new().raw("<header>\n").element("h1", title("")).raw("\n");
            return whole(&title(""), STYLE, page.element("p class=\"empty\"", unreadable(why)).raw("</header>\n"));
        }
    };
    let plan = story.plan().ok();
    let page = Markup::new()
        .add(header(pair, found, story))
        .add(result(story))
        .add(timeline(story, plan.as_ref()))
        .add(besides(story))
        .add(sessions(story))
        .add(stands(story))
        .add(approved(story, plan.as_ref()))
        .add(footer(found, story));
    whole(&title(&format!(", {}, {}", printable(&story.begin.goal), time(story.began))), STYLE, page)
}

fn header(pair: &PairName, found: &Found, story: &Story) -> Markup {
    let begin = &story.begin;
    let took = since(story.began, story.last);
    let took = if took < Duration::from_secs(1) { ms(took) } else { seconds(took) };
    let ended = match &story.end {
        Some(end) => format!("{} (exit {})", end.end.id(), end.exit),
        None => ending(found, story),
    };
    Markup::new()
        .raw("<header>\n<p class=\"kind\">Run on pair ")
        .element("b", pair)
        .raw("</p>\n")
        .element("h1", printable(&begin.goal))
        .raw("\n<p class=\"digest\"><span>By</span> ")
        .element("b", &begin.by)
        .raw(" <span>at</span> ")
        .element("b", time(story.began))
        .raw("</p>\n<p class=\"digest\"><span>Plan</span> ")
        .element("code", printable(&begin.digest))
        .raw("</p>\n<dl class=\"facts run\">\n")
        .add(fact(!story.outs.is_empty(), "Writes were", writes(found, story)))
        .add(fact(false, "It ended", ended))
        .add(fact(false, "It took", took))
        .raw("</dl>\n</header>\n")
}

/// What the operator was told at its end.
fn result(story: &Story) -> Markup {
    let Some(end) = &story.end else { return Markup::new() };
    let line = |line: &str| Markup::new().element("p", line).raw("\n");
    Markup::new().raw("<section class=\"said\">\n").each(end.text.trim_end().lines(), line).raw("</section>\n")
}

/// From one moment to a later one.
fn since(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}

/// A stretch of time that is drawn.
struct Window {
    from: SystemTime,
    length: Duration,
    /// The moment that the axis counts from.
    zero: SystemTime,
}

impl Window {
    fn end(&self) -> SystemTime {
        self.from + self.length
    }

    /// The part of the width that lies between two moments, as a place and a width in percent.
    fn part(&self, from: SystemTime, to: SystemTime) -> (f64, f64) {
        let all = self.length.as_secs_f64().max(1e-6);
        let at = |moment: SystemTime| since(self.from, moment.min(self.end())).as_secs_f64() / all * 100.0;
        let (from, to) = (at(from), at(to));
        (from, to - from)
    }

    /// Marks on the axis: a round number of milliseconds apart, not more than six of them, and none at its very end.
    fn marks(&self) -> Vec<Duration> {
        let all = since(self.zero, self.end()).as_secs_f64();
        let mut apart = 1e-6;
        for factor in [2.0, 2.5, 2.0].iter().cycle().take(60) {
            if all / apart <= 6.0 {
                break;
            }
            apart *= factor;
        }
        (0u32..).map(|n| f64::from(n) * apart).take_while(|at| *at <= all * 0.94).map(Duration::from_secs_f64).collect()
    }
}

fn timeline(story: &Story, plan: Option<&Plan>) -> Markup {
    if story.steps.is_empty() {
        return Markup::new();
    }
    let end = story.steps.iter().map(|taken| ended(story, taken)).max().unwrap_or(story.last);
    let all = Window { from: story.began, length: since(story.began, end), zero: story.began };
    let mut page = Markup::new()
        .raw("<section>\n<h2>What took how long</h2>\n")
        .add(chart(story, plan, &all, |_| true))
        .raw(
            "<p class=\"quiet\">Framed: nobody could write. Hatched: the step failed. Dashed: its end was not written ",
        )
        .raw("down.</p>\n</section>\n");
    for (from, out) in &story.outs {
        let Some(out) = out.filter(|out| *out * 3 < all.length) else { continue };
        // a little before and after it
        let around = Window { from: *from - out / 20, length: out + out / 10, zero: *from };
        page = page
            .raw("<section>\n<h2>While writes were out, ")
            .text(ms(out))
            .raw("</h2>\n")
            .add(chart(story, plan, &around, |taken| is_out(story, taken)))
            .raw("</section>\n");
    }
    page
}

/// When a step ended; where that was not written, with the last line.
fn ended(story: &Story, taken: &Taken) -> SystemTime {
    taken.took.map_or(story.last.max(taken.at), |took| taken.at + took)
}

/// A bar for each of those steps, under an axis of milliseconds since the window's begin.
fn chart(story: &Story, plan: Option<&Plan>, window: &Window, shown: impl Fn(&Taken) -> bool) -> Markup {
    let mark = |at: Duration| {
        let (left, _) = window.part(window.zero + at, window.zero + at);
        let says = if window.length >= Duration::from_secs(10) { seconds(at) } else { round(at) };
        Markup::new().raw("<span style=\"left:").text(percent(left)).raw("\">").text(says).raw("</span>")
    };
    let out = || {
        Markup::new().each(&story.outs, |(from, out)| {
            let to = out.map_or(story.last, |out| *from + out);
            if to <= window.from || *from >= window.end() {
                return Markup::new();
            }
            let (left, width) = window.part(*from, to);
            stretch("<i class=\"gate\" style=\"left:", left, width)
        })
    };
    let bar = |(number, taken): (usize, &Taken)| {
        let (left, width) = window.part(taken.at, ended(story, taken));
        let class = match (taken.took, taken.failed, is_out(story, taken)) {
            (None, ..) => "<i class=\"took cut\" style=\"left:",
            (_, Some(_), _) => "<i class=\"took failed\" style=\"left:",
            (_, None, true) => "<i class=\"took out\" style=\"left:",
            (_, None, false) => "<i class=\"took\" style=\"left:",
        };
        Markup::new()
            .raw("<li>\n<p class=\"what\"><span class=\"number\">")
            .text(number)
            .raw("</span><span>")
            .text(sentence(plan, taken))
            .raw("</span><span class=\"ms\">")
            .text(taken.took.map_or_else(|| "not ended".to_owned(), ms))
            .raw("</span></p>\n<div class=\"track\">")
            .add(out())
            .add(stretch(class, left, width))
            .raw("</div>\n</li>\n")
    };
    let steps = (1..).zip(&story.steps).filter(|(_, taken)| shown(taken));
    Markup::new()
        .raw("<div class=\"chart\">\n<div class=\"axis\">")
        .each(window.marks(), mark)
        .raw("</div>\n<ol>\n")
        .each(steps, bar)
        .raw("</ol>\n</div>\n")
}

/// As in a plan's page.
fn sentence(plan: Option<&Plan>, taken: &Taken) -> String {
    let says = says(plan, taken);
    let mut letters = says.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn stretch(class: &'static str, left: f64, width: f64) -> Markup {
    Markup::new().raw(class).text(percent(left)).raw(";width:").text(percent(width)).raw("\"></i>")
}

fn percent(part: f64) -> String {
    format!("{part:.3}%")
}

/// A mark of the axis, without places that say nothing.
fn round(at: Duration) -> String {
    let ms = at.as_secs_f64() * 1000.0;
    let text = format!("{ms:.3}");
    format!("{} ms", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Tries again, turns, signals.
fn besides(story: &Story) -> Markup {
    let one = |(at, record): &(SystemTime, Record)| {
        let says = match record {
            Record::Again { step, in_ms } => format!("{step} is tried again in {}", ms(in_ms.0)),
            Record::TurningBack { why } => format!("going back to how it was: {why}"),
            Record::PressingOn { why } => format!("the new writer is open, finishing: {why}"),
            Record::Interrupted { times } => format!("a signal came, number {times}"),
            _ => return Markup::new(),
        };
        let when = ms(since(story.began, *at));
        Markup::new().raw("<li>").element("b", when).raw(" ").text(says).raw("</li>\n")
    };
    if story.besides.is_empty() {
        return Markup::new();
    }
    Markup::new().raw("<section>\n<h2>On the way</h2>\n<ul>\n").each(&story.besides, one).raw("</ul>\n</section>\n")
}

fn sessions(story: &Story) -> Markup {
    if story.writers.is_empty() {
        return Markup::new();
    }
    let one = |session: &Session| Markup::new().element("li", writer(session)).raw("\n");
    let met = |(step, sessions): &(String, Vec<Session>)| {
        Markup::new().raw("<h3>at ").text(step).raw("</h3>\n<ul>\n").each(sessions, one).raw("</ul>\n")
    };
    Markup::new()
        .raw("<section>\n<h2>Who was met at their writing</h2>\n")
        .each(&story.writers, met)
        .raw("</section>\n")
}

/// Both nodes before and after, side by side.
fn stands(story: &Story) -> Markup {
    let moment = |title: &'static str, nodes: &[NodeStand]| {
        let page = Markup::new().raw("<div class=\"moment\">\n").element("h3", title).raw("\n");
        match nodes.is_empty() {
            true => page.raw("<p class=\"quiet\">not written down</p>\n</div>\n"),
            false => page.each(nodes, card).raw("</div>\n"),
        }
    };
    Markup::new()
        .raw("<section>\n<h2>Before and after</h2>\n<div class=\"moments\">\n")
        .add(moment("Before the first step", &story.before))
        .add(moment("At the end", &story.after))
        .raw("</div>\n</section>\n")
}

fn card(node: &NodeStand) -> Markup {
    let known = |fact: &Known<String>| match fact {
        Known::Known(text) if text.is_empty() => "nothing".to_owned(),
        Known::Known(text) => text.replace('\n', ""),
        Known::Unknown(why) => format!("unknown: {why}"),
    };
    let open = matches!(&node.access, Known::Known(access) if access == "open");
    let page = Markup::new()
        .raw(if open { "<div class=\"node open\">\n" } else { "<div class=\"node\">\n" })
        .raw("<p class=\"name\">")
        .element("b", &node.node)
        .raw(" <span>")
        .text(known(&node.access))
        .raw("</span></p>\n");
    let page = match &node.holds {
        Known::Known(roles) if roles.is_empty() => page.raw("<p class=\"quiet\">no address</p>\n"),
        Known::Known(roles) => page
            .raw("<ul class=\"roles\">\n")
            .each(roles, |role| Markup::new().raw("<li>").element("b", role).raw("</li>\n"))
            .raw("</ul>\n"),
        Known::Unknown(why) => page.raw("<p class=\"quiet\">addresses unknown: ").text(why).raw("</p>\n"),
    };
    page.raw("<dl>\n<dt>position</dt>\n<dd>")
        .element("code", known(&node.position))
        .raw("</dd>\n<dt>of that, its peer lacked</dt>\n<dd>")
        .element("code", known(&node.ahead))
        .raw("</dd>\n</dl>\n</div>\n")
}

/// What was approved, to the letter.
fn approved(story: &Story, plan: Option<&Plan>) -> Markup {
    let begin = &story.begin;
    let line = |line: &str| Markup::new().text(line).raw("\n");
    let page = Markup::new().raw("<section>\n<h2>The plan that was carried out</h2>\n");
    let page = match plan {
        Some(plan) if !plan.overrides.is_empty() => page
            .raw("<p>Overridden by the operator:</p>\n<ul>\n")
            .each(&plan.overrides, |code| Markup::new().raw("<li>").element("code", code.id()).raw("</li>\n"))
            .raw("</ul>\n"),
        Some(_) => page,
        None => page.raw("<p>Its text is not a plan that this flipper reads.</p>\n"),
    };
    page.raw("<details>\n<summary>The plan file, word for word</summary>\n<pre>")
        .each(begin.plan.lines(), line)
        .raw("</pre>\n</details>\n</section>\n")
}

fn footer(found: &Found, story: &Story) -> Markup {
    let begin = &story.begin;
    let name = found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let whole = match &story.trouble {
        None => "every line carries a hash of itself and of all before it, and all of them fit".to_owned(),
        Some(trouble) => trouble_says(trouble),
    };
    let page =
        Markup::new().raw("<footer>\n<p>From the journal ").element("code", name).raw(": ").text(whole).raw(".</p>\n");
    let page = match &begin.continues {
        Some(continued) => {
            page.raw("<p>It goes on from the run ").element("code", short(&continued.run)).raw(".</p>\n")
        }
        None => page,
    };
    page.raw("<p class=\"quiet\">Run ")
        .text(&begin.run)
        .raw(" by flipper ")
        .text(&begin.flipper)
        .raw(". This page changes nothing and asks nobody.</p>\n</footer>\n")
}

fn trouble_says(trouble: &crate::journal::Trouble) -> String {
    format!("it {}", self::trouble(trouble))
}
