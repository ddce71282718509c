//! Names that nobody can guess: keyed digests (HMAC-SHA-256, RFC 2104) under a secret of this server.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The secret of a server; it lies in a file only its user can read.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub(super) const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// A name for `parts` under a `purpose`, 32 hexadecimal digits (128 bits).
    pub(super) fn name(&self, purpose: &str, parts: &[&[u8]]) -> String {
        let mut message = purpose.as_bytes().to_vec();
        for part in parts {
            // With lengths, so that no two lists of parts read the same.
            message.extend((part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        let digest = hmac(&self.0[..], &message);
        hex(&digest[..16])
    }
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(difference) == 0
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16);
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit).collect()
}

/// HMAC-SHA-256 with a key of at most one block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = Zeroizing::new([with; BLOCK]);
        block.iter_mut().zip(key).for_each(|(pad, byte)| *pad ^= byte);
        block
    };
    let inner = Sha256::new().chain_update(&padded(0x36)[..]).chain_update(message).finalize();
    Sha256::new().chain_update(&padded(0x5c)[..]).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_rfc_4231() {
        let first = hmac(&[0x0b; 20], b"Hi There");
        assert_eq!(hex(&first), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        let second = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex(&second),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn names_depend_on_secret_purpose_and_each_part() {
        let secret = Secret::new(Zeroizing::new([1; 32]));
        let other = Secret::new(Zeroizing::new([2; 32]));
        let names = [
            secret.name("a", &[b"bc", b"d"]),
            secret.name("a", &[b"b", b"cd"]),
            secret.name("b", &[b"bc", b"d"]),
            other.name("a", &[b"bc", b"d"]),
        ];
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        assert!(same(b"ab", b"ab") && !same(b"ab", b"ac") && !same(b"ab", b"a"));
    }
}
