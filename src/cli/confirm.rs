//! The yes: typing the pair's name. Enter is no, and so is Ctrl-C.

use std::io::BufRead;

use super::output::tell;
use super::{Stop, signals};
use crate::model::PairName;

/// What was said to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// The input was at its end: there is nobody.
    Nobody,
}

/// Asks on stderr, reads one line of stdin.
pub(super) async fn ask(pair: &PairName) -> Result<Answer, Stop> {
    let asked = async {
        tell(&format!("Type {pair} to carry this out; anything else, or Enter alone, changes nothing."));
        let (say, answer) = tokio::sync::oneshot::channel();
        let name = pair.clone();
        // a thread of its own, which nobody waits for: whoever presses Ctrl-C has not ended the line
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            // after a signal nobody listens
            let _ = say.send(match read {
                Ok(0) => Answer::Nobody,
                Ok(_) if line.trim() == name.as_str() => Answer::Yes,
                Ok(_) | Err(_) => Answer::No,
            });
        });
        answer.await
    };
    tokio::select! {
        // it listens before the question can be seen
        biased;
        signal = signals::any() => {
            // the cursor stands behind what was typed
            tell("");
            signal.map(|()| Answer::No)
        }
        said = asked => Ok(said.unwrap_or(Answer::No)),
    }
}
