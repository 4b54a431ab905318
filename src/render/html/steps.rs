//! Every step, with its reason, what happens if it fails, and what it says to the nodes.

use super::markup::Markup;
use crate::dialect::{self, Spelled, Target};
use crate::model::{ArpingKind, Limits, NodeName, Plan, Server, System};
use crate::render::graph::{Phase, phases};
use crate::render::plan::{Marks, reasons};
use crate::render::{Sheet, fate};

/// The port of a server unless the config says otherwise.
const PORT: u16 = 3306;

pub(super) fn all(sheet: &Sheet<'_>) -> Markup {
    let plan = sheet.plan;
    Markup::new()
        .raw("<section class=\"steps\">\n<h2>Steps</h2>\n")
        .each(phases(plan), |phase| stretch(sheet, &phase))
        .raw("<p class=\"quiet\">The words are those for the versions above. Not in a plan, and shown here as they are by ")
        .raw("default: paths of tools, <code>sudo</code>, ports, time limits. With the config at hand, ")
        .raw("<code>flipper apply FILE --dry-run</code> prints everything to the letter. In angle brackets: what is ")
        .raw("known only at that moment.</p>\n</section>\n")
}

fn stretch(sheet: &Sheet<'_>, phase: &Phase) -> Markup {
    Markup::new()
        .raw(if phase.out { "<div class=\"phase out\">\n" } else { "<div class=\"phase\">\n" })
        .element("h3", &phase.title)
        .raw("\n<ol>\n")
        .each(phase.from..=phase.to, |number| step(sheet, number))
        .raw("</ol>\n</div>\n")
}

fn step(sheet: &Sheet<'_>, number: usize) -> Markup {
    let plan = sheet.plan;
    let Some(step) = number.checked_sub(1).and_then(|at| plan.steps.get(at)) else { return Markup::new() };
    let (way, means) = fate::of(plan, number);
    let page = Markup::new().raw("<li id=\"step-").text(number).raw("\">\n");
    let page = match Marks::of(plan).no_return == Some(number) {
        true => page.raw("<p class=\"noreturn\">Point of no return: from here the way is forward only</p>\n"),
        false => page,
    };
    let page = page
        .raw("<p class=\"what\"><span class=\"number\">")
        .text(number)
        .raw("</span><span>")
        .text(sheet.sentence(number))
        .raw("</span></p>\n<p class=\"why\"><code>")
        .text(&step.id)
        .raw("</code>");
    let page = match step.after.is_empty() {
        true => page,
        false => page.raw(" ").text(reasons(plan, step)),
    };
    let page = page.raw("</p>\n<p class=\"fate\">If it fails: ").element("b", way.word()).raw("; ").text(means);
    page.raw("</p>\n").add(words(plan, number)).raw("</li>\n")
}

/// What the step says, word for word.
fn words(plan: &Plan, number: usize) -> Markup {
    let said = number.checked_sub(1).and_then(|at| plan.steps.get(at)).map(|step| spell(plan, &step.action));
    let said = said.unwrap_or_default();
    let one = |said: &Spelled| {
        let (to, channel, text) = match said {
            Spelled::Sql(node, text) => (node.to_string(), " SQL", text.replace("; ", ";\n")),
            Spelled::Ssh(node, text) => (node.to_string(), " shell", text.clone()),
            Spelled::Here(text) => ("here".to_owned(), " shell", text.clone()),
            Spelled::Connect(to, text) => (format!("from here to {to}"), " SQL", text.replace("; ", ";\n")),
        };
        let page = Markup::new().raw("<dt>").text(to).raw(channel).raw("</dt>\n<dd><pre>");
        // lines are set by this page; a line end in the text itself is made visible
        let lines: Vec<&str> = text.split('\n').collect();
        let last = lines.len();
        (1..)
            .zip(lines)
            .fold(page, |page, (at, line)| page.text(line).raw(if at == last { "" } else { "\n" }))
            .raw("</pre></dd>\n")
    };
    Markup::new()
        .raw("<details>\n<summary>What is said, word for word</summary>\n<dl>\n")
        .each(&said, one)
        .raw("</dl>\n</details>\n")
}

fn spell(plan: &Plan, action: &crate::model::Action) -> Vec<Spelled> {
    let servers: Vec<(&NodeName, Server)> = plan
        .basis
        .nodes
        .iter()
        .map(|node| {
            let server = Server {
                flavour: node.flavour,
                version: node.version,
                server_id: node.server_id,
                uuid: node.uuid.clone(),
                hostname: String::new(),
            };
            (&node.name, server)
        })
        .collect();
    let system = System {
        ip: None,
        ss: None,
        arping: Some(("arping".to_owned(), ArpingKind::Iputils)),
        ndptool: Some("ndptool".to_owned()),
        up: vec![],
        promotes_secondaries: false,
        denied: vec![],
    };
    dialect::spell(action, &Limits::default(), |name| {
        let (_, server) = servers.iter().find(|(node, _)| *node == name)?;
        let peer = servers.iter().map(|(node, _)| *node).find(|node| *node != name);
        Some(Target {
            server,
            system: &system,
            sudo: false,
            port: PORT,
            peer,
            fence: None,
            lost: plan.dead() == Some(name),
        })
    })
}
