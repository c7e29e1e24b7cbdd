//! Changes inputs in the ways that find faults of parsers, the same way on every machine.

/// A small generator of numbers (xorshift64*); the seed is fixed, so that a failure can be repeated.
pub(crate) struct Random(u64);

impl Random {
    /// Starts with a seed that is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    /// A number below `end`; 0 when that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }
}

/// Bytes that mean something to somebody: lengths, tags, quotes, separators.
const TELLING: [u8; 20] = [
    0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x31, 0xa0, b'"', b'{', b'[', b'\\', b'.', b'\n', b'-',
    b'0', b'9',
];

/// A changed copy of `input`, now and then with a piece of `other`.
pub(crate) fn mutated(random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(3) {
        one(random, &mut bytes, other);
    }
    bytes
}

fn one(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len());
    let to = (at + random.below(64)).min(bytes.len());
    match random.below(9) {
        0 => change(bytes, at, |byte| byte ^ (1 << random.below(8))),
        1 => change(bytes, at, |_| TELLING[random.below(TELLING.len())]),
        2 => drop(bytes.drain(at..to)),
        3 => bytes.truncate(at),
        4 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
        5 => {
            let piece = bytes[at..to].to_vec();
            bytes.splice(at..at, piece);
        }
        6 => {
            let from = random.below(other.len());
            let end = (from + random.below(256)).min(other.len());
            bytes.splice(at..to, other[from..end].iter().copied());
        }
        7 => {
            let value = [0u32, 1, 0x7fff_ffff, u32::MAX, 0xffff][random.below(5)].to_le_bytes();
            bytes.splice(at..(at + 4).min(bytes.len()), value);
        }
        _ => {
            let piece = bytes[at..to].repeat(random.below(40));
            bytes.splice(at..to, piece);
        }
    }
}

fn change(bytes: &mut [u8], at: usize, with: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = with(*byte);
    }
}
