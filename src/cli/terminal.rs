//! The terminal, where there is one.

use std::io::IsTerminal as _;

use super::here;

/// Lines may be written over on stderr.
pub(super) fn is_live() -> bool {
    !is_dumb() && std::io::stderr().is_terminal()
}

/// The screen may be written over on stdout.
pub(super) fn is_screen() -> bool {
    !is_dumb() && std::io::stdout().is_terminal()
}

fn is_dumb() -> bool {
    here::environment("TERM").is_none_or(|term| term == "dumb" || term.is_empty())
}

/// Columns and rows, where the terminal knows them.
pub(super) fn size() -> Option<(usize, usize)> {
    let of = |size: rustix::io::Result<rustix::termios::Winsize>| {
        size.ok().map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)))
    };
    let known = of(rustix::termios::tcgetwinsize(std::io::stderr()))
        .or_else(|| of(rustix::termios::tcgetwinsize(std::io::stdout())));
    known.filter(|(columns, rows)| *columns > 0 && *rows > 0)
}
