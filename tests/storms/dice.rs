//! Chance that is the same every time: one number is a whole run.

/// Splitmix64: small, quick, and good enough to be unfair in every direction.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed ^ 0x5707_11f1_1bbe_4a11);
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    /// Both ends are possible.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// One time in `n`.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A set of transactions, each a number that no other one has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Txns(Vec<u64>);

impl Txns {
    pub(crate) fn add(&mut self, txn: u32) {
        let word = txn as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (txn % 64);
    }

    pub(crate) fn remove(&mut self, txn: u32) {
        if let Some(word) = self.0.get_mut(txn as usize / 64) {
            *word &= !(1 << (txn % 64));
        }
    }

    pub(crate) fn has(&self, txn: u32) -> bool {
        self.0.get(txn as usize / 64).is_some_and(|word| word & (1 << (txn % 64)) != 0)
    }

    /// What it has and the other one has not.
    pub(crate) fn beyond(&self, other: &Self) -> Vec<u32> {
        let mut beyond = vec![];
        for (at, word) in self.0.iter().enumerate() {
            let mut left = word & !other.0.get(at).copied().unwrap_or(0);
            while left != 0 {
                beyond.push(at as u32 * 64 + left.trailing_zeros());
                left &= left - 1;
            }
        }
        beyond
    }

    pub(crate) fn within(&self, other: &Self) -> bool {
        self.0.iter().enumerate().all(|(at, word)| word & !other.0.get(at).copied().unwrap_or(0) == 0)
    }
}

impl PartialEq for Txns {
    fn eq(&self, other: &Self) -> bool {
        self.within(other) && other.within(self)
    }
}
