//! What the report says about the server.

use crate::common::{SIGNALING, Server, loadtest, result};

#[test]
fn the_server_is_told_by_its_process_and_by_its_metrics() {
    let server = Server::start();
    let pid = server.process.id().to_string();
    for source in [["--server-pid", &pid], ["--server-metrics", &server.metrics]] {
        let flags = [&SIGNALING[..], &["--duration", "3"], &source].concat();
        let (run, lines) = server.run(&flags, "server 0");
        let (status, report) = result(run, lines);
        assert_eq!(status, Some(0), "{report:#}");
        let used = &report["server"];
        assert!(used["processor_seconds"].as_f64() > Some(0.0), "{report:#}");
        assert!(used["open_files"].as_u64() > Some(20), "{report:#}");
        assert!(used["max_files"].as_u64() > Some(200), "{report:#}");
        let counts = &report["server_counts"];
        assert_eq!(counts.is_null(), source[0] == "--server-pid");
        if !counts.is_null() {
            assert!(counts["relays"].as_u64() > Some(500), "{report:#}");
            assert!(counts["handling_us"].as_f64() > Some(0.0), "{report:#}");
            assert!(counts["most_participants"].as_u64() >= Some(20), "{report:#}");
        }
    }
    let wrong = ["--url", &server.url, "--token", &server.token, "--server-metrics", &server.url];
    let told = String::from_utf8(loadtest(&wrong).stderr).unwrap();
    assert!(told.contains("it answers with HTTP/1.0 404"), "{told}");
}
