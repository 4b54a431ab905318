//! Several things at once, told in their order.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Something that goes on.
pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs all at the same time, and gives each result to `each` as soon as it and all before it are there.
pub(super) async fn in_order<T>(doing: Vec<Doing<'_, T>>, mut each: impl FnMut(T)) {
    let mut doing: Vec<(Option<Doing<'_, T>>, Option<T>)> = doing.into_iter().map(|one| (Some(one), None)).collect();
    let mut told = 0;
    poll_fn(|context| {
        for (running, done) in &mut doing {
            if let Some(future) = running
                && let Poll::Ready(result) = future.as_mut().poll(context)
            {
                (*running, *done) = (None, Some(result));
            }
        }
        while let Some(result) = doing.get_mut(told).and_then(|(_, done)| done.take()) {
            each(result);
            told += 1;
        }
        if told == doing.len() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_at_once_and_in_order() {
        let begun = Instant::now();
        let wait = |name: &'static str, ms: u64| -> Doing<'_, &'static str> {
            Box::pin(async move {
                sleep(Duration::from_millis(ms)).await;
                name
            })
        };
        let mut told = vec![];
        let all = vec![wait("a", 30), wait("b", 300), wait("c", 20), wait("d", 0)];
        in_order(all, |name| told.push((name, begun.elapsed().as_millis() / 10 * 10))).await;
        assert_eq!(told, [("a", 30), ("b", 300), ("c", 300), ("d", 300)]);
        in_order(Vec::<Doing<'_, ()>>::new(), |()| panic!("nobody")).await;
    }
}
