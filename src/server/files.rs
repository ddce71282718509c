//! Addresses of result files: nobody can guess them, and they end.
//!
//! `/files/<until>-<signature>/<imageUUID>.<ext>`, signed under the server's secret: nothing has to be
//! remembered for them, and they work across restarts.

use std::time::SystemTime;

use uuid::Uuid;

use super::sign::{Secret, same};
use super::store::unix_seconds;

/// What the signature is for.
const PURPOSE: &str = "file";

/// The path of a file's address until `until`, in seconds since 1970.
pub(super) fn path(secret: &Secret, image: Uuid, extension: &str, until: u64) -> String {
    let signature = signature(secret, image, until);
    format!("/files/{until:x}-{signature}/{image}.{extension}")
}

/// The picture that a path (without `/files/`) names, and until when it may be fetched.
pub(super) fn read(secret: &Secret, pass: &str, file: &str) -> Option<(Uuid, u64)> {
    let (until, given) = pass.split_once('-')?;
    let until = u64::from_str_radix(until, 16).ok()?;
    let image = Uuid::try_parse(file.split_once('.')?.0).ok()?;
    let expected = signature(secret, image, until);
    same(expected.as_bytes(), given.as_bytes()).then_some((image, until))
}

/// Whether that moment has passed.
pub(super) fn is_over(until: u64) -> bool {
    unix_seconds(SystemTime::now()) >= until
}

fn signature(secret: &Secret, image: Uuid, until: u64) -> String {
    secret.name(PURPOSE, &[image.as_bytes(), &until.to_be_bytes()])
}

/// The media type of a file by its ending.
pub(super) fn media_type(extension: &str) -> &'static str {
    match extension {
        "png" => "image/png",
        "webp" => "image/webp",
        _ => "image/jpeg",
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn an_address_holds_for_one_file_and_one_moment() {
        let secret = Secret::new(Zeroizing::new([3; 32]));
        let image = Uuid::new_v4();
        let path = path(&secret, image, "png", 0x1234);
        let [pass, file] = path.strip_prefix("/files/").unwrap().split('/').collect::<Vec<_>>()[..]
        else {
            panic!("{path}")
        };
        assert_eq!(read(&secret, pass, file), Some((image, 0x1234)));
        let later = pass.replace("1234-", "1235-");
        assert_eq!(read(&secret, &later, file), None);
        assert_eq!(read(&secret, pass, &format!("{}.png", Uuid::new_v4())), None);
        assert_eq!(read(&secret, "1234-", file), None);
        assert!(is_over(0x1234) && !is_over(u64::MAX));
    }
}
