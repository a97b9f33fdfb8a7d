//! Serves the pages on loopback, where browsers permit a camera as they do over HTTPS.

use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Site {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::open_with(Router::new()).await
    }

    /// With more than the files in `pages/`.
    pub(crate) async fn open_with(pages: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = FILES.iter().fold(pages, |router, (path, content_type, text)| {
            router.route(path, get(([(CONTENT_TYPE, *content_type)], *text)))
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, serving }
    }

    pub(crate) fn url(&self, page: &str) -> String {
        format!("http://{}/{page}.html", self.address)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

const HTML: &str = "text/html";
const SCRIPT: &str = "text/javascript";

const FILES: [(&str, &str, &str); 8] = [
    ("/keeping.html", HTML, include_str!("pages/keeping.html")),
    ("/rebuilding.html", HTML, include_str!("pages/rebuilding.html")),
    ("/call.js", SCRIPT, include_str!("pages/call.js")),
    ("/keeping.js", SCRIPT, include_str!("pages/keeping.js")),
    ("/media.js", SCRIPT, include_str!("pages/media.js")),
    ("/rebuilding.js", SCRIPT, include_str!("pages/rebuilding.js")),
    ("/sample.js", SCRIPT, include_str!("pages/sample.js")),
    ("/statistics.js", SCRIPT, include_str!("pages/statistics.js")),
];
