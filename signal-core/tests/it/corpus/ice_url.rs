//! What holds for the URLs of ICE servers.

use signal_core::ice::IceUrl;

/// A text that may be the URL of an ICE server. What was read is read again in the form that this
/// crate writes, and no URL holds a character that a browser would stumble over.
pub fn ice_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<IceUrl>() {
        Ok(url) => {
            let written = url.to_string();
            assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
            assert_eq!(written.parse(), Ok(url), "{text}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
