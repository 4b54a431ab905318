//! Pages, of a plan or of a run that carried one out: no network, no script, for a screen, a telephone and a sheet of
//! paper.

mod markup;
mod pair;
mod picture;
mod run;
mod steps;

pub use run::run;

use super::plan::{Marks, ground, outage, way_back};
use super::{Sheet, fate, graph};
use crate::model::Plan;
use markup::Markup;

const STYLE: &str = include_str!("page.css");

/// The plan as a page.
#[must_use]
pub fn text(sheet: &Sheet<'_>) -> String {
    let plan = sheet.plan;
    let page = Markup::new()
        .add(header(sheet))
        .add(overrides(plan))
        .add(review(sheet))
        .add(notes(plan))
        .add(pair::now_and_after(plan));
    let page = match plan.is_empty() {
        true => page,
        false => page
            .raw("<div class=\"columns\">\n")
            .add(steps::all(sheet))
            .raw("<aside>\n")
            .add(picture(sheet))
            .add(failing())
            .raw("</aside>\n</div>\n"),
    };
    whole(&sheet.title(), "", page.add(basis(sheet)).add(footer(sheet)))
}

/// What every page has around its content; `style`: what only this kind of page needs.
fn whole(title: &str, style: &'static str, content: Markup) -> String {
    Markup::new()
        .raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        // a page that was tampered with on its way still runs nothing and asks nobody
        .raw(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
        )
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
        .element("title", title)
        .raw("\n<style>\n")
        .raw(STYLE)
        .raw(style)
        .raw("</style>\n</head>\n<body>\n<main>\n")
        .add(content)
        .raw("</main>\n</body>\n</html>\n")
        .end()
}

fn header(sheet: &Sheet<'_>) -> Markup {
    let plan = sheet.plan;
    let marks = Marks::of(plan);
    let out = marks.outage.is_some() || marks.closed.is_some() || marks.opens.is_some();
    let head = Markup::new()
        .raw("<header>\n<p class=\"kind\">Plan for pair ")
        .element("b", &plan.pair)
        .raw("</p>\n")
        .element("h1", &plan.goal)
        .raw("\n<p class=\"digest\"><span>Digest</span> ")
        .element("code", sheet.digest)
        .raw("</p>\n");
    if plan.is_empty() {
        return head.raw("<p class=\"empty\">Nothing to do: the pair is as asked for.</p>\n</header>\n");
    }
    let steps = if plan.steps.len() == 1 { " step" } else { " steps" };
    head.raw("<dl class=\"facts\">\n")
        .add(fact(out, "Write outage", outage(plan)))
        .add(fact(false, "Way back", way_back(plan)))
        .add(fact(false, "Length", format!("{}{steps}", plan.steps.len())))
        .raw("</dl>\n</header>\n")
}

/// What is to be seen at once; `out`: writes are out.
fn fact(out: bool, name: &'static str, says: String) -> Markup {
    let class = if out { " class=\"out\"" } else { "" };
    Markup::new().raw("<div").raw(class).raw(">").element("dt", name).element("dd", says).raw("</div>\n")
}

fn overrides(plan: &Plan) -> Markup {
    if plan.overrides.is_empty() {
        return Markup::new();
    }
    let one = |code: &crate::model::Code| {
        Markup::new().raw("<li>").element("code", code.id()).raw(" ").text(code.matters()).raw("</li>\n")
    };
    Markup::new()
        .raw("<section class=\"attention\">\n<h2>Overridden by the operator</h2>\n")
        .raw("<p>Without these words the plan is refused.</p>\n<ul>\n")
        .each(&plan.overrides, one)
        .raw("</ul>\n</section>\n")
}

fn review(sheet: &Sheet<'_>) -> Markup {
    if sheet.plan.is_empty() {
        return Markup::new();
    }
    let asked = |text: String| Markup::new().raw("<li>").prose(&text).raw("</li>\n");
    Markup::new()
        .raw("<section>\n<h2>Look at this before you approve it</h2>\n<ul class=\"review\">\n")
        .each(sheet.review(), asked)
        .raw("<li>Approve it by its digest, in full.</li>\n</ul>\n</section>\n")
}

fn notes(plan: &Plan) -> Markup {
    if plan.notes.is_empty() {
        return Markup::new();
    }
    let note = |text: &String| Markup::new().raw("<li>").prose(text).raw("</li>\n");
    Markup::new().raw("<section>\n<h2>Notes</h2>\n<ul>\n").each(&plan.notes, note).raw("</ul>\n</section>\n")
}

fn picture(sheet: &Sheet<'_>) -> Markup {
    let numbered = (1..).zip(graph::rules(sheet.plan));
    let rule = |(number, rule): (usize, crate::model::Rule)| {
        Markup::new()
            .raw("<li><span class=\"dot\">")
            .text(number)
            .raw("</span> ")
            .element("code", rule.id())
            .raw(" ")
            .text(rule.reason())
            .raw("</li>\n")
    };
    Markup::new()
        .raw("<section class=\"graph\">\n<h2>What comes before what</h2>\n")
        .add(picture::svg(sheet))
        .raw("<p class=\"quiet\">The number on an arrow is its rule. A dashed arrow follows from others.</p>\n")
        .raw("<ol class=\"rules\">\n")
        .each(numbered, rule)
        .raw("</ol>\n</section>\n")
}

fn failing() -> Markup {
    let rule = |text: &'static str| {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        Markup::new().raw("<li>").element("b", name).text(":").text(rest).raw("</li>\n")
    };
    Markup::new()
        .raw("<section>\n<h2>When a step fails</h2>\n<ul>\n")
        .each(fate::RULES, rule)
        .raw("</ul>\n</section>\n")
}

fn basis(sheet: &Sheet<'_>) -> Markup {
    let node = |node: &crate::model::NodeBasis| {
        Markup::new().raw("<li>").element("b", &node.name).raw(": ").text(ground(node)).raw("</li>\n")
    };
    let line = |line: &String| Markup::new().raw("<li>").text(line).raw("</li>\n");
    let page = Markup::new()
        .raw("<section>\n<h2>What it rests on</h2>\n")
        .raw("<p>When any of this has changed, the plan is refused as stale.</p>\n<ul>\n")
        .each(&sheet.plan.basis.nodes, node)
        .raw("</ul>\n");
    if sheet.seen.is_empty() {
        return page.raw("</section>\n");
    }
    page.raw("<h3>Seen when it was made, for the reader only</h3>\n<ul>\n")
        .each(sheet.seen, line)
        .raw("</ul>\n</section>\n")
}

fn footer(sheet: &Sheet<'_>) -> Markup {
    let page = Markup::new().raw("<footer>\n");
    let page = match sheet.plan.is_empty() {
        true => page,
        false => page
            .raw("<p>Carry out exactly this plan:</p>\n<pre>flipper apply FILE --expect-digest ")
            .text(sheet.digest)
            .raw("</pre>\n"),
    };
    page.raw("<p class=\"quiet\">Made by flipper ")
        .text(sheet.version)
        .raw(". This page changes nothing and asks nobody.</p>\n</footer>\n")
}
