//! The macro with which a handler declares its error codes.

/// Declares the error codes of an operation: `error_responses!(Unauthorized, RoomNotFound)` defines
/// a type `ErrorResponses`.
macro_rules! error_responses {
    ($($code:ident),+ $(,)?) => {
        #[cfg(feature = "documents")]
        struct ErrorResponses;

        #[cfg(feature = "documents")]
        impl utoipa::IntoResponses for ErrorResponses {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::http::responses::responses(&[$($crate::http::error::Code::$code),+])
            }
        }
    };
}
pub(crate) use error_responses;
