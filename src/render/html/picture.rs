//! The graph of a plan, drawn.
//!
//! Above each box there is a strip in which edges run straight down, with their rules' numbers on them; between the
//! layers there is one in which they bend. So no line crosses a text.

use super::markup::Markup;
use crate::model::Plan;
use crate::render::Sheet;
use crate::render::graph::{Edge, edges, phases, rules};
use crate::render::layout::{Graph, Layout};
use crate::render::plan::Marks;

/// Width of a letter of a step's name, in the units of the drawing.
const LETTER: f64 = 6.7;
/// Letters of a name that are shown; the rest is in the tooltip.
const LONGEST: usize = 26;
/// The strip with the numbers, and the one in which edges bend.
const STRIP: f64 = 26.0;
const BEND: f64 = 20.0;
/// The frame around everything.
const MARGIN: f64 = 8.0;

/// A box with what is written in it.
struct Step {
    width: f64,
    height: f64,
    top: f64,
    middle: f64,
    layer: usize,
    name: String,
    about: String,
    mark: Option<&'static str>,
    out: bool,
}

pub(super) fn svg(sheet: &Sheet<'_>) -> Markup {
    let plan = sheet.plan;
    let edges = edges(plan);
    let mut steps: Vec<Step> = (1..=plan.steps.len()).map(|number| step(sheet, &edges, number)).collect();
    let widths: Vec<f64> = steps.iter().map(|step| step.width).collect();
    let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from - 1, edge.to - 1)).collect();
    let layout = Graph { widths: &widths, edges: &pairs, gap: 14.0, lane: 12.0 }.layout();
    let layers = heights(&mut steps, &layout);
    let (width, height) = (layout.width + 2.0 * MARGIN, layers.last().map_or(0.0, |layer| layer.bottom) + MARGIN);
    Markup::new()
        .raw("<svg role=\"img\" aria-label=\"The steps and what must come before each\" viewBox=\"0 0 ")
        .text(width)
        .raw(" ")
        .text(height)
        .raw("\" width=\"")
        .text(width)
        .raw("\" height=\"")
        .text(height)
        .raw("\">\n")
        .add(band(&steps, &layers, width))
        .each(edges.iter().zip(&layout.passes), |(edge, passes)| {
            line(plan, &edges, &steps, &layers, &layout, edge, passes)
        })
        .each((1..).zip(&steps), |(number, step)| boxed(sheet, number, step))
        .raw("</svg>\n")
}

fn step(sheet: &Sheet<'_>, edges: &[Edge], number: usize) -> Step {
    let plan = sheet.plan;
    let marks = Marks::of(plan);
    let id = sheet.id(number);
    let name: String = match id.chars().count() > LONGEST {
        true => id.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => id,
    };
    let no_return = marks.no_return == Some(number);
    let arriving: f64 = edges.iter().filter(|edge| edge.to == number).map(|edge| pill(plan, edge) + 4.0).sum();
    let mark = no_return.then_some("point of no return");
    let about = plan.steps.get(number - 1).map(|step| format!("{number} · {}", step.action.node())).unwrap_or_default();
    let letters = name.chars().count().max(about.chars().count()).max(mark.map_or(0, str::len));
    Step {
        width: (letters as f64 * LETTER + 20.0).max(arriving + 8.0).max(96.0).round(),
        height: if no_return { 54.0 } else { 40.0 },
        top: 0.0,
        middle: 0.0,
        layer: 0,
        name,
        about,
        mark,
        out: phases(plan).iter().any(|phase| phase.out && (phase.from..=phase.to).contains(&number)),
    }
}

/// From where to where a layer reaches: its strip, its boxes.
struct Layer {
    strip: f64,
    bottom: f64,
}

fn heights(steps: &mut [Step], layout: &Layout) -> Vec<Layer> {
    let count = layout.boxes.iter().map(|(layer, _)| layer + 1).max().unwrap_or(0);
    let mut layers = vec![];
    let mut y = MARGIN - STRIP;
    for layer in 0..count {
        let inside = |at: usize| layout.boxes[at].0 == layer;
        let tallest = (0..steps.len()).filter(|at| inside(*at)).map(|at| steps[at].height).fold(0.0, f64::max);
        for at in (0..steps.len()).filter(|at| inside(*at)) {
            steps[at].top = y + STRIP;
            steps[at].middle = layout.boxes[at].1 + MARGIN;
            steps[at].layer = layer;
        }
        layers.push(Layer { strip: y, bottom: y + STRIP + tallest });
        y += STRIP + tallest + BEND;
    }
    layers
}

/// A ground under the layers in which nobody can write, where no other step is among them.
fn band(steps: &[Step], layers: &[Layer], width: f64) -> Markup {
    let out = || steps.iter().filter(|step| step.out).map(|step| step.layer);
    let (Some(first), Some(last)) = (out().min(), out().max()) else { return Markup::new() };
    if steps.iter().any(|step| !step.out && (first..=last).contains(&step.layer)) {
        return Markup::new();
    }
    let top = (layers[first].strip + 4.0).max(1.0);
    Markup::new()
        .raw("<rect class=\"band\" x=\"1\" y=\"")
        .text(top)
        .raw("\" width=\"")
        .text(width - 2.0)
        .raw("\" height=\"")
        .text(layers[last].bottom + 8.0 - top)
        .raw("\" rx=\"8\"/>\n")
}

/// Width of the ground under an edge's numbers.
fn pill(plan: &Plan, edge: &Edge) -> f64 {
    (numbers(plan, edge).len() as f64 * 6.5 + 6.0).max(16.0)
}

