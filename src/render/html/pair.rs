//! The pair now and after the last step, side by side.

use super::markup::Markup;
use crate::model::{Fencing, NodeBasis, Plan, RoleName, WriteAccess};
use crate::render::describe;

/// One picture of a node.
struct Seen<'a> {
    node: &'a NodeBasis,
    access: WriteAccess,
    /// Roles it holds, and whether that is new.
    roles: Vec<(&'a RoleName, bool)>,
}

pub(super) fn now_and_after(plan: &Plan) -> Markup {
    let held = |node: &NodeBasis, role: &RoleName| node.holds.iter().any(|(held, _)| held == role);
    let roles = || plan.basis.roles.iter().map(|(role, ..)| role);
    let now = |node| Seen {
        node,
        access: node.access,
        roles: roles().filter(|role| held(node, role)).map(|role| (role, false)).collect(),
    };
    let after = |node| Seen {
        node,
        access: plan.access_after(node),
        roles: roles()
            .filter(|role| plan.after.holder(role) == Some(&node.name))
            .map(|role| (role, !held(node, role)))
            .collect(),
    };
    let nobody_now: Vec<&RoleName> =
        roles().filter(|role| !plan.basis.nodes.iter().any(|node| held(node, role))).collect();
    let nobody_after: Vec<&RoleName> = roles().filter(|role| plan.after.holder(role).is_none()).collect();
    let column = |title: &'static str, nodes: [Seen<'_>; 2], nobody: &[&RoleName]| {
        let page = Markup::new().raw("<div class=\"moment\">\n").element("h3", title);
        let page = page.raw("\n").each(nodes, |seen| card(plan, &seen));
        let page = match nobody.is_empty() {
            true => page,
            false => page
                .raw("<div class=\"node nobody\">\n<p class=\"name\">on nobody</p>\n<ul class=\"roles\">\n")
                .each(nobody, |role| chip(plan, role, false))
                .raw("</ul>\n</div>\n"),
        };
        page.raw("</div>\n")
    };
    let [first, second] = &plan.basis.nodes;
    let page = Markup::new().raw("<section>\n<h2>Now and after</h2>\n<div class=\"moments\">\n");
    page.add(column("Now", [now(first), now(second)], &nobody_now))
        .add(column("After", [after(first), after(second)], &nobody_after))
        .raw("</div>\n</section>\n")
}

fn card(plan: &Plan, seen: &Seen<'_>) -> Markup {
    let Seen { node, access, roles } = seen;
    let how: Fencing = describe::fencing(node.flavour, node.version);
    let open = *access == WriteAccess::Open;
    let page = Markup::new()
        .raw(if open { "<div class=\"node open\">\n" } else { "<div class=\"node\">\n" })
        .raw("<p class=\"name\">")
        .element("b", &node.name)
        .raw(" <span>")
        .text(describe::server(node.flavour, node.version))
        .raw("</span></p>\n<p class=\"access\">Can write: ")
        .element("b", describe::who(*access, how))
        .raw("</p>\n");
    match roles.is_empty() {
        true => page.raw("<p class=\"quiet\">no address</p>\n</div>\n"),
        false => {
            page.raw("<ul class=\"roles\">\n").each(roles, |(role, new)| chip(plan, role, *new)).raw("</ul>\n</div>\n")
        }
    }
}

fn chip(plan: &Plan, role: &RoleName, new: bool) -> Markup {
    let address = plan.basis.roles.iter().find(|(name, ..)| name == role).map(|(_, address, _)| address.to_string());
    Markup::new()
        .raw(if new { "<li class=\"new\">" } else { "<li>" })
        .element("b", role)
        .raw(" ")
        .element("code", address.unwrap_or_default())
        .raw(if new { " <i>moves here</i></li>\n" } else { "</li>\n" })
}
