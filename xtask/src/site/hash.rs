//! FNV-1a, 64 bits: no secret, just another name for another content.

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x100_0000_01b3;

/// A name for a content.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_has_another_name() {
        assert_eq!(hash(b""), BASIS);
        // From the authors' list of test vectors.
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
