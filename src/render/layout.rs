//! A small layered drawing: every edge leads down, boxes of a layer stand side by side, and an edge over several
//! layers passes between the boxes on its way.
//!
//! The usual three passes (Sugiyama): layers by the longest path, order within a layer by barycentre, positions by
//! drawing each thing towards its neighbours as far as the gaps allow. Plans have some 25 steps at most, so nothing in
//! here needs to be fast. Only sums and means of small numbers: the same graph gives the same picture everywhere.

/// What is drawn: the width of each box, and edges by the boxes' places in that list, each from an earlier to a later.
pub(super) struct Graph<'a> {
    pub(super) widths: &'a [f64],
    pub(super) edges: &'a [(usize, usize)],
    /// Free space beside a box, and between two edges that run side by side.
    pub(super) gap: f64,
    pub(super) lane: f64,
}

/// Where everything stands.
pub(super) struct Layout {
    /// The layer of each box, from 0, and the middle of the box.
    pub(super) boxes: Vec<(usize, f64)>,
    /// For each edge, where it passes each layer between its two ends.
    pub(super) passes: Vec<Vec<f64>>,
    pub(super) width: f64,
}

/// A box, or the place where an edge passes a layer.
struct Item {
    width: f64,
    layer: usize,
    x: f64,
    /// Neighbours in the layer above and in the one below.
    up: Vec<usize>,
    down: Vec<usize>,
    is_box: bool,
}

/// Sweeps over all layers, down and up.
const SWEEPS: usize = 12;

impl Graph<'_> {
    pub(super) fn layout(&self) -> Layout {
        let (mut items, chains) = self.items();
        let mut rows = rows(&items);
        order(&items, &mut rows);
        self.place(&mut items, &rows);
        let left = items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min);
        let right = items.iter().map(|item| item.x + item.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
        let x = |item: usize| (items[item].x - left).round();
        Layout {
            boxes: (0..self.widths.len()).map(|item| (items[item].layer, x(item))).collect(),
            passes: chains.iter().map(|chain| chain.iter().map(|item| x(*item)).collect()).collect(),
            width: if items.is_empty() { 0.0 } else { (right - left).round() },
        }
    }

    /// Boxes first, then a place for each layer that an edge passes.
    fn items(&self) -> (Vec<Item>, Vec<Vec<usize>>) {
        let item = |width: f64, layer: usize, is_box| Item { width, layer, x: 0.0, up: vec![], down: vec![], is_box };
        let mut items: Vec<Item> = self.widths.iter().map(|width| item(*width, 0, true)).collect();
        let mut sorted = self.edges.to_vec();
        sorted.sort_unstable();
        // edges lead to later boxes: by then the earlier one has its layer
        for (from, to) in sorted {
            items[to].layer = items[to].layer.max(items[from].layer + 1);
        }
        let mut chains = vec![];
        for (from, to) in self.edges {
            let (mut above, mut chain) = (*from, vec![]);
            for layer in items[*from].layer + 1..items[*to].layer {
                items.push(item(0.0, layer, false));
                let new = items.len() - 1;
                join(&mut items, above, new);
                chain.push(new);
                above = new;
            }
            join(&mut items, above, *to);
            chains.push(chain);
        }
        (items, chains)
    }

    /// Positions: each layer is put as near to its neighbours as the gaps allow, again and again.
    fn place(&self, items: &mut [Item], rows: &[Vec<usize>]) {
        for row in rows {
            let mut at = 0.0;
            for (place, item) in row.iter().enumerate() {
                at += if place == 0 { 0.0 } else { self.apart(items, row[place - 1], *item) };
                items[*item].x = at;
            }
        }
        for sweep in 0..SWEEPS {
            let down = sweep % 2 == 0;
            let all: Vec<&Vec<usize>> = if down { rows.iter().collect() } else { rows.iter().rev().collect() };
            for row in all {
                let wish = |item: &usize| wish(items, *item, sweep + 2 >= SWEEPS, down);
                let wishes: Vec<(f64, f64)> = row.iter().map(wish).collect();
                let gaps: Vec<f64> = row.windows(2).map(|pair| self.apart(items, pair[0], pair[1])).collect();
                for (item, x) in row.iter().zip(settle(&wishes, &gaps)) {
                    items[*item].x = x;
                }
            }
        }
    }

    /// How far apart the middles of two neighbours must be.
    fn apart(&self, items: &[Item], left: usize, right: usize) -> f64 {
        let (left, right) = (&items[left], &items[right]);
        let free = if left.is_box || right.is_box { self.gap } else { self.lane };
        f64::midpoint(left.width, right.width) + free
    }
}

fn join(items: &mut [Item], above: usize, below: usize) {
    items[above].down.push(below);
    items[below].up.push(above);
}

fn rows(items: &[Item]) -> Vec<Vec<usize>> {
    let layers = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
    (0..layers).map(|layer| (0..items.len()).filter(|item| items[*item].layer == layer).collect()).collect()
}

/// Order within the layers: each by the middle of its neighbours' places, as long as edges cross less often.
fn order(items: &[Item], rows: &mut Vec<Vec<usize>>) {
    let mut best = (crossings(items, rows), rows.clone());
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let layers: Vec<usize> = if down { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for layer in layers {
            let places = places(items, rows);
            let middle = |item: usize| {
                let near = if down { &items[item].up } else { &items[item].down };
                let sum: usize = near.iter().map(|other| places[*other]).sum();
                match near.len() {
                    0 => places[item] as f64,
                    count => sum as f64 / count as f64,
                }
            };
            // a stable sort: what is equal stays as it is
            rows[layer].sort_by(|a, b| middle(*a).total_cmp(&middle(*b)));
        }
        let now = crossings(items, rows);
        if now < best.0 {
            best = (now, rows.clone());
        }
    }
    *rows = best.1;
}