/// The numbers of an edge's rules.
fn numbers(plan: &Plan, edge: &Edge) -> String {
    let all = rules(plan);
    let number = |rule| all.iter().position(|other| other == rule).map_or(0, |at| at + 1).to_string();
    edge.rules.iter().map(number).collect::<Vec<_>>().join(",")
}

/// Where an edge arrives at its box: side by side with the others, in the order in which they come from the side.
fn arrives(plan: &Plan, edges: &[Edge], steps: &[Step], layout: &Layout, edge: &Edge) -> f64 {
    let from = |at: usize| layout.passes[at].last().copied().unwrap_or(layout.boxes[edges[at].from - 1].1);
    let mut here: Vec<usize> = (0..edges.len()).filter(|at| edges[*at].to == edge.to).collect();
    here.sort_by(|a, b| from(*a).total_cmp(&from(*b)));
    let total: f64 = here.iter().map(|at| pill(plan, &edges[*at]) + 4.0).sum();
    let mut x = steps[edge.to - 1].middle - total / 2.0;
    for at in here {
        let own = pill(plan, &edges[at]) + 4.0;
        if edges[at] == *edge {
            return x + own / 2.0;
        }
        x += own;
    }
    x
}

/// Where an edge leaves its box.
fn leaves(edges: &[Edge], steps: &[Step], layout: &Layout, edge: &Edge) -> f64 {
    let to = |at: usize| layout.passes[at].first().copied().unwrap_or(layout.boxes[edges[at].to - 1].1);
    let mut here: Vec<usize> = (0..edges.len()).filter(|at| edges[*at].from == edge.from).collect();
    here.sort_by(|a, b| to(*a).total_cmp(&to(*b)));
    let step = &steps[edge.from - 1];
    let place = here.iter().position(|at| edges[*at] == *edge).unwrap_or(0) as f64;
    let apart = ((step.width - 16.0) / here.len() as f64).min(12.0);
    step.middle + (place - (here.len() - 1) as f64 / 2.0) * apart
}

fn line(
    plan: &Plan,
    edges: &[Edge],
    steps: &[Step],
    layers: &[Layer],
    layout: &Layout,
    edge: &Edge,
    passes: &[f64],
) -> Markup {
    let (from, to) = (&steps[edge.from - 1], &steps[edge.to - 1]);
    let start = leaves(edges, steps, layout, edge);
    let end = arrives(plan, edges, steps, layout, edge);
    let bend = |x0: f64, y0: f64, x1: f64, y1: f64| {
        let middle = f64::midpoint(y0, y1);
        format!(" C{x0:.0} {middle:.0} {x1:.0} {middle:.0} {x1:.0} {y1:.0}")
    };
    let mut path = format!("M{start:.0} {:.0} V{:.0}", from.top + from.height, layers[from.layer].bottom);
    let (mut x, mut y) = (start, layers[from.layer].bottom);
    for (layer, pass) in layers[from.layer + 1..].iter().zip(passes) {
        let pass = pass + MARGIN;
        path += &bend(x, y, pass, layer.strip);
        path += &format!(" V{:.0}", layer.bottom);
        (x, y) = (pass, layer.bottom);
    }
    path += &bend(x, y, end, layers[to.layer].strip);
    path += &format!(" V{:.0}", to.top - 4.0);
    let ids: Vec<String> = edge.rules.iter().map(|rule| format!("{rule}: {}", rule.reason())).collect();
    let (wide, high) = (pill(plan, edge), 14.0);
    Markup::new()
        .raw(if edge.implied { "<g class=\"edge implied\"><title>" } else { "<g class=\"edge\"><title>" })
        .text(format!("{} after {}; {}", edge.to, edge.from, ids.join("; ")))
        .raw("</title><path d=\"")
        .text(path)
        .raw("\"/><path class=\"tip\" d=\"")
        .text(format!("M{end:.0} {:.0} l-4 -7 h8 z", to.top))
        .raw("\"/><rect x=\"")
        .text(format!("{:.1}", end - wide / 2.0))
        .raw("\" y=\"")
        .text(to.top - 23.0)
        .raw("\" width=\"")
        .text(wide)
        .raw("\" height=\"")
        .text(high)
        .raw("\" rx=\"7\"/><text x=\"")
        .text(format!("{end:.1}"))
        .raw("\" y=\"")
        .text(to.top - 12.5)
        .raw("\">")
        .text(numbers(plan, edge))
        .raw("</text></g>\n")
}

fn boxed(sheet: &Sheet<'_>, number: usize, step: &Step) -> Markup {
    let class = match (step.out, step.mark.is_some()) {
        (true, true) => "<g class=\"box out turn\">",
        (true, false) => "<g class=\"box out\">",
        (false, true) => "<g class=\"box turn\">",
        (false, false) => "<g class=\"box\">",
    };
    let line = |class: &'static str, y: f64, text: &str| {
        Markup::new()
            .raw(class)
            .raw(" x=\"")
            .text(step.middle)
            .raw("\" y=\"")
            .text(step.top + y)
            .raw("\">")
            .text(text)
            .raw("</text>")
    };
    Markup::new()
        .raw("<a href=\"#step-")
        .text(number)
        .raw("\">")
        .raw(class)
        .raw("<title>")
        .text(format!("{number}. {}", sheet.sentence(number)))
        .raw("</title><rect x=\"")
        .text(step.middle - step.width / 2.0)
        .raw("\" y=\"")
        .text(step.top)
        .raw("\" width=\"")
        .text(step.width)
        .raw("\" height=\"")
        .text(step.height)
        .raw("\" rx=\"6\"/>")
        .add(line("<text class=\"about\"", 15.0, &step.about))
        .add(line("<text class=\"name\"", 31.0, &step.name))
        .each(step.mark, |mark| line("<text class=\"mark\"", 46.0, mark))
        .raw("</g></a>\n")
}
