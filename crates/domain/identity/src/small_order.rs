//! Ed25519 public keys under which anyone can sign: the points of small order (RFC 7748 §7, RFC 8032 §5.1.7).

/// ATTACK: under a point of order 1, 2, 4 or 8 anyone can make a signature of a large part of all messages (of every
/// message under the point of order 1), and RFC 8032 §5.1.7 verifies it. A y that is not below p = 2^255 - 19 is a
/// second spelling of another point, and refused with them.
pub(crate) fn is_weak(mut point: [u8; 32]) -> bool {
    const EIGHTH: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let [low, .., high] = &mut point;
    *high &= 0x7f; // the sign of x
    let low = *low;
    let middle = |wanted: u8| point.iter().skip(1).take(30).all(|byte| *byte == wanted);
    let last = point.last().copied().unwrap_or(0);
    // y = 0 (order 4) and 1 (order 1); y = p - 1 (order 2); every y from p on.
    let is_least = low <= 1 && middle(0) && last == 0;
    let is_greatest = low >= 0xec && middle(0xff) && last == 0x7f;
    is_least || is_greatest || EIGHTH.contains(&point)
}

#[cfg(test)]
mod tests {
    use super::is_weak;

    #[test]
    fn the_points_that_prove_nothing() {
        let with = |low: u8, middle: u8, high: u8| {
            let mut point = [middle; 32];
            point[0] = low;
            point[31] = high;
            point
        };
        for (low, middle, high) in
            [(0, 0, 0), (1, 0, 0), (0xec, 0xff, 0x7f), (0xed, 0xff, 0x7f), (0xff, 0xff, 0x7f)]
        {
            assert!(is_weak(with(low, middle, high)), "{low:x}");
            assert!(is_weak(with(low, middle, high | 0x80)), "{low:x} with sign");
        }
        // The base point, y = 4/5, and neighbours of the refused ones.
        assert!(!is_weak(with(0x58, 0x66, 0x66)));
        assert!(!is_weak(with(2, 0, 0)) && !is_weak(with(0xeb, 0xff, 0x7f)));
    }
}
