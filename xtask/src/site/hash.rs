//! Names for contents: the first 64 bits of SHA-256, which the page looks at again where bits may have flipped.

use sha2::{Digest, Sha256};

/// A name for a content.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes).iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_has_another_name() {
        // From FIPS 180-4's examples.
        assert_eq!(hash(b"abc"), 0xba78_16bf_8f01_cfea);
        assert_eq!(hash(b""), 0xe3b0_c442_98fc_1c14);
    }
}
