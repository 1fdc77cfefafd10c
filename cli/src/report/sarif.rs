//! SARIF 2.1.0, the OASIS exchange format of static analysis results.

use limitrate_compiler::grammar::{code::Code, diagnostic::Severity};
use serde_json::{Value, json};

use crate::json::{Finding, Place};

/// A log of one run with these findings, and the failures of files that were not read.
pub(crate) fn log(findings: &[Finding], unread: &[(String, String)]) -> Value {
    let rules: Vec<Code> =
        Code::ALL.iter().copied().filter(|code| findings.iter().any(|f| f.code == code.as_str())).collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &rules)).collect();
    let notifications: Vec<Value> = unread
        .iter()
        .map(|(file, why)| {
            json!({
                "level": "error",
                "message": { "text": why },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(file) } } }],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "rlc",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().copied().map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": unread.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    let level = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.title() },
        "help": { "text": format!("rlc explain {code}") },
        "defaultConfiguration": { "level": level },
    })
}

fn result(finding: &Finding, rules: &[Code]) -> Value {
    let related: Vec<Value> = finding
        .labels
        .iter()
        .enumerate()
        .skip(1)
        .map(|(id, label)| {
            let mut place = location(&label.place);
            if let Some(place) = place.as_object_mut() {
                place.insert("id".into(), json!(id));
                place.insert("message".into(), json!({ "text": label.text }));
            }
            place
        })
        .collect();
    let fixes: Vec<Value> = finding
        .fixes
        .iter()
        .map(|fix| {
            let replacement = json!({
                "deletedRegion": { "byteOffset": fix.start, "byteLength": fix.end.saturating_sub(fix.start) },
                "insertedContent": { "text": fix.replacement },
            });
            json!({
                "description": { "text": fix.title },
                "artifactChanges": [{
                    "artifactLocation": { "uri": uri(&fix.file) },
                    "replacements": [replacement],
                }],
            })
        })
        .collect();
    let mut text = finding.message.clone();
    if let Some(help) = &finding.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    json!({
        "ruleId": finding.code,
        "ruleIndex": rules.iter().position(|code| code.as_str() == finding.code),
        "level": finding.severity,
        "message": { "text": text },
        "locations": [location(&finding.place)],
        "relatedLocations": related,
        "fixes": fixes,
    })
}

fn location(place: &Place) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.file) },
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
            "byteOffset": place.start,
            "byteLength": place.end.saturating_sub(place.start),
        },
    } })
}

/// A path as a URI reference; RFC 3986, section 3.3.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