fn places(items: &[Item], rows: &[Vec<usize>]) -> Vec<usize> {
    let mut places = vec![0; items.len()];
    for row in rows {
        for (place, item) in row.iter().enumerate() {
            places[*item] = place;
        }
    }
    places
}

/// How often edges cross between two layers.
fn crossings(items: &[Item], rows: &[Vec<usize>]) -> usize {
    let places = places(items, rows);
    let mut count = 0;
    for row in rows {
        let edges: Vec<(usize, usize)> =
            row.iter().flat_map(|item| items[*item].down.iter().map(|to| (places[*item], places[*to]))).collect();
        for (at, one) in edges.iter().enumerate() {
            count += edges[at + 1..]
                .iter()
                .filter(|two| (one.0 < two.0 && one.1 > two.1) || (one.0 > two.0 && one.1 < two.1))
                .count();
        }
    }
    count
}

/// Where an item would like to be, and how much it insists. Boxes draw each other into a line; a passing edge gives way.
fn wish(items: &[Item], item: usize, both: bool, down: bool) -> (f64, f64) {
    let this = &items[item];
    let near: Vec<usize> = match (both, down) {
        (true, _) => this.up.iter().chain(&this.down).copied().collect(),
        (false, true) => this.up.clone(),
        (false, false) => this.down.clone(),
    };
    let boxes: Vec<usize> = near.iter().copied().filter(|other| this.is_box && items[*other].is_box).collect();
    let near = if boxes.is_empty() { near } else { boxes };
    let insists = if this.is_box { 100.0 } else { 1.0 };
    match near.len() {
        0 => (this.x, insists / 100.0),
        count => (near.iter().map(|other| items[*other].x).sum::<f64>() / count as f64, insists),
    }
}

/// Positions in a row, as near to the wishes as the gaps allow: least squares, by pooling neighbours that would come too
/// near to each other.
fn settle(wishes: &[(f64, f64)], gaps: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = vec![];
    for at in 0..wishes.len() {
        offset += at.checked_sub(1).and_then(|before| gaps.get(before)).copied().unwrap_or(0.0);
        offsets.push(offset);
    }
    // each pool: its mean, its weight, how many it holds
    let mut pools: Vec<(f64, f64, usize)> = vec![];
    for ((wish, weight), offset) in wishes.iter().zip(&offsets) {
        let mut pool = (wish - offset, *weight, 1);
        while let Some(last) = pools.last().copied().filter(|last| last.0 > pool.0) {
            let weight = last.1 + pool.1;
            pool = ((last.0 * last.1 + pool.0 * pool.1) / weight, weight, last.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let means = pools.iter().flat_map(|(mean, _, count)| std::iter::repeat_n(*mean, *count));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(widths: &[f64], edges: &[(usize, usize)]) -> Layout {
        Graph { widths, edges, gap: 10.0, lane: 14.0 }.layout()
    }

    #[test]
    fn a_chain_is_a_line_and_a_long_edge_goes_beside_it() {
        let layout = drawn(&[100.0; 4], &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        let layers: Vec<usize> = layout.boxes.iter().map(|(layer, _)| *layer).collect();
        assert_eq!(layers, [0, 1, 2, 3]);
        assert!(layout.boxes.iter().all(|(_, x)| (x - layout.boxes[0].1).abs() <= 2.0), "{:?}", layout.boxes);
        let [.., long] = &layout.passes[..] else { panic!() };
        for (pass, (_, x)) in long.iter().zip(&layout.boxes[1..]) {
            assert!((pass - x).abs() >= 59.0, "{long:?} passes through {:?}", layout.boxes);
        }
    }

    #[test]
    fn edges_do_not_cross_where_they_need_not() {
        // two chains whose boxes are listed crosswise
        let layout = drawn(&[50.0; 6], &[(0, 3), (1, 2), (2, 5), (3, 4)]);
        let left = |a: usize, b: usize| layout.boxes[a].1 < layout.boxes[b].1;
        assert_eq!((left(0, 1), left(3, 2), left(4, 5)), (left(0, 1), left(0, 1), left(0, 1)));
    }

    #[test]
    fn nothing_overlaps_in_any_small_graph() {
        // every graph of six boxes whose edges are the bits of a number, thinned out
        let all: Vec<(usize, usize)> = (0..6).flat_map(|a| (a + 1..6).map(move |b| (a, b))).collect();
        for bits in (0..1_u32 << all.len()).step_by(37) {
            let edges: Vec<_> = all.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, e)| *e).collect();
            let layout = drawn(&[60.0, 90.0, 60.0, 120.0, 60.0, 60.0], &edges);
            let mut taken: Vec<(usize, f64, f64)> = vec![];
            for ((layer, x), width) in layout.boxes.iter().zip([60.0, 90.0, 60.0, 120.0, 60.0, 60.0]) {
                taken.push((*layer, *x, width));
            }
            for ((from, to), passes) in edges.iter().zip(&layout.passes) {
                let layers = layout.boxes[*from].0 + 1..layout.boxes[*to].0;
                assert_eq!(layers.len(), passes.len());
                taken.extend(layers.zip(passes).map(|(layer, x)| (layer, *x, 0.0)));
            }
            for (at, one) in taken.iter().enumerate() {
                assert!(one.1 - one.2 / 2.0 >= -1.0 && one.1 + one.2 / 2.0 <= layout.width + 1.0);
                for two in taken[at + 1..].iter().filter(|two| two.0 == one.0) {
                    let free = (one.1 - two.1).abs() - f64::midpoint(one.2, two.2);
                    assert!(free >= 8.0, "{bits:b}: {one:?} {two:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(drawn(&[], &[]).width, 0.0);
    }
}
