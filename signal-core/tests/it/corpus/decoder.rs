//! What holds for every frame.

#![allow(dead_code, unreachable_pub, reason = "each target uses one of the two")]

use bytes::Bytes;
use signal_core::{ProtocolVersion, wire};

/// What a participant sends. What was understood is understood again in the form that this crate
/// writes.
pub fn client(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    for protocol in [ProtocolVersion::V1, ProtocolVersion::V2] {
        match wire::decode_client(&frame, protocol) {
            Ok(request) => {
                let written = wire::encode_client(&request.message, request.req.as_ref());
                let again = wire::decode_client(&written, ProtocolVersion::V2)
                    .expect("what was written can be read");
                let rewritten = wire::encode_client(&again.message, again.req.as_ref());
                assert_eq!(written, rewritten, "the second reading differs from the first");
            }
            Err(error) => {
                let _ = (error.code(), error.to_string());
            }
        }
    }
}

/// What a server sends.
pub fn server(data: &[u8]) {
    match wire::decode_server(&Bytes::copy_from_slice(data)) {
        Ok(message) => {
            for protocol in [ProtocolVersion::V1, ProtocolVersion::V2] {
                let written = wire::encode_server(&message, protocol);
                let again = wire::decode_server(&written).expect("what was written can be read");
                assert_eq!(
                    written,
                    wire::encode_server(&again, protocol),
                    "the second reading differs from the first"
                );
            }
        }
        Err(error) => {
            let _ = (error.code(), error.to_string());
        }
    }
}
