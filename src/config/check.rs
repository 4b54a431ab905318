//! Checks across a whole file: what each part says is right, but they contradict each other.

use std::net::IpAddr;

use super::mistake::Mistake;
use super::tree::Span;
use crate::model::Host;

/// A node, as far as others could collide with it.
#[derive(Debug)]
pub(super) struct Machine {
    /// `db1 of orders`
    pub(super) who: String,
    /// Number of its pair in the file.
    pub(super) pair: usize,
    /// Where the node's name stands.
    pub(super) span: Span,
    /// Host and port of its server.
    pub(super) server: Option<(Host, u16)>,
    /// Host and port (0: ssh's default) of its system.
    pub(super) system: Option<(Host, u16)>,
    /// Its hosts that are addresses, with their places.
    pub(super) addresses: Vec<(IpAddr, Span)>,
}

/// A floating address.
#[derive(Debug)]
pub(super) struct Floating {
    /// `write of orders`
    pub(super) who: String,
    pub(super) ip: IpAddr,
    pub(super) span: Span,
}

/// Everything in a file that could collide.
#[derive(Debug, Default)]
pub(super) struct Across {
    pub(super) machines: Vec<Machine>,
    pub(super) floating: Vec<Floating>,
}

impl Across {
    /// All collisions.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut out = Vec::new();
        for (index, machine) in self.machines.iter().enumerate() {
            for before in &self.machines[..index] {
                out.extend(collision(before, machine));
            }
        }
        for (index, role) in self.floating.iter().enumerate() {
            if let Some(before) = self.floating[..index].iter().find(|other| other.ip == role.ip) {
                let message = format!("{} is the address of two roles: {} and {}", role.ip, before.who, role.who);
                out.push(
                    Mistake::new("flipper::config::same_address", role.span.clone(), message, "and again here")
                        .also(before.span.clone(), "first here")
                        .help("each role has an address of its own, otherwise one cannot move without the other"),
                );
            }
            for machine in &self.machines {
                if let Some((_, span)) = machine.addresses.iter().find(|(ip, _)| *ip == role.ip) {
                    let message = format!("{} is the address of {} and of node {}", role.ip, role.who, machine.who);
                    out.push(
                        Mistake::new("flipper::config::address_of_node", role.span.clone(), message, "would move away")
                            .also(span.clone(), "the node is reached by it")
                            .help("a floating address belongs to no node: give the node its own, fixed one"),
                    );
                }
            }
        }
        out
    }
}

fn collision(before: &Machine, machine: &Machine) -> Option<Mistake> {
    let both = |code, message, help: &str| {
        Mistake::new(code, machine.span.clone(), message, "and this node")
            .also(before.span.clone(), "this node")
            .help(help)
    };
    if let (Some(one), Some(other)) = (&before.server, &machine.server)
        && same(one, other)
    {
        let message = format!("{} and {} are the same server: {} port {}", before.who, machine.who, other.0, other.1);
        let help = if before.pair == machine.pair {
            "a pair is two servers; give each node its own host or port"
        } else {
            "a server belongs to one pair: closing it for writes closes it for all of its roles"
        };
        return Some(both("flipper::config::same_server", message, help));
    }
    // two servers on one machine may well belong to two pairs, but not be the halves of one
    if before.pair == machine.pair
        && let (Some(one), Some(other)) = (&before.system, &machine.system)
        && same(one, other)
    {
        let message =
            format!("{} and {} are the same system: ssh reaches both at {}", before.who, machine.who, other.0);
        let help =
            "an address can move only between two systems; give each node its own host, or its own ssh host or port";
        return Some(both("flipper::config::same_system", message, help));
    }
    None
}

fn same(one: &(Host, u16), other: &(Host, u16)) -> bool {
    let host = match (one.0.ip(), other.0.ip()) {
        (Some(one), Some(other)) => one.to_canonical() == other.to_canonical(),
        _ => one.0.as_str().eq_ignore_ascii_case(other.0.as_str()),
    };
    host && one.1 == other.1
}
