use crate::{BAD, Place};

const POLICY: &str = r#"edition 2026
use std.http

input {
  user: key
}

rule api {
  limit rpm: 2 req/min per user using fixed_window
}
"#;

const TRAFFIC: &str = r#"{"t":60000,"user":"ada","method":"GET","path":"/a/1"}
{"t":61000,"user":"ada","method":"GET","path":"/a/2"}
{"t":62000,"user":"ada","method":"GET","path":"/a/3"}
{"t":63000,"user":"bob","method":"GET","path":"/a/3"}
"#;

fn place() -> Place {
    Place::with(&[("p.rl", POLICY), ("t.jsonl", TRAFFIC)])
}

/// The arguments of a simulation of that traffic.
fn simulate(more: &[&'static str]) -> Vec<&'static str> {
    [&["simulate", "p.rl", "--traffic", "t.jsonl"], more].concat()
}

#[test]
fn the_summary_says_who_was_refused() {
    let ran = place().rlc(&simulate(&[]));
    let (summary, speed) = ran.out.rsplit_once("\n\n").unwrap();
    assert_eq!(
        summary,
        "4 requests from 1970-01-01T00:01:00Z to 1970-01-01T00:01:03Z (3 s)

  allow                3   75.0 %  ██████████████████████████████
  exempt               0    0.0 %
  reject               1   25.0 %  ██████████
  deny                 0    0.0 %

refused by limit, of the requests it judged
  rpm                                                    1  of 4                25.0 %

refused by route, of all refused
  /a/**                                                  1  of 1               100.0 %

keys refused most, of 1 key refused
  rpm  user=ada                                          1  since 1970-01-01T00:01:02Z"
    );
    assert!(speed.ends_with(" requests a second\n"), "{speed}");
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn json_has_the_whole_summary() {
    let ran = place().rlc(&simulate(&["--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["schema"], "limitrate/simulate/v1");
    assert_eq!(json["outcomes"]["reject"], 1);
    assert_eq!(json["top_keys"][0]["key"]["user"], "ada");
    assert!(json["requests_per_second"].is_u64() && json["elapsed_ms"].is_u64());
}

#[test]
fn decisions_are_written_one_a_line() {
    let place = place();
    assert_eq!(place.rlc(&simulate(&["--decisions", "d.jsonl"])).code, 0);
    let decisions = place.read("d.jsonl");
    let third: serde_json::Value = serde_json::from_str(decisions.lines().nth(2).unwrap()).unwrap();
    assert_eq!((third["n"].as_u64(), third["outcome"].as_str()), (Some(3), Some("reject")));
    assert_eq!(decisions.lines().count(), 4);
}

#[test]
fn decisions_of_traffic_that_is_out_of_order_are_written_once() {
    let place = place();
    let mut lines: Vec<&str> = TRAFFIC.lines().collect();
    lines.rotate_left(2);
    place.write("t.jsonl", lines.join("\n"));
    let ran = place.rlc(&simulate(&["--decisions", "d.jsonl"]));
    assert!(ran.out.contains(", sorted by time\n"), "{}", ran.out);
    let decisions = place.read("d.jsonl");
    let first: serde_json::Value = serde_json::from_str(decisions.lines().next().unwrap()).unwrap();
    assert_eq!((first["t"].as_u64(), decisions.lines().count()), (Some(60_000), 4));
}

#[test]
fn what_is_read_is_not_written_over() {
    let place = place();
    for file in ["t.jsonl", "./p.rl"] {
        let ran = place.rlc(&simulate(&["--decisions", file]));
        assert!(ran.err.contains("is read here: write the decisions to another file"), "{}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    }
    assert_eq!((place.read("t.jsonl").as_str(), place.read("p.rl").as_str()), (TRAFFIC, POLICY));
    assert_eq!(place.rlc(&simulate(&["--decisions", "-"])).code, 3);
    assert_eq!(place.rlc(&simulate(&["--decisions", "no/such/place"])).code, 3);
}

#[cfg(unix)]
#[test]
fn what_is_read_is_not_written_over_by_another_of_its_names() {
    let place = place();
    for (file, name) in [("t.jsonl", "hard.jsonl"), ("p.rl", "hard.rl")] {
        std::fs::hard_link(place.path(file), place.path(name)).unwrap();
        std::os::unix::fs::symlink(place.path(file), place.path(&format!("soft-{name}"))).unwrap();
    }
    for name in ["hard.jsonl", "hard.rl", "soft-hard.jsonl", "soft-hard.rl"] {
        let arguments = [&simulate(&[])[..], &["--decisions", name]].concat();
        let ran = place.rlc(&arguments);
        assert!(ran.err.contains("is read here: write the decisions to another file"), "{}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    }
    let redirected = std::process::Command::new(env!("CARGO_BIN_EXE_rlc"))
        .args(["simulate", "p.rl", "--traffic", "-", "--decisions", "t.jsonl"])
        .current_dir(place.path(""))
        .stdin(std::fs::File::open(place.path("t.jsonl")).unwrap())
        .output()
        .unwrap();
    assert_eq!(redirected.status.code(), Some(3));
    assert_eq!((place.read("t.jsonl").as_str(), place.read("p.rl").as_str()), (TRAFFIC, POLICY));
}

#[cfg(unix)]
#[test]
fn decisions_go_to_regular_files_and_the_null_device() {
    let place = place();
    place.write("t.jsonl", TRAFFIC.lines().rev().collect::<Vec<_>>().join("\n"));
    let ran = place.rlc(&simulate(&["--decisions", "/dev/null"]));
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
    for (file, what) in [("/dev/zero", "a device"), (".", "a directory")] {
        let ran = place.rlc(&simulate(&["--decisions", file]));
        assert_eq!(ran.err, format!("error: cannot write {file}: it is {what}\n"));
        assert_eq!(ran.code, 3);
    }
}

#[test]
fn traffic_of_the_other_format_is_told_which_option_helps() {
    let place = place();
    let log = "192.0.2.1 - - [02/Mar/2026:09:00:00 +0000] \"GET /a HTTP/1.1\" 200 5\n".repeat(3);
    place.write("t.jsonl", &log);
    let ran = place.rlc(&simulate(&[]));
    let advice = "if this is an access log, say --input combined";
    assert_eq!(ran.err, format!("note: none of the 3 lines is a JSON object: {advice}\n"));
    assert_eq!(ran.code, 0);
    assert_eq!(place.rlc(&simulate(&["--strict"])).code, 1);
    place.write("t.jsonl", "{\"t\":0}\n");
    let ran = place.rlc(&simulate(&["--input", "combined"]));
    let advice = "if this is JSON, say --input jsonl";
    assert_eq!(ran.err, format!("note: the only line is not a line of an access log: {advice}\n"));
}

#[test]
fn a_name_as_long_as_a_file_is_cut_in_notes() {
    let place = place();
    place.write("t.jsonl", format!("{{\"t\":0,\"user\":\"a\",\"{}\":1}}\n", "n".repeat(100_000)));
    let ran = place.rlc(&simulate(&[]));
    assert!(ran.err.starts_with("note: `nnn") && ran.err.len() < 300, "{}", ran.err);
    assert!(place.rlc(&simulate(&["--format", "json"])).out.len() < 5000);
}

#[test]
fn skipped_lines_are_said_and_fail_a_strict_run() {
    let place = place();
    place.write("t.jsonl", format!("{TRAFFIC}nonsense\n{{\"user\":\"x\"}}\n"));
    let ran = place.rlc(&simulate(&[]));
    assert!(ran.out.contains("\n2 lines skipped\n"), "{}", ran.out);
    assert!(ran.out.contains("no time") && ran.out.contains("  line 6\n"), "{}", ran.out);
    assert!(ran.out.contains("    line 5: not JSON at byte 2\n"), "{}", ran.out);
    assert_eq!(ran.code, 0);
    assert_eq!(place.rlc(&simulate(&["--strict"])).code, 1);
}

#[test]
fn a_fact_that_no_record_has_is_named_with_what_helps() {
    let place = Place::with(&[
        ("p.rl", POLICY),
        ("a.log", "192.0.2.1 - - [02/Mar/2026:09:00:00 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"x\"\n"),
    ]);
    let run = |more: &[&str]| place.rlc(&[&["simulate", "p.rl", "--traffic", "a.log"], more].concat());
    let ran = run(&[]);
    assert_eq!(
        ran.err,
        "note: every request was denied: no request has `user`: derive it, e.g. --map user=ip, or give it a \
         constant, --set user=…\n"
    );
    assert!(ran.out.contains("  user is missing (line 1)"), "{}", ran.out);
    let ran = run(&["--map", "user=ip"]);
    assert!(ran.out.contains("  allow                1  100.0 %"), "{}", ran.out);
    assert_eq!((run(&["--set", "user=ada"]).err.as_str(), ran.code), ("", 0));
}

#[test]
fn a_mistyped_member_is_mentioned() {
    let place = place();
    place.write("t.jsonl", TRAFFIC.replace("\"user\"", "\"usr\""));
    let ran = place.rlc(&simulate(&[]));
    assert!(
        ran.err
            .starts_with("note: `usr` in 4 records is read by no fact of the policy; did you mean `user`?\n"),
        "{}",
        ran.err
    );
}

#[test]
fn traffic_comes_from_the_standard_input_too() {
    let ran = place().rlc_with(&["simulate", "p.rl", "--traffic", "-"], TRAFFIC);
    assert!(ran.out.starts_with("4 requests"), "{}", ran.out);
    let ran = place().rlc_with(&["simulate", "-", "--traffic", "-"], TRAFFIC);
    assert_eq!(ran.code, 3);
}

#[test]
fn no_requests_are_said_to_be_none() {
    let ran = place().rlc_with(&["simulate", "p.rl", "--traffic", "-"], "");
    assert_eq!((ran.out.as_str(), ran.code), ("no requests\n", 0));
}

#[test]
fn mistakes_are_usage_errors_with_a_reason() {
    let place = place();
    place.write("b.rl", BAD);
    place.write("t.csv", "t,user\n");
    for (arguments, reason) in [
        (vec!["simulate", "p.rl"], "--traffic <FILE>"),
        (vec!["simulate", "p.rl", "--traffic", "none.log"], "cannot read none.log: there is no such file"),
        (vec!["simulate", "p.rl", "--traffic", "u.jsonl"], "no such file; did you mean t.jsonl?"),
        (simulate(&["--map", "user="]), "`user` is mapped to a member without a name"),
        (vec!["simulate", "p.rl", "--traffic", "."], "cannot read .: it is a directory"),
        (vec!["simulate", "p.rl", "--traffic", "/dev/zero"], "cannot read /dev/zero: it is a device"),
        (vec!["simulate", "p.rl", "--traffic", "t.csv"], "CSV is not supported yet"),
        (simulate(&["--input", "xml"]), "no such format: use `jsonl` or `combined`"),
        (simulate(&["--set", "usr=x"]), "the policy has no fact `usr`"),
        (simulate(&["--set", "user"]), "write NAME=VALUE"),
        (simulate(&["--set", "user=a", "--map", "user=ip"]), "`user` is set or mapped twice"),
        (simulate(&["--store", "disk:x"]), "`disk` is no kind of store; there are `memory`, `sqlite`"),
        (simulate(&["--generate", "steady"]), "unexpected argument '--generate'"),
    ] {
        let ran = place.rlc(&arguments);
        assert!(ran.err.contains(reason), "{arguments:?}: {}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 3), "{arguments:?}");
    }
    let ran = place.rlc(&["simulate", "b.rl", "--traffic", "t.jsonl"]);
    assert!(ran.err.contains("error[RL0101]"), "{}", ran.err);
    assert_eq!(ran.code, 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_its_writer() {
    let place = place();
    let made = std::process::Command::new("mkfifo").arg(place.path("fifo")).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    let ran = place.rlc(&["simulate", "p.rl", "--traffic", "fifo"]);
    assert_eq!(ran.err, "error: cannot read fifo: it is a pipe; write `-` for the standard input\n");
    assert_eq!(ran.code, 3);
    let ran = place.rlc(&simulate(&["--decisions", "fifo"]));
    assert_eq!((ran.err.as_str(), ran.code), ("error: cannot write fifo: it is a pipe\n", 3));
}

const BUDGET: &str = r#"input { user : key  most : tokens = 100 tokens  usage.output : tokens after response }
rule chat {
  limit day: 300 tokens/day per user resets in "UTC" reserve most settle usage.output warn at 50%
}
shadow rule tighter { limit tight: 1 req/min per user using fixed_window }
"#;

#[test]
fn settlements_warnings_and_shadows_are_summed_up() {
    let request = |t: u32, reply: &str| format!("{{\"t\":{t},\"user\":\"ada\"{reply}}}\n");
    let traffic = request(0, ",\"reply\":{\"after_ms\":5,\"usage.output\":10}")
        + &request(1, ",\"reply\":{\"after_ms\":5,\"usage.output\":20}")
        + &request(2, "")
        + &request(3, "");
    let place = Place::with(&[("budget.rl", BUDGET), ("traffic.jsonl", &traffic)]);
    let ran = place.rlc(&["simulate", "budget.rl", "--traffic", "traffic.jsonl"]);
    for line in [
        "day at 50%",
        "300 tokens reserved, 130 tokens spent, 1 stood as reserved",
        "would be refused by a limit in shadow, of the requests it judged",
        "tight  user=ada",
    ] {
        assert!(ran.out.contains(line), "{line}\n{}", ran.out);
    }
    let ran = place.rlc(&["simulate", "budget.rl", "--traffic", "traffic.jsonl", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (json["settled"][0]["actual"].as_i64(), json["settled"][0]["unit"].as_str()),
        (Some(130), Some("tokens"))
    );
    assert_eq!((json["outcomes"]["allow"].as_i64(), json["outcomes"]["reject"].as_i64()), (Some(3), Some(1)));
    assert_eq!(json["shadow"]["limits"][0]["refused"], 2);
}

/// The same requests, the same answers: only memory says how many counters it keeps.
#[test]
fn a_store_of_another_kind_gives_the_same_summary() {
    let place = place();
    let summary = |more: &[&'static str]| {
        let ran = place.rlc(&simulate(&[more, &["--format", "json"]].concat()));
        assert_eq!((ran.err.as_str(), ran.code), ("", 0));
        let mut json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let fields = json.as_object_mut().unwrap();
        let counters = fields.remove("counters");
        fields.remove("elapsed_ms");
        fields.remove("requests_per_second");
        (json, counters)
    };
    let (memory, counters) = summary(&[]);
    assert_eq!(counters, Some(2.into()));
    for _ in 0..2 {
        // A second run finds nothing of the first.
        assert_eq!(summary(&["--store", "sqlite:run.db"]), (memory.clone(), None));
    }
}

#[test]
fn a_store_that_cannot_be_reached_is_a_matter_of_the_environment() {
    let ran = place().rlc(&simulate(&["--store", "redis://:secret@127.0.0.1:1"]));
    assert_eq!((ran.out.as_str(), ran.code), ("", 4));
    let wanted = "error: --store: the store cannot be reached: no connection to 127.0.0.1:1: ";
    assert!(ran.err.starts_with(wanted), "{}", ran.err);
    assert!(!ran.err.contains("secret"), "{}", ran.err);
}
