//! What is read, what is refused, and bytes that are no pickle.

use super::*;

fn refused(pickle: &[u8]) -> PickleError {
    Pickle::read(pickle).unwrap_err()
}

#[test]
fn whatever_is_named_beside_tensors_is_refused_by_its_name() {
    let runs = |global: &str| PickleError::Runs { global: global.to_owned() };
    assert_eq!(refused(b"cos\nsystem\nX\x02\0\0\0id\x85R."), runs("os.system"));
    assert_eq!(refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93."), runs("os.system"));
    assert_eq!(refused(b"(X\x02\0\0\0idios\nsystem\n."), runs("os.system"));
    assert_eq!(refused(b"\x80\x02csubprocess\nPopen\n)\x81."), runs("subprocess.Popen"));
    assert_eq!(refused(b"ctorch\nload\n."), runs("torch.load"));
    assert_eq!(refused(b"ctorch\nFloatStorage\n)R."), runs("FloatStorage"));
    assert_eq!(refused(b"\x80\x02\x82\x01."), PickleError::Instruction { code: 0x82, at: 2 });
}

#[test]
fn what_is_known_cannot_be_made_of_anything_else() {
    // Attributes for a class, a tensor of a text, a parameter of a text, items under a mark.
    for pickle in [
        b"ctorch\nFloatStorage\n}b.".as_slice(),
        b"ctorch._utils\n_rebuild_tensor_v2\n(X\x01\0\0\0aK\0))tR.",
        b"ctorch._utils\n_rebuild_parameter\nX\x01\0\0\0a\x85R.",
        b"]K\x01(a.",
        b"X\x01\0\0\0aQ.",
        b"(K\x01K\x01u.",
        b"}(K\x01u.",
        b"h\x07.",
        b"",
        b".",
    ] {
        assert!(matches!(refused(pickle), PickleError::Damaged { .. }), "{pickle:?}");
    }
}

#[test]
fn numbers_have_their_signs() {
    let root = |pickle| Pickle::read(pickle).unwrap().root;
    assert_eq!(root(b"\x8a\x02\xff\x00."), Value::Integer(255));
    assert_eq!(root(b"\x8a\x01\xff."), Value::Integer(-1));
    assert_eq!(root(b"J\xfe\xff\xff\xff."), Value::Integer(-2));
    assert_eq!(root(b"\x8a\x09\0\0\0\0\0\0\0\0\x01."), Value::Other);
}

/// A list that holds itself, and one told thousands of times, are no deeper than others.
#[test]
fn values_that_share_take_no_more_than_their_bytes() {
    let own = Pickle::read(b"]q\0h\0a.").unwrap();
    assert_eq!(own.items(own.root), [own.root]);
    let deep = [b"]".repeat(60_000), b"a".repeat(59_999), b".".to_vec()].concat();
    let deep = Pickle::read(&deep).unwrap();
    assert_eq!(deep.items(deep.root).len(), 1);
}

#[test]
fn no_bytes_make_it_fall() {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let known = b".\x80\x95(01qr\x94hjc\x93iR\x81bQN\x88KMJ\x8aGX\x8cUC)]\x85\x86t}aesu\0\x01\n";
    for _ in 0..20_000 {
        let pickle: Vec<u8> = (0..random() % 40).map(|_| known[random() % known.len()]).collect();
        drop(Pickle::read(&pickle));
    }
}
