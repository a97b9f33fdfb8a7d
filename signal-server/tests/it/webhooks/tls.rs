//! A receiver with TLS.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use signal_server::{Secret, Webhooks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::receiver::SECRET;
use crate::common::{Api, PATIENCE, builder};

#[tokio::test]
async fn a_receiver_is_trusted_by_the_authority_that_is_given_and_no_other() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let chain = vec![certificate.der().clone()];
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let tls = tls.unwrap().with_no_client_auth().with_single_cert(chain, private).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/hooks", listener.local_addr().unwrap().port());

    let with = |ca: Option<&str>| {
        builder().webhooks(Webhooks::new(&url, &[Secret::new(SECRET)], ca).unwrap())
    };
    let tls = TlsAcceptor::from(Arc::new(tls));
    let accept = async || {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        tls.accept(stream).await
    };
    let stranger = Api::start_with(with(None)).await;
    stranger.room().await;
    assert!(accept().await.is_err(), "the authority is not Mozilla's");
    drop(stranger);

    let api = Api::start_with(with(Some(&certificate.pem()))).await;
    let room = api.room().await;
    let mut received = Vec::new();
    // The stranger may be first once more.
    let mut stream = match accept().await {
        Ok(stream) => stream,
        Err(_) => accept().await.unwrap(),
    };
    while !received.ends_with(b"}}}") {
        received.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").await.unwrap();
    let received = String::from_utf8(received).unwrap();
    assert!(received.starts_with("POST /hooks HTTP/1.1\r\n"), "{received}");
    assert!(received.contains("webhook-signature: v1,") && received.contains(&room.id));
}
