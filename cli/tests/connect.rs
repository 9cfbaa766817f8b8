//! How the program finds its cluster and proves who it is, without a cluster: every way in which that fails is a sentence.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod program;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use program::{Answer, Program};

/// A folder for one test's files.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// A kubeconfig for a server, with this as the user.
fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: it, user: me, namespace: team}}}}]
clusters: [{{name: it, cluster: {{server: '{server}'}}}}]
users: [{{name: me, user: {user}}}]
"
    )
}

fn refused(answer: &Answer, part: &str) {
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stdout.is_empty(), "{answer:?}");
    assert!(answer.stderr.starts_with("error: ") && answer.stderr.contains(part), "{}", answer.stderr);
    assert_eq!(answer.stderr.trim_end().lines().count(), 1, "one sentence: {}", answer.stderr);
}

/// A server that takes one request, answers with this status, and hands back what it was sent.
fn server(status: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut heard = String::new();
        // The program may ask more than once before it gives up.
        for stream in listener.incoming().take(1) {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 8192];
            let length = stream.read(&mut buffer).unwrap_or_default();
            heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
            let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
        heard
    });
    (address, thread)
}

#[test]
fn without_a_cluster_it_says_where_it_looked() {
    refused(
        &Program::new(&["status"]).run(),
        "no cluster is configured: there is no kubeconfig (/nonexistent/kubeconfig)",
    );
    refused(&Program::new(&["status", "--kubeconfig", "/nonexistent/other"]).run(), "/nonexistent/other: ");
}

#[test]
fn a_server_that_is_not_there_or_silent() {
    let folder = folder("silent");
    let config = write(&folder, "gone", &kubeconfig("http://127.0.0.1:1", "{}"));
    refused(
        &Program::new(&["status", "--kubeconfig", &config]).run(),
        "http://127.0.0.1:1/ cannot be reached",
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = write(&folder, "silent", &kubeconfig(&format!("http://{address}"), "{}"));
    let answer = Program::new(&["status", "--kubeconfig", &config, "--request-timeout", "300ms"]).run();
    refused(&answer, "did not answer within 0.3 s");
}

#[test]
fn a_misspelt_context_has_its_neighbours_named() {
    let config = write(&folder("context"), "config", &kubeconfig("http://127.0.0.1:1", "{}"));
    let answer = Program::new(&["status", "--kubeconfig", &config, "--context", "her"]).run();
    refused(&answer, "the kubeconfig has no context \"her\"; did you mean here?");
}

#[test]
fn files_that_kubeconfig_lists_are_merged_and_missing_ones_passed_over() {
    let folder = folder("merge");
    let contexts = write(
        &folder,
        "contexts",
        "apiVersion: v1\nkind: Config\ncurrent-context: both\ncontexts: [{name: both, context: {cluster: it, user: me}}]\n",
    );
    let clusters = write(
        &folder,
        "clusters",
        "apiVersion: v1\nkind: Config\ncurrent-context: other\nclusters: [{name: it, cluster: {server: 'http://127.0.0.1:2'}}]\nusers: [{name: me, user: {}}]\n",
    );
    let list = format!("{contexts}:/nonexistent/third:{clusters}");
    refused(
        &Program::new(&["status"]).env("KUBECONFIG", &list).run(),
        "http://127.0.0.1:2/ cannot be reached",
    );
}

#[test]
fn the_token_of_an_exec_plugin_is_sent() {
    let folder = folder("exec");
    let plugin = write(
        &folder,
        "plugin.sh",
        "#!/bin/sh\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"from-the-plugin\"}}'\n",
    );
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (address, server) = server("401 Unauthorized");
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {plugin}, interactiveMode: Never}}}}"
    );
    let config = write(&folder, "config", &kubeconfig(&format!("http://{address}"), &user));
    let answer = Program::new(&["version", "--kubeconfig", &config, "--request-timeout", "5s"]).run();
    let heard = server.join().unwrap().to_ascii_lowercase();
    assert!(heard.contains("authorization: bearer from-the-plugin"), "{heard}");
    assert_eq!(answer.code, 1, "{answer:?}");
}

#[test]
fn an_exec_plugin_that_fails_is_named() {
    let folder = folder("exec-fails");
    let user =
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false, interactiveMode: Never}}";
    let config = write(&folder, "config", &kubeconfig("http://127.0.0.1:1", user));
    refused(&Program::new(&["status", "--kubeconfig", &config]).run(), "/bin/false");
}

#[test]
fn command_lines_that_make_no_sense_end_with_1_and_help_with_0() {
    for arguments in
        [&["explian"][..], &[], &["explain", "-A", "-n", "a"], &["plan"], &["status", "-o", "jsn"]]
    {
        assert_eq!(Program::new(arguments).run().code, 1, "{arguments:?}");
    }
    let answer = Program::new(&["explian"]).run();
    assert!(answer.stderr.contains("'explain'"), "the near one is named: {}", answer.stderr);
    for arguments in [
        &["--help"][..],
        &["help", "plan"],
        &["--version"],
        &["completion", "bash"],
        &["version", "--client"],
    ] {
        let answer = Program::new(arguments).run();
        assert_eq!(answer.code, 0, "{arguments:?}: {answer:?}");
        assert!(!answer.stdout.is_empty() && !answer.stdout.contains('\x1b'), "{arguments:?}");
    }
}
