//! Every command that the README shows is run as it stands there.

use std::{collections::BTreeSet, process::Stdio};

use tokio::{io::AsyncReadExt as _, time::timeout};

use crate::harness::{PATIENCE, Stack, checkout, command, eventually, said, signal, stderr};

/// The lines of the README's shell blocks, without comments and prompts.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(checkout().join("README.md")).expect("README.md");
    let mut shell = false;
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in readme.lines() {
        match line.trim() {
            "```sh" => shell = true,
            "```" => shell = false,
            line if shell && !line.is_empty() && !line.starts_with('#') => {
                let text = line.trim_end_matches('\\').trim_end();
                match commands.last_mut().filter(|_| open) {
                    Some(last) => last.push_str(&format!(" {text}")),
                    None => commands.push(text.to_owned()),
                }
                open = line.ends_with('\\');
            }
            _ => {}
        }
    }
    commands
}

/// The words of a command, without its trailing comment, as the shell splits them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut some = false;
    for c in command.chars() {
        match (quote, c) {
            (None, '#') if !some => break,
            (None, '\'' | '"') => {
                quote = Some(c);
                some = true;
            }
            (Some(q), c) if c == q => quote = None,
            (None, c) if c.is_whitespace() => {
                if some {
                    words.push(std::mem::take(&mut word));
                }
                some = false;
            }
            (_, c) => {
                word.push(c);
                some = true;
            }
        }
    }
    if some {
        words.push(word);
    }
    words
}

#[tokio::test]
async fn every_command_of_the_readme_works_on_a_running_stack() {
    let commands = commands();
    // These are the start itself, the tests themselves, and what other tests run: the native stack and its build.
    let wanted = [
        "cargo run --release -- up",
        "cargo test --workspace",
        "stack/native/build",
        "cargo run --release -- up --stack native",
    ];
    for wanted in wanted {
        assert!(
            commands.iter().any(|command| words(command).join(" ") == wanted),
            "{wanted} in {commands:?}"
        );
    }

    // A stack for the traffic and one for the rest: an audit wants none beside its own.
    let (stack, busy) = tokio::join!(Stack::quiet(), Stack::quiet());
    let order = serde_json::json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "my-first-order").await.status(), 201);
    eventually("its trace", || async {
        stack.run(&["trace", "--correlation", "my-first-order"]).await.status.success().then_some(())
    })
    .await;
    let (traffic, rest): (Vec<_>, Vec<_>) =
        commands.iter().partition(|command| words(command).get(4).is_some_and(|word| word == "load"));
    let (mut known, rest) = tokio::join!(work(&busy, &traffic), work(&stack, &rest));
    known.extend(rest);
    known.extend(wanted.map(str::to_owned));
    let unknown: Vec<_> =
        commands.iter().filter(|c| !known.contains(*c) && !known.contains(&words(c).join(" "))).collect();
    assert!(unknown.is_empty(), "commands that no test runs: {unknown:?}");
}

/// Runs those of the commands that are for a running stack, and returns them.
async fn work(stack: &Stack, commands: &[&String]) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for &command in commands {
        let mut words = words(command);
        if words.first().is_some_and(|word| word == "curl") {
            for word in &mut words {
                for (port, part) in
                    [("5001", "user-service"), ("5002", "product-service"), ("5003", "order-service")]
                {
                    *word = word.replace(&format!("http://127.0.0.1:{port}"), stack.url(part));
                }
            }
            let output = tokio::process::Command::new("curl").args(&words[1..]).output().await.expect("curl");
            assert!(output.status.success(), "{command}: {}", stderr(&output));
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("200 OK") || text.contains("201 Created"), "{command}: {text}");
            known.insert(command.clone());
        } else if words.iter().take(4).map(String::as_str).eq(["cargo", "run", "--release", "--"]) {
            let args: Vec<&str> = words[4..].iter().map(String::as_str).collect();
            if args[0] == "up" {
                continue;
            }
            if args.contains(&"--follow") {
                follow(stack, &args).await;
                known.insert(command.clone());
                continue;
            }
            // Hundreds of requests and their audit take longer where other tests run beside it.
            let output = stack.run_long(&args).await;
            match args[0] {
                // On a machine that tests keep busy the generator may say that it was late itself (98).
                "load" => {
                    assert!(matches!(output.status.code(), Some(0 | 98)), "{command}: {}", said(&output));
                }
                // What is wrong has tests of its own, on stacks that have a history.
                "investigate" | "runbook" => {
                    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{command}: {}", said(&output));
                }
                // The README's answer is a guess.
                "drill" => {
                    assert!(matches!(output.status.code(), Some(0 | 1)), "{command}: {}", said(&output));
                }
                // The checks of dashboards have tests of their own, on a stack with something to show.
                "dashboards" => {
                    assert!(matches!(output.status.code(), Some(0 | 1)), "{command}: {}", said(&output));
                }
                _ => assert!(output.status.success(), "{command}: {}", said(&output)),
            }
            known.insert(command.clone());
        }
    }
    known
}

/// One that goes on: it prints something, and ends well when it is interrupted.
async fn follow(stack: &Stack, args: &[&str]) {
    let child = command(stack.home.path()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("it starts");
    let mut first = [0];
    let out = child.stdout.as_mut().expect("piped");
    timeout(PATIENCE, out.read_exact(&mut first)).await.expect("something in time").expect("readable");
    signal(child.id().expect("it runs"), rustix::process::Signal::INT);
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").expect("its status");
    assert!(output.status.success(), "{args:?}: {}", said(&output));
}
